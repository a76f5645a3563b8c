"""A service under test: agents that work on several threads, as fast and as well as its standard input says.

    python -m tests.integration.workload PORT

Each line of standard input is ``LATENCY_FACTOR ERROR_RATIO``; it ends with its input.
"""

import contextlib
import random
import sys
import threading
import time

import agentgauge as ag

AGENT = "proof-agent"
THREADS = 6
MEDIAN_SECONDS = 0.25
PAUSE_SECONDS = 0.25
SPREAD = 0.1

state = {"latency": 1.0, "errors": 0.0}


class WorkError(Exception):
    """What the agent fails with."""


def duration(latency: float) -> float:
    """Return how long one run takes."""
    return MEDIAN_SECONDS * latency * random.lognormvariate(0, SPREAD)


@ag.agent(AGENT, task_type="proof")
def work() -> None:
    """One run."""
    time.sleep(duration(state["latency"]))
    if random.random() < state["errors"]:
        raise WorkError


def _work_on() -> None:
    while True:
        with contextlib.suppress(WorkError):
            work()
        time.sleep(PAUSE_SECONDS)


def main() -> None:
    """Serve and work until standard input ends."""
    ag.serve(int(sys.argv[1]))
    for _ in range(THREADS):
        threading.Thread(target=_work_on, daemon=True).start()
    for line in sys.stdin:
        latency, errors = line.split()
        state.update(latency=float(latency), errors=float(errors))


if __name__ == "__main__":
    main()
