"""Workflows: ``@workflow`` and ``with workflow("name"):``."""

import time
from typing import Any, overload

from agentgauge.cells import CELLS
from agentgauge.instrument.meter import CellMeter
from agentgauge.instrument.outcome import error_type_of
from agentgauge.instrument.scope import Scope, scope
from agentgauge.instrument.wrapping import F
from agentgauge.record import Record


@overload
def workflow(function: F, /) -> F: ...
@overload
def workflow(name: str | None = None, /) -> Scope: ...
def workflow(name: object = None, /) -> Any:
    """Measure a workflow's runs: ``gen_ai_invoke_workflow_duration_seconds``.

    Args:
        name: the ``gen_ai_workflow_name``; the function's own name where it is left out.

    Raises:
        UsageError: the name is not a string, or what is decorated is no function.
    """
    return scope("workflow", name, _meter)


def _meter(name: str) -> CellMeter:
    labels = {"gen_ai_workflow_name": name}

    def failed(duration: float, error: BaseException) -> Record:
        found = {**labels, "error_type": error_type_of(error)}
        return Record("workflow", time.time(), found, {"duration_seconds": duration})

    return CellMeter(CELLS.cell("workflow", name, labels), failed)
