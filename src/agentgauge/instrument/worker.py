"""Workers: processes of one service that reach one ``/metrics`` through the spool."""

import atexit
import multiprocessing.util
import os
import sys
import threading
from typing import Final

from agentgauge.cells import CELLS
from agentgauge.errors import UsageError
from agentgauge.record import Delta
from agentgauge.totals import Histogram, Labels
from agentgauge_spool import write

_sent: Final[dict[tuple[str, Labels], float | Histogram]] = {}
_lock = threading.Lock()
_pid = 0
_thread: "_Thread | None" = None
_STOP_SECONDS: Final = 5.0


def report_to_spool(interval_seconds: float = 1.0) -> None:
    """Append what this process counts to the spool from now on, where an exporter adds up all processes.

    For forked and spawned workers (gunicorn, uvicorn, multiprocessing, Celery) and short-lived scripts: call it once
    in the parent or in each worker. What is left is sent when the process ends normally. An isolated sub-interpreter
    may have no thread for it: what it counts is sent when it ends.

    Args:
        interval_seconds: between two appends.

    Raises:
        UsageError: the interval is not a number > 0.
    """
    global _pid
    if isinstance(interval_seconds, bool) or not isinstance(interval_seconds, (int, float)) or not interval_seconds > 0:
        raise UsageError("report_to_spool: interval_seconds must be a number > 0")
    if _pid == os.getpid():
        return
    if not _pid:
        os.register_at_fork(after_in_child=lambda: _begin(interval_seconds))
        atexit.register(_end)
        # multiprocessing's children end without atexit, and forget the finalizers they were forked with.
        multiprocessing.util.register_after_fork(
            CELLS, lambda _: multiprocessing.util.Finalize(None, _end, exitpriority=1)
        )
        # Celery's children kill themselves, and say so before; a process that has not loaded Celery is none of them.
        signals = sys.modules.get("celery.signals")
        if signals is not None:
            signals.worker_process_shutdown.connect(_end, weak=False)
    _pid = os.getpid()
    _begin(interval_seconds)


def _begin(interval_seconds: float) -> None:
    global _lock, _pid, _thread
    _lock, _pid = threading.Lock(), os.getpid()
    _sent.clear()  # a child's cells start from zero
    try:
        _thread = _Thread(interval_seconds)
        _thread.start()
    except RuntimeError:  # an isolated sub-interpreter
        _thread = None


class _Thread(threading.Thread):
    """Sends regularly, until it is stopped."""

    def __init__(self, interval_seconds: float) -> None:
        super().__init__(name="agentgauge", daemon=True)
        self._interval = interval_seconds
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(self._interval):
            _send()

    def stop(self) -> None:
        """End it: no sub-interpreter can end while one of its threads runs."""
        self._ended.set()
        self.join(_STOP_SECONDS)


def _end(**_: object) -> None:
    """Send what is left, for the last time."""
    if _thread is not None:
        _thread.stop()
    _send()


def _send() -> None:
    with _lock:
        CELLS.fold()
        for family in CELLS.totals.families():
            if family.metric.type == "gauge":
                continue
            for labels, value in family.samples.items():
                series = (family.metric.name, labels)
                before = _sent.get(series)
                # A line each: of several in one write, a full disk might take some, and they would be sent again.
                if value != before and write(_delta(*series, value, before).to_line()):
                    _sent[series] = value


def _delta(metric: str, labels: Labels, now: float | Histogram, before: float | Histogram | None) -> Delta:
    if isinstance(now, Histogram):
        old = before if isinstance(before, Histogram) else Histogram([0] * len(now.counts))
        counts = tuple(a - b for a, b in zip(now.counts, old.counts, strict=True))
        return Delta(metric, labels, max(0.0, now.sum - old.sum), counts)
    return Delta(metric, labels, now - (before if isinstance(before, float) else 0.0))
