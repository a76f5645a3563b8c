"""The sidecar: source, window, statistics, findings, gauges."""

import os

# Read when numpy is first imported: a monitor must not start a thread per core, nor keep 30 MB of buffers for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
