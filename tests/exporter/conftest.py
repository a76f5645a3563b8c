"""A collector and a checkpoint that a test writes into."""

from collections.abc import Iterable
from typing import Any

import pytest

from agentgauge.errors import SpoolError
from agentgauge.exporter.budgets import Budgets
from agentgauge.exporter.intake import Intake
from agentgauge.record import Delta, Record
from agentgauge.totals import Totals


class FakeCollector:
    """A list of records, read from a position that is its state."""

    def __init__(self, name: str, entries: list[Record | Delta]) -> None:
        self.name = name
        self.entries = entries
        self.error: Exception | None = None
        self._position = 0

    def poll(self) -> Iterable[Record | Delta]:
        while self._position < len(self.entries):
            self._position += 1
            yield self.entries[self._position - 1]
        if self.error is not None:
            raise self.error

    def state(self) -> object:
        return self._position

    def restore(self, state: object) -> None:
        assert isinstance(state, int)
        self._position = state


class FakeCheckpoint:
    """Sections in memory, which outlive the process that a test pretends to kill."""

    def __init__(self) -> None:
        self.sections: dict[str, Any] = {}
        self.full = False
        self.saves = 0

    def load(self) -> dict[str, Any]:
        return self.sections

    def save(self, sections: dict[str, Any]) -> None:
        if self.full:
            raise SpoolError("checkpoint.json cannot be written: No space left on device")
        self.sections = sections
        self.saves += 1


class Machine:
    """What survives a kill: what there is to read, and the checkpoint."""

    def __init__(self) -> None:
        self.entries: list[Record | Delta] = []
        self.checkpoint = FakeCheckpoint()

    def start(self) -> tuple[Intake, FakeCollector, Totals]:
        """Start a process."""
        collector, totals = FakeCollector("spool", self.entries), Totals()
        intake = Intake([collector], totals, Budgets([]), self.checkpoint)
        intake.restore()
        return intake, collector, totals


@pytest.fixture
def machine() -> Machine:
    return Machine()


def tool(name: str = "search", seconds: float = 0.25) -> Record:
    return Record("tool", 1000.0, {"gen_ai_tool_name": name}, {"duration_seconds": seconds})
