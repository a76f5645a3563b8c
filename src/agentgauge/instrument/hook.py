"""Hooks that run inside a service: ``@hook``; those that are processes use the command ``agentgauge-hook``."""

import time
from collections.abc import Callable
from typing import Any, Final, overload

from agentgauge.cells import CELLS, Cell
from agentgauge.errors import UsageError
from agentgauge.instrument.cell_meter import CellMeter
from agentgauge.instrument.meter import Flavour, checked_label, count_success
from agentgauge.instrument.outcome import Verdict, checked_verdict, judged, outcome_of
from agentgauge.instrument.scope import Scope, scope
from agentgauge.instrument.wrapping import F
from agentgauge.record import Record

SYSTEMS: Final = ("git", "pre_commit", "claude_code", "codex", "ci")
_DEFAULT_SYSTEM: Final = "claude_code"
OUTCOMES: Final = ("success", "blocked", "error", "timeout", "cancelled")


class _JudgedMeter(CellMeter):
    """Measures a hook whose result says how it ended."""

    __slots__ = ("_record", "_verdict")

    def __init__(self, cell: Cell, record: Callable[[float, str], Record], verdict: Verdict) -> None:
        super().__init__(cell, lambda duration, error: record(duration, _outcome_of(error)))
        self._record = record
        self._verdict = verdict

    def end(self, token: float, result: object = None) -> None:
        """Note that a call returned."""
        outcome = judged("hook", self._verdict, result, OUTCOMES, "error")
        if outcome == "success":
            count_success(self.cell, token)
        elif (duration := self.cell.end(token)) is not None:
            CELLS.record(self._record(duration, outcome))

    def around(self, function: Callable[..., Any], flavour: Flavour) -> Any:
        """Return None, for the methods are to be called: the result is wanted."""
        return None


def _outcome_of(error: BaseException) -> str:
    outcome = outcome_of(error)
    return "error" if outcome == "failure" else outcome


@overload
def hook(function: F, /) -> F: ...
@overload
def hook(
    name: str | None = None, /, *, system: str = _DEFAULT_SYSTEM, event: str = "", outcome: Verdict | None = None
) -> Scope: ...
def hook(
    name: object = None, /, *, system: str = _DEFAULT_SYSTEM, event: str = "", outcome: Verdict | None = None
) -> Any:
    """Measure a hook's runs: ``agentgauge_hook_duration_seconds`` and ``agentgauge_hook_runs_total``.

    Args:
        name: the ``hook_name``; the function's own name where it is left out.
        system: whose hook it is: git, pre_commit, claude_code, codex or ci.
        event: what it hooks, for instance ``PreToolUse`` or ``pre-commit``.
        outcome: judges a returned value: success, blocked, error, timeout or cancelled.

    Raises:
        UsageError: an unknown system, a label that is not a string, an outcome that cannot be called, or what is
            decorated is no function.
    """
    if system not in SYSTEMS:
        raise UsageError(f"@hook: unknown system {system!r}; one of {', '.join(SYSTEMS)}")
    checked_label("hook", "event", event)
    checked_verdict("hook", outcome, OUTCOMES)
    blocking = "2" if system in ("claude_code", "codex") else "1"

    def meter(hook_name: str) -> CellMeter:
        labels = {"hook_system": system, "hook_event": event, "hook_name": hook_name}

        def record(duration: float, ended: str) -> Record:
            found = {"outcome": ended, "exit_code_class": blocking if ended == "blocked" else "1"}
            return Record("hook", time.time(), labels | found, {"duration_seconds": duration})

        cell = CELLS.cell("hook", hook_name, {**labels, "outcome": "success", "exit_code_class": "0"})
        if outcome is not None:
            return _JudgedMeter(cell, record, outcome)
        return CellMeter(cell, lambda duration, error: record(duration, _outcome_of(error)))

    return scope("hook", name, meter)
