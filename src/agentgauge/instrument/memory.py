"""Memory growth of calls: the process's resident memory before and after, where asked for."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentgauge.cells import CELLS
from agentgauge.errors import UsageError
from agentgauge.instrument.meter import Meter


class MemoryMeter:
    """Another meter that also observes by how much the process's resident memory grew.

    The process's, not the call's: calls that overlap see each other's growth, and memory the allocator had kept
    is no growth. It shows what leaks over many calls, for some 10 µs each; tracemalloc would cost a multiple of
    the call itself.

    Args:
        meter: measures all else.
        kind: agent, tool or workflow.
        name: what the calls are called.
    """

    __slots__ = ("_before", "_labels", "_meter", "_resident")

    def __init__(self, meter: Meter, kind: str, name: str) -> None:
        self._meter = meter
        self._labels = (kind, name)
        self._resident = _reader()
        self._before: dict[Any, float] = {}
        CELLS.totals.declare("agentgauge_call_memory_growth_bytes", self._labels)

    def begin(self) -> Any:
        """Note that a call began."""
        before = self._resident()
        token = self._meter.begin()
        self._before[token] = before
        return token

    def end(self, token: Any, result: object) -> None:
        """Note that it returned."""
        self._meter.end(token, result)
        self._observe(token)

    def fail(self, token: Any, error: BaseException) -> None:
        """Note that it raised."""
        self._meter.fail(token, error)
        self._observe(token)

    def drop(self, token: Any) -> None:
        """Note that it was no call yet."""
        self._meter.drop(token)
        self._before.pop(token, None)

    def suspend(self, token: Any, item: object) -> None:
        """Note that a generator yields."""
        self._meter.suspend(token, item)

    def resume(self, token: Any) -> None:
        """Note that it goes on."""
        self._meter.resume(token)

    def _observe(self, token: Any) -> None:
        growth = self._resident() - self._before.pop(token, math.nan)
        if not math.isnan(growth):
            CELLS.totals.observe("agentgauge_call_memory_growth_bytes", self._labels, max(0.0, growth))


def with_memory(meter: Meter, kind: str, name: str, memory: bool) -> Meter:
    """Return the meter, measuring memory too where that is asked for.

    Raises:
        UsageError: ``memory`` is not True or False, or this system does not tell a process's memory.
    """
    if not isinstance(memory, bool):
        raise UsageError(f"@{kind}: memory must be True or False, not {type(memory).__name__}")
    return MemoryMeter(meter, kind, name) if memory else meter


def _reader() -> Callable[[], float]:
    """Return what reads the process's resident memory in bytes, NaN where it cannot be read just now."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        page = float(os.sysconf("SC_PAGE_SIZE"))

        def resident() -> float:
            # Opened anew: after a fork, an open one would still tell of the parent.
            try:
                return int(statm.read_bytes().split()[1]) * page
            except OSError:  # no file descriptor left
                return math.nan

        return resident
    try:
        import psutil
    except ImportError:
        raise UsageError("memory=True needs psutil on this system: pip install psutil") from None
    return lambda: float(psutil.Process().memory_info().rss)
