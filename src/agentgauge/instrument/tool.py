"""Tools: ``@tool`` and ``with tool("name"):``."""

import time
from collections.abc import Callable
from types import CoroutineType
from typing import Any, overload

from agentgauge.cells import CELLS, Cell
from agentgauge.instrument.agent import current_run
from agentgauge.instrument.memory import with_memory
from agentgauge.instrument.meter import Flavour, Meter, checked_label, count_success
from agentgauge.instrument.outcome import error_type_of
from agentgauge.instrument.scope import Scope, scope
from agentgauge.instrument.wrapping import F, itself, wrap_coroutine
from agentgauge.record import Record


class ToolMeter:
    """Measures a tool's calls, each under the agent whose run it is made in."""

    __slots__ = ("_by_agent", "_name", "_type")

    def __init__(self, name: str, tool_type: str) -> None:
        self._name = name
        self._type = tool_type
        self._by_agent: dict[str, Cell] = {}
        self._cell("")

    def begin(self) -> tuple[Cell, float]:
        """Note that a call began."""
        run = current_run.get()
        if run is None:
            cell = self._by_agent[""]
        else:
            run.tools.append(None)
            cell = self._by_agent.get(run.agent) or self._cell(run.agent)
        return cell, cell.begin()

    def end(self, token: tuple[Cell, float], result: object) -> None:
        """Note that a call returned."""
        count_success(*token)

    def fail(self, token: tuple[Cell, float], error: BaseException) -> None:
        """Note that a call raised."""
        cell, start = token
        duration = cell.end(start)
        if duration is not None:
            labels = {**self._labels(cell.labels[2]), "error_type": error_type_of(error)}
            CELLS.record(Record("tool", time.time(), labels, {"duration_seconds": duration}))

    def drop(self, token: tuple[Cell, float]) -> None:
        """Note that it was no call yet."""
        cell, start = token
        cell.end(start)
        run = current_run.get()
        if run is not None:
            run.tools.pop()

    def around(self, function: Callable[..., Any], flavour: Flavour) -> Callable[..., Any] | None:
        """Return a plain function measured: ``begin``, ``end`` and ``fail`` written out."""
        if flavour != "function":
            return None
        by_agent, new_cell, fail, run_now = self._by_agent, self._cell, self.fail, current_run.get
        outside = by_agent[""]
        clock, drop, awaited = time.perf_counter, self.drop, wrap_coroutine(itself, self)

        def call(*args: Any, **kwargs: Any) -> Any:
            run = run_now()
            if run is None:
                cell = outside
            else:
                run.tools.append(None)
                cell = by_agent.get(run.agent) or new_cell(run.agent)
            start = clock()
            try:
                cell.begun.append(start)
                result = function(*args, **kwargs)
                took = clock() - start
            except BaseException as error:
                fail((cell, start), error)
                raise
            if type(result) is CoroutineType:  # of an async function that someone else has wrapped
                drop((cell, start))
                return awaited(result)
            if start > cell.due:
                cell.close(start, took)
                return result
            cell.done.append(took)
            cell.ended.append(start)
            return result

        return call

    def suspend(self, token: tuple[Cell, float], item: object) -> None:
        """Nothing depends on who has control."""

    def resume(self, token: tuple[Cell, float]) -> None:
        """Nothing depends on who has control."""

    def _labels(self, agent_name: str) -> dict[str, str]:
        return {"gen_ai_tool_name": self._name, "gen_ai_tool_type": self._type, "gen_ai_agent_name": agent_name}

    def _cell(self, agent_name: str) -> Cell:
        cell = CELLS.cell("tool", self._name, self._labels(agent_name))
        # Past the cap on label sets it is every further agent's.
        return self._by_agent.setdefault(agent_name, cell) if agent_name == cell.labels[2] else cell


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(name: str | None = None, /, *, type: str = "function", memory: bool = False) -> Scope: ...
def tool(
    name: object = None,
    /,
    *,
    type: str = "function",  # noqa: A002 - OpenTelemetry's word
    memory: bool = False,
) -> Any:
    """Measure a tool's calls: ``gen_ai_execute_tool_duration_seconds``.

    Args:
        name: the ``gen_ai_tool_name``; the function's own name where it is left out.
        type: the ``gen_ai_tool_type``: function, extension or datastore.
        memory: also measure the growth of the process's memory during a call.

    Raises:
        UsageError: a label that is not a string, or what is decorated is no function.
    """
    checked_label("tool", "type", type)

    def meter(tool_name: str) -> Meter:
        return with_memory(ToolMeter(tool_name, type), "tool", tool_name, memory)

    return scope("tool", name, meter)
