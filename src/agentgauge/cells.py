"""Cells: where calls are counted, fast to write from any thread, folded into totals when read.

A call costs its caller two readings of the clock and three appends to lists: when it began, when one that has ended
began, and how long it took. Each of those is one atomic step, so no lock is taken; ``Cells.fold`` takes what was
appended, and what began and has not ended is in flight.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, TypeVar

from agentgauge.kinds import KINDS
from agentgauge.record import Record
from agentgauge.totals import OTHER, Family, Labels, Totals

_T = TypeVar("_T")

VALVE: Final = 4096
"""A cell that holds so many calls is folded by a caller, which bounds memory without scrapes."""

_LOOK_SECONDS: Final = 0.001
"""How often a caller looks whether a cell does: a comparison of two floats is what a call can afford for it."""

_HOLD_SECONDS: Final = 2.0
_MOST_CELLS: Final = 1000


class Cell:
    """Calls of one kind under one set of labels.

    Attributes:
        begun: the clock's readings when calls began, not yet folded.
        ended: the same readings again, of those that have ended, well or not.
        done: durations of successful calls not yet folded, in seconds.
        amounts: further amounts of successful calls not yet folded, by name.
        flying: when the calls in flight began, as of the last fold.
        due: a successful call that began after this reading ends with ``close``; others may append by themselves.
    """

    __slots__ = ("_born", "_foreign", "amounts", "begun", "done", "due", "ended", "flying", "kind", "labels", "name")

    def __init__(self, kind: str, name: str, labels: Labels, amounts: tuple[str, ...]) -> None:
        self.kind = kind
        self.name = name
        self.labels = labels
        self.begun: list[float] = []
        self.ended: list[float] = []
        self.done: list[float] = []
        self.amounts: dict[str, list[float]] = {amount: [] for amount in amounts}
        self.flying: list[float] = []
        self.due = -math.inf
        self._born = -math.inf
        self._foreign = False

    def begin(self) -> float:
        """Note that a call begins, and return when."""
        start = time.perf_counter()
        self.begun.append(start)
        return start

    def end(self, start: float) -> float | None:
        """Note that a call has ended, and return its duration; None where it began in the process that forked."""
        if start < self._born:
            return None
        self.ended.append(start)
        return time.perf_counter() - start

    def close(self, start: float, duration: float) -> bool:
        """Count a successful call, and fold if that is due; False where it began in the process that forked."""
        if start < self._born:
            return False
        self.done.append(duration)
        self.ended.append(start)
        if not self._foreign:
            self.due = time.perf_counter() + _LOOK_SECONDS
        if len(self.done) >= VALVE:
            CELLS.relieve()
        return True

    def settle(self) -> None:
        """Find what is in flight: what began less what has ended."""
        number_ended = len(self.ended)  # first: whatever is in it has begun
        number_begun = len(self.begun)
        begun, ended = self.begun[:number_begun], self.ended[:number_ended]
        if self.flying:
            begun += self.flying
        if begun == ended:  # one after the other
            flying = []
        else:
            begun.sort()
            ended.sort()
            flying = _missing(begun, ended)
        # At last, and without a call: a signal's handler that raises comes before all of it or after.
        self.flying = flying
        del self.begun[:number_begun]
        del self.ended[:number_ended]

    def reset(self) -> None:
        """Forget everything counted and in flight."""
        self.settle()
        self._foreign = bool(self.flying)
        self._born, self.due = time.perf_counter(), -math.inf
        for values in (self.begun, self.ended, self.done, self.flying, *self.amounts.values()):
            values.clear()


class Cells:
    """All cells of a process.

    Args:
        totals: where the cells are folded to.
    """

    def __init__(self, totals: Totals) -> None:
        self.totals = totals
        self._lock = threading.Lock()
        self._cells: dict[tuple[str, Labels], Cell] = {}
        self._sizes: dict[str, int] = {}
        self._seen: dict[str, list[set[str]]] = {}
        self._records: list[Record] = []
        self._finish: Callable[[Record], Record] | None = None
        self._polls: list[Callable[[], Iterable[Record]]] = []
        self._held = False

    def cell(
        self, kind: str, name: str, labels: dict[str, str], amounts: tuple[str, ...] = (), *, declare: bool = True
    ) -> Cell:
        """Return the cell of these labels, and expose what it feeds at 0 from now on.

        Args:
            kind: a kind of record.
            name: what the calls in flight are called.
            labels: the labels of a successful call.
            amounts: the amounts it will be given beside the duration.
            declare: False where the caller knows better which series there will be.
        """
        key = tuple([labels.get(label, "") for label in KINDS[kind].labels])
        found = self._cells.get((kind, key))
        if found is None:
            with self._lock:
                admitted = self._admit(kind, key)
                name = name if admitted == key else OTHER
                found = self._cells.setdefault((kind, admitted), Cell(kind, name, admitted, amounts))
            if declare and admitted == key:
                self.totals.declare_kind(kind, labels)
        return found

    def record(self, record: Record) -> None:
        """Keep one record until the next fold."""
        self._records.append(record)
        if len(self._records) > VALVE:
            self.relieve()

    def finish_records(self, finish: Callable[[Record], Record]) -> None:
        """Pass each record through ``finish`` when it is folded, away from the caller that made it."""
        self._finish = finish

    def watch(self, poll: Callable[[], Iterable[Record]]) -> None:
        """Ask at each fold what is new of something that counts by itself; ``poll`` must not raise."""
        self._polls.append(poll)

    def unwatch(self, poll: Callable[[], Iterable[Record]]) -> None:
        """Stop asking; what is not asked is ignored."""
        with suppress(ValueError):
            self._polls.remove(poll)

    def fold(self) -> None:
        """Bring everything that has ended into the totals, and the gauges of calls in flight up to date."""
        with self._lock:
            self._fold()
            self._gauge_in_flight()

    def relieve(self) -> None:
        """Fold unless someone else is folding."""
        # Not acquire() and release(): a signal's handler that raises between them would leave it locked for ever.
        if not self._lock.locked():
            with self._lock:
                self._fold()

    def hold(self) -> None:
        """Fold and let nobody else fold until ``release``: a process is about to fork, and what there is is its own."""
        self._held = self._lock.acquire(timeout=_HOLD_SECONDS)  # for ever, were it this thread that folds
        if self._held:
            self._fold()

    def release(self) -> None:
        """Let others fold again."""
        if self._held:
            self._held = False
            self._lock.release()

    def expose(self) -> list[Family]:
        """Fold, and return the totals for a scrape."""
        self.fold()
        return self.totals.expose()

    def reset(self) -> None:
        """Forget everything counted and in flight, in place: the state of a forked child."""
        self._lock, self._held = threading.Lock(), False
        self._records.clear()
        for cell in self._cells.values():
            cell.reset()
        self.totals.reset()

    def _admit(self, kind: str, key: Labels) -> Labels:
        """Return the labels a new cell is kept under: blocks of ever new names must not make ever more cells."""
        seen = self._seen.setdefault(kind, [set() for _ in key])
        if self._sizes.get(kind, 0) < _MOST_CELLS:
            self._sizes[kind] = self._sizes.get(kind, 0) + 1
            for value, known in zip(key, seen, strict=True):
                known.add(value)
            return key
        for metric in {fold.metric for fold in KINDS[kind].folds}:
            self.totals.increase("agentgauge_label_values_capped_total", (metric,))
        return tuple([value if value in known else OTHER for value, known in zip(key, seen, strict=True)])

    def _fold(self) -> None:
        # A list, not the dictionary: a thread that meets a new label set may be adding its cell.
        for cell in list(self._cells.values()):
            if cell.begun or cell.ended:
                cell.settle()
            if cell.done:
                durations = _taken(cell.done)
                amounts = {name: _taken(values) for name, values in cell.amounts.items()}
                amounts["duration_seconds"] = durations
                self.totals.fold_all(cell.kind, cell.labels, amounts, len(durations))
        for poll in list(self._polls):
            for record in poll():
                self.totals.fold(record)
        for record in _taken(self._records):
            try:
                self.totals.fold(self._finish(record) if self._finish else record)
            except Exception:  # noqa: BLE001 - one that cannot be counted must not keep the others from it
                self.totals.increase("agentgauge_records_total", ("instrument", "invalid"))

    def _gauge_in_flight(self) -> None:
        now = time.perf_counter()
        ages: dict[Labels, list[float]] = {}
        for cell in list(self._cells.values()):
            ages.setdefault((cell.kind, cell.name), []).extend(now - start for start in cell.flying)
        for labels, open_ages in ages.items():
            self.totals.set("agentgauge_in_flight", labels, float(len(open_ages)))
            self.totals.set("agentgauge_oldest_in_flight_seconds", labels, max(open_ages, default=0.0))


def _missing(begun: list[float], ended: list[float]) -> list[float]:
    """Return what of one sorted list is not in another, which has nothing else.

    The two differ in few places: stretches of growing length are compared up to each, a hundred times as fast as one
    by one, and ten times as fast as sets.
    """
    missing: list[float] = []
    place = 0
    while len(missing) < len(begun) - len(ended):
        length = 1
        while length and place < len(ended):
            first = place + len(missing)
            if begun[first : first + length] == ended[place : place + length]:
                place += length
                length *= 2
            else:
                length //= 2
        missing.append(begun[place + len(missing)])
    return missing


def _taken(values: list[_T]) -> list[_T]:
    """Remove and return what the list holds now; what is appended meanwhile stays."""
    number = len(values)
    taken = values[:number]
    del values[:number]
    return taken


CELLS: Final = Cells(Totals())
"""The process's own cells, which the decorators write to."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=CELLS.hold, after_in_parent=CELLS.release, after_in_child=CELLS.reset)
