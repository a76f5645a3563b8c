"""Agents: ``@agent`` and ``with agent("name"):``, and which agent a call belongs to."""

import time
from contextvars import ContextVar
from typing import Any, Final, overload

from agentgauge.cells import CELLS, Cell
from agentgauge.instrument.memory import with_memory
from agentgauge.instrument.meter import Meter, checked_label, count_success
from agentgauge.instrument.outcome import OUTCOMES, Verdict, checked_verdict, error_type_of, judged, outcome_of
from agentgauge.instrument.refusal import refuse
from agentgauge.instrument.scope import Scope, scope
from agentgauge.instrument.wrapping import F
from agentgauge.record import Record

_AMOUNTS: Final = ("inference_calls", "tool_calls")


class Run:
    """One run of an agent, known to the calls made within it.

    Lists, because appending is one atomic step: the run's calls may come from several threads.
    """

    __slots__ = ("agent", "inferences", "outer", "said", "started", "task_type", "tools")

    def __init__(self, agent_name: str, task_type: str, started: float, outer: "Run | None") -> None:
        self.agent = agent_name
        self.task_type = task_type
        self.started = started
        self.outer = outer
        self.inferences: list[None] = []
        self.tools: list[None] = []
        self.said = ""

    def outcome(self, outcome: str, /) -> None:
        """Say how the run ended, whatever it returns or raises later.

        Args:
            outcome: success, failure, cancelled, timeout or budget; another one is counted as invalid.
        """
        if isinstance(outcome, str) and outcome in OUTCOMES:
            self.said = outcome
        else:
            refuse(f"outcome: unknown outcome; one of {', '.join(OUTCOMES)}")


current_run: Final[ContextVar[Run | None]] = ContextVar("agentgauge_run", default=None)
"""The innermost run of an agent the code is in; tasks inherit it, and threads that copy their context."""


class AgentMeter:
    """Measures an agent's runs and makes the current one known."""

    __slots__ = ("_cell", "_labels", "_verdict")

    def __init__(self, name: str, task_type: str, verdict: Verdict | None) -> None:
        self._labels = {"gen_ai_agent_name": name, "task_type": task_type}
        self._cell: Cell = CELLS.cell("agent", name, {**self._labels, "outcome": "success"}, _AMOUNTS)
        self._verdict = verdict
        for outcome in OUTCOMES:
            CELLS.totals.declare("agentgauge_agent_runs_total", (name, task_type, outcome))

    def begin(self) -> Run:
        """Begin a run within the current one."""
        run = Run(self._cell.name, self._labels["task_type"], self._cell.begin(), current_run.get())
        current_run.set(run)
        return run

    def end(self, token: Run, result: object) -> None:
        """End a run that returned."""
        current_run.set(token.outer)
        outcome = token.said or self._judge(result)
        if outcome != "success":
            self._record(token, outcome, "")
        elif count_success(self._cell, token.started):
            self._cell.amounts["inference_calls"].append(float(len(token.inferences)))
            self._cell.amounts["tool_calls"].append(float(len(token.tools)))

    def fail(self, token: Run, error: BaseException) -> None:
        """End a run that raised."""
        current_run.set(token.outer)
        self._record(token, token.said or outcome_of(error), error_type_of(error))

    def drop(self, token: Run) -> None:
        """Note that it was no run yet."""
        current_run.set(token.outer)
        self._cell.end(token.started)

    def suspend(self, token: Run, item: object) -> None:
        """A generator yields: its consumer is not in this run."""
        current_run.set(token.outer)

    def resume(self, token: Run) -> None:
        """A generator goes on, in this run."""
        token.outer = current_run.get()
        current_run.set(token)

    def _judge(self, result: object) -> str:
        return "success" if self._verdict is None else judged("agent", self._verdict, result, OUTCOMES, "failure")

    def _record(self, run: Run, outcome: str, error_type: str) -> None:
        duration = self._cell.end(run.started)
        if duration is None:
            return
        amounts = {
            "duration_seconds": duration,
            "inference_calls": float(len(run.inferences)),
            "tool_calls": float(len(run.tools)),
        }
        labels = {**self._labels, "outcome": outcome, "error_type": error_type}
        CELLS.record(Record("agent", time.time(), labels, amounts))


@overload
def agent(function: F, /) -> F: ...
@overload
def agent(
    name: str | None = None, /, *, task_type: str = "", outcome: Verdict | None = None, memory: bool = False
) -> Scope: ...
def agent(name: object = None, /, *, task_type: str = "", outcome: Verdict | None = None, memory: bool = False) -> Any:
    """Measure an agent's runs: duration, outcome, and the calls to models and tools within each.

    Args:
        name: the ``gen_ai_agent_name``; the function's own name where it is left out.
        task_type: what kind of task it does; a bounded set of your own words.
        outcome: judges a returned value: success, failure, cancelled, timeout or budget.
        memory: also measure the growth of the process's memory during a run.

    Raises:
        UsageError: a label that is not a string, an outcome that cannot be called, or what is decorated is no function.
    """
    checked_label("agent", "task_type", task_type)
    checked_verdict("agent", outcome, OUTCOMES)

    def meter(agent_name: str) -> Meter:
        return with_memory(AgentMeter(agent_name, task_type, outcome), "agent", agent_name, memory)

    return scope("agent", name, meter)
