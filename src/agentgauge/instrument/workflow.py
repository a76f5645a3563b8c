"""Workflows: ``@workflow`` and ``with workflow("name") as run:``, and the states, branches and recoveries within."""

import time
from contextvars import ContextVar
from typing import Any, Final, overload

from agentgauge.cells import CELLS
from agentgauge.instrument.memory import with_memory
from agentgauge.instrument.meter import Meter, count_success
from agentgauge.instrument.outcome import error_type_of, outcome_of
from agentgauge.instrument.refusal import label_or_refuse, refuse
from agentgauge.instrument.scope import Scope, scope
from agentgauge.instrument.wrapping import F
from agentgauge.record import Record

START: Final = "start"
"""The state every run begins in."""

END: Final = "end"
"""The state a run that returned goes to at last; one that raised goes to its outcome."""

RECOVERED: Final = ("success", "failure")
"""Outcomes of a recovery."""


class WorkflowRun:
    """One run of a workflow, in one state at a time."""

    __slots__ = ("name", "outer", "since", "started", "state")

    def __init__(self, name: str, started: float = 0.0, outer: "WorkflowRun | None" = None) -> None:
        self.name = name
        self.outer = outer
        self.state = START
        self.started = self.since = started

    def transition(self, state: str, /) -> None:
        """Go to another state; the time spent in the one before is recorded.

        Args:
            state: its name; a bounded set of your own words.
        """
        to_state = label_or_refuse("transition: state", state)
        if to_state is None:
            return
        now = time.perf_counter()
        labels = {"gen_ai_workflow_name": self.name, "from_state": self.state, "to_state": to_state}
        CELLS.record(Record("transition", time.time(), labels, {"duration_seconds": now - self.since}))
        self.state, self.since = to_state, now

    def branch(self, branch: str, /) -> None:
        """Count a branch taken.

        Args:
            branch: its name; a bounded set of your own words.
        """
        name = label_or_refuse("branch: name", branch)
        if name is not None:
            CELLS.record(Record("branch", time.time(), {"gen_ai_workflow_name": self.name, "branch": name}))

    def recovery(self, strategy: str, /, *, outcome: str = "success") -> None:
        """Count an attempt to recover from an error.

        Args:
            strategy: what was tried, for instance retry, fallback, replan; a bounded set of your own words.
            outcome: success or failure.
        """
        name = label_or_refuse("recovery: strategy", strategy)
        if not isinstance(outcome, str) or outcome not in RECOVERED:
            refuse(f"recovery: unknown outcome; one of {', '.join(RECOVERED)}")
        elif name is not None:
            labels = {"gen_ai_workflow_name": self.name, "strategy": name, "outcome": outcome}
            CELLS.record(Record("recovery", time.time(), labels))


current_workflow: Final[ContextVar[WorkflowRun | None]] = ContextVar("agentgauge_workflow", default=None)
"""The innermost run of a workflow the code is in; tasks inherit it, and threads that copy their context."""


class WorkflowMeter:
    """Measures a workflow's runs and makes the current one known."""

    __slots__ = ("_cell", "_labels")

    def __init__(self, name: str) -> None:
        self._labels = {"gen_ai_workflow_name": name}
        self._cell = CELLS.cell("workflow", name, self._labels)

    def begin(self) -> WorkflowRun:
        """Begin a run within the current one."""
        run = WorkflowRun(self._cell.name, self._cell.begin(), current_workflow.get())
        current_workflow.set(run)
        return run

    def end(self, token: WorkflowRun, result: object) -> None:
        """End a run that returned."""
        current_workflow.set(token.outer)
        if count_success(self._cell, token.started) and token.state != START:
            token.transition(END)

    def fail(self, token: WorkflowRun, error: BaseException) -> None:
        """End a run that raised."""
        current_workflow.set(token.outer)
        duration = self._cell.end(token.started)
        if duration is None:
            return
        labels = {**self._labels, "error_type": error_type_of(error)}
        CELLS.record(Record("workflow", time.time(), labels, {"duration_seconds": duration}))
        if token.state != START:
            token.transition(outcome_of(error))

    def drop(self, token: WorkflowRun) -> None:
        """Note that it was no run yet."""
        current_workflow.set(token.outer)
        self._cell.end(token.started)

    def suspend(self, token: WorkflowRun, item: object) -> None:
        """A generator yields: its consumer is not in this run."""
        current_workflow.set(token.outer)

    def resume(self, token: WorkflowRun) -> None:
        """A generator goes on, in this run."""
        token.outer = current_workflow.get()
        current_workflow.set(token)


class Workflow:
    """``agentgauge.workflow``: a decorator, a context manager, and what the current run does.

    ``transition``, ``branch`` and ``recovery`` are those of the current run; outside of one, branches and
    recoveries count for no workflow, and a transition has nothing to measure.
    """

    __slots__ = ()

    @overload
    def __call__(self, function: F, /) -> F: ...
    @overload
    def __call__(self, name: str | None = None, /, *, memory: bool = False) -> Scope: ...
    def __call__(self, name: object = None, /, *, memory: bool = False) -> Any:
        """Measure a workflow's runs: ``gen_ai_invoke_workflow_duration_seconds``.

        Args:
            name: the ``gen_ai_workflow_name``; the function's own name where it is left out.
            memory: also measure the growth of the process's memory during a run.

        Raises:
            UsageError: the name is not a string, or what is decorated is no function.
        """

        def meter(workflow_name: str) -> Meter:
            return with_memory(WorkflowMeter(workflow_name), "workflow", workflow_name, memory)

        return scope("workflow", name, meter)

    def transition(self, state: str, /) -> None:
        """Go to another state: ``agentgauge_workflow_transition_duration_seconds`` of the one before.

        Args:
            state: its name; a bounded set of your own words.
        """
        run = current_workflow.get()
        if run is None:
            label_or_refuse("transition: state", state)
        else:
            run.transition(state)

    def branch(self, branch: str, /) -> None:
        """Count a branch taken: ``agentgauge_workflow_branches_total``.

        Args:
            branch: its name; a bounded set of your own words.
        """
        (current_workflow.get() or _OUTSIDE).branch(branch)

    def recovery(self, strategy: str, /, *, outcome: str = "success") -> None:
        """Count an attempt to recover from an error: ``agentgauge_workflow_recoveries_total``.

        Args:
            strategy: what was tried, for instance retry, fallback, replan; a bounded set of your own words.
            outcome: success or failure.
        """
        (current_workflow.get() or _OUTSIDE).recovery(strategy, outcome=outcome)


_OUTSIDE: Final = WorkflowRun("")

workflow: Final = Workflow()
