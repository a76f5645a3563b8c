"""Where agentgauge keeps its state: AGENTGAUGE_HOME."""

import os

_SPOOL_MAX_BYTES = 1 << 30


def home() -> str:
    """Return the state directory: AGENTGAUGE_HOME, else ``agentgauge`` under XDG_STATE_HOME or ~/.local/state."""
    # Settings files of hooks pass a tilde on as it is; no shell expands it there.
    if own := os.environ.get("AGENTGAUGE_HOME"):
        return os.path.abspath(os.path.expanduser(own))  # noqa: PTH100, PTH111 - pathlib costs a hook a tenth of its time
    base = os.environ.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):  # the specification says that relative ones are to be ignored
        base = os.path.expanduser("~/.local/state")  # noqa: PTH111
    return base + "/agentgauge"


def spool_directory() -> str:
    """Return the directory of the spool."""
    return home() + "/spool"


def spool_file() -> str:
    """Return the one file that writers append to."""
    return home() + "/spool/spool.jsonl"


def spool_max_bytes() -> int:
    """Return the size of that file at which writers drop: AGENTGAUGE_SPOOL_MAX_BYTES, else 1 GiB."""
    text = os.environ.get("AGENTGAUGE_SPOOL_MAX_BYTES", "")
    return int(text) if text.isascii() and text.isdigit() else _SPOOL_MAX_BYTES
