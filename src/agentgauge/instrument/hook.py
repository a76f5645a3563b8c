"""Hooks that run inside a service: ``@hook``; those that are processes use the command ``agentgauge-hook``."""

import time
from typing import Any, Final, overload

from agentgauge.cells import CELLS
from agentgauge.errors import UsageError
from agentgauge.instrument.cell_meter import CellMeter
from agentgauge.instrument.meter import checked_label
from agentgauge.instrument.outcome import outcome_of
from agentgauge.instrument.scope import Scope, scope
from agentgauge.instrument.wrapping import F
from agentgauge.record import Record

SYSTEMS: Final = ("git", "pre_commit", "claude_code", "codex", "ci")
_DEFAULT_SYSTEM: Final = "claude_code"


@overload
def hook(function: F, /) -> F: ...
@overload
def hook(name: str | None = None, /, *, system: str = _DEFAULT_SYSTEM, event: str = "") -> Scope: ...
def hook(name: object = None, /, *, system: str = _DEFAULT_SYSTEM, event: str = "") -> Any:
    """Measure a hook's runs: ``agentgauge_hook_duration_seconds`` and ``agentgauge_hook_runs_total``.

    Args:
        name: the ``hook_name``; the function's own name where it is left out.
        system: whose hook it is: git, pre_commit, claude_code, codex or ci.
        event: what it hooks, for instance ``PreToolUse`` or ``pre-commit``.

    Raises:
        UsageError: an unknown system, a label that is not a string, or what is decorated is no function.
    """
    if system not in SYSTEMS:
        raise UsageError(f"@hook: unknown system {system!r}; one of {', '.join(SYSTEMS)}")
    checked_label("hook", "event", event)

    def meter(hook_name: str) -> CellMeter:
        labels = {"hook_system": system, "hook_event": event, "hook_name": hook_name}

        def failed(duration: float, error: BaseException) -> Record:
            outcome = outcome_of(error)
            found = {"outcome": "error" if outcome == "failure" else outcome, "exit_code_class": "1"}
            return Record("hook", time.time(), labels | found, {"duration_seconds": duration})

        return CellMeter(
            CELLS.cell("hook", hook_name, {**labels, "outcome": "success", "exit_code_class": "0"}), failed
        )

    return scope("hook", name, meter)
