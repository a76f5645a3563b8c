"""The intake: what collectors read becomes totals, and what is exposed is saved first.

A counter that was seen must not be lower after a kill, so a scrape saves before it answers. What collectors have
read and what was counted of it are saved together, in one file: nothing is lost and nothing counted twice.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from agentgauge.errors import AgentgaugeError
from agentgauge.exporter.budgets import Budgets
from agentgauge.record import Batch, Delta, Record
from agentgauge.totals import Family, Totals

_log: Final = logging.getLogger(__name__)
_RECORDS: Final = "agentgauge_records_total"
_RESULTS: Final = ("accepted", "duplicate", "invalid", "dropped")
_ERRORS: Final = "agentgauge_checkpoint_errors_total"


class Collector(Protocol):
    """What reads records from somewhere.

    ``poll`` yields what is new since the last poll; ``state`` is JSON-able and includes all that was yielded.
    """

    @property
    def name(self) -> str:
        """Return the ``source`` label."""

    def poll(self) -> Iterable[Record | Delta | Batch]:
        """Yield what is new."""

    def state(self) -> object:
        """Return where the next poll starts."""

    def restore(self, state: object) -> None:
        """Start the next poll there."""


class Checkpoint(Protocol):
    """Sections of state, saved together or not at all."""

    def load(self) -> dict[str, Any]:
        """Return the saved sections; none yet is an empty dict."""

    def save(self, sections: dict[str, Any]) -> None:
        """Replace what is saved."""


class Intake:
    """Polls collectors into totals and budgets, and saves them.

    Args:
        collectors: each with its own name.
        totals: what is counted.
        budgets: what is spent.
        checkpoint: where it is saved.
    """

    def __init__(
        self, collectors: Sequence[Collector], totals: Totals, budgets: Budgets, checkpoint: Checkpoint
    ) -> None:
        self._collectors = collectors
        self._totals = totals
        self._budgets = budgets
        self._checkpoint = checkpoint
        self._lock = threading.Lock()
        self._failing: dict[str, str] = {}
        self._unsaved = False
        self._unexposed = False
        self._stopped = threading.Event()
        self._torn = False
        self._first: set[str] = set()
        self.ready = False
        self.fold_seconds = 0.0

    def restore(self) -> None:
        """Continue where the last process' checkpoint ended.

        Raises:
            SpoolError: the checkpoint cannot be read.
        """
        sections = self._checkpoint.load()
        self._first = {collector.name for collector in self._collectors} - sections.keys()
        if "totals" in sections:
            self._totals.restore(sections["totals"])
        if "budgets" in sections:
            self._budgets.restore(sections["budgets"])
        for collector in self._collectors:
            if collector.name in sections:
                collector.restore(sections[collector.name])
            for result in _RESULTS:
                self._totals.declare(_RECORDS, (collector.name, result))
        self._totals.declare(_ERRORS, ())

    def fold(self) -> int:
        """Poll every collector once and return how much there was to read."""
        with self._lock:
            return self._fold()

    def fold_one(self, name: str) -> None:
        """Poll one collector, where all have been polled before."""
        with self._lock:
            if self.ready:
                for collector in self._collectors:
                    if collector.name == name:
                        self._drain(collector)

    def scrape(self) -> list[Family]:
        """Fold, save what is about to be seen, and return it."""
        with self._lock:
            self._fold()
            # Saved after ``expose``: were a series saved as never shown and then shown, a kill in between would make
            # the next process show it at 0 again, and a counter that falls is read as a restart from nothing.
            families = self._totals.expose()
            if self._unsaved or self._unexposed:
                self._save()
            self._unexposed = False
            return families

    def save(self) -> None:
        """Save, where there is something new."""
        with self._lock:
            if self._unsaved:
                self._save()

    def close(self, timeout: float) -> bool:
        """Stop a fold that is under way; where none is, fold and save a last time.

        Args:
            timeout: seconds to wait for a fold to stop.

        Returns:
            Whether everything read is saved. Otherwise the next process reads it again, from the last checkpoint.
        """
        if not self._lock.acquire(timeout=timeout):
            self._stopped.set()
            if not self._lock.acquire(timeout=timeout):
                return False
        try:
            if not self._torn:
                self._fold()
                self._save()
            return not self._torn and not self._unsaved
        finally:
            self._lock.release()

    def problem(self) -> str:
        """Return one line on what fails, or nothing."""
        return "; ".join(self._failing.values())

    def _fold(self) -> int:
        started = time.perf_counter()
        first, self._first = self._first, set()
        entries = sum([self._drain(collector) for collector in self._collectors if collector.name in first])
        if first:
            # A long backlog takes several polls, and all of it is history.
            self._first = {each.name for each in self._collectors if each.name in first and _is_behind(each)}
            # What was there before anybody looked is history: shown at 0 first, months of it would be one burst.
            self._totals.settle()
        entries += sum([self._drain(collector) for collector in self._collectors if collector.name not in first])
        self.fold_seconds = time.perf_counter() - started
        self.ready = not self._torn
        return entries

    def _drain(self, collector: Collector) -> int:
        accepted, entries = 0, 0
        now = time.time()
        try:
            for entry in collector.poll():
                if self._stopped.is_set():
                    self._torn = True
                    break
                if isinstance(entry, Batch):
                    self._totals.fold_batch(entry)
                    entries += len(entry)
                    accepted += len(entry)
                elif isinstance(entry, Record):
                    self._totals.fold(entry)
                    entries += 1
                    accepted += entry.kind != "read"
                else:
                    self._totals.add(entry)
                    entries += 1
                    accepted += 1
                self._budgets.spend(entry, now)
        except (AgentgaugeError, OSError) as error:
            self._fails(collector.name, f"{collector.name}: {error}")
        else:
            self._works(collector.name)
        if entries:
            self._totals.increase(_RECORDS, (collector.name, "accepted"), accepted)
            self._unsaved = self._unexposed = True
        return entries

    def _save(self) -> None:
        if self._torn:
            return
        sections = {collector.name: collector.state() for collector in self._collectors}
        try:
            self._checkpoint.save(
                {"totals": self._totals.snapshot(), "budgets": self._budgets.state(), **sections},
            )
        except (AgentgaugeError, OSError) as error:
            self._totals.increase(_ERRORS, ())
            self._fails(
                "checkpoint", f"the checkpoint cannot be saved, so a crash now would take counters back: {error}"
            )
            return
        self._works("checkpoint")
        self._unsaved = False

    def _fails(self, what: str, line: str) -> None:
        if what not in self._failing:
            _log.warning("%s", line)
        self._failing[what] = line

    def _works(self, what: str) -> None:
        if self._failing.pop(what, None) is not None:
            _log.info("%s works again", what)


def _is_behind(collector: Collector) -> bool:
    """Return whether a poll ended before all was read, as only the spool's does."""
    return bool(getattr(collector, "behind", False))
