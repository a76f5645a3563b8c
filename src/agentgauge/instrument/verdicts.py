"""Verdicts: what is said of an agent's work while it runs or later, by code, judges and users.

What is wrong with a verdict is counted and logged once, and never raised into the code that gives it.
"""

import time
from typing import Final

from agentgauge.cells import CELLS
from agentgauge.instrument.agent import Run, current_run
from agentgauge.instrument.refusal import label_or_refuse, number_or_refuse, refuse
from agentgauge.record import Record

VERDICTS: Final = ("correct", "wrong", "unnecessary", "missing", "bad_arguments")
"""Verdicts on the choice of a tool."""

USER_FEEDBACK: Final = "user_feedback"
"""The ``gen_ai_evaluation_name`` of users' feedback."""


def outcome(outcome: str, /) -> None:
    """Say how the current agent's run ended, whatever it returns or raises later.

    Args:
        outcome: success, failure, cancelled, timeout or budget.
    """
    run = current_run.get()
    if run is None:
        refuse("outcome: there is no run of an agent here")
    else:
        run.outcome(outcome)


def revisions(count: int, /, *, agent: str = "", task_type: str = "") -> None:
    """Record how many revisions a result took until it was accepted: ``agentgauge_agent_revisions``.

    Args:
        count: 0 for a result accepted at once.
        agent: whose result; the current run's agent, and its task type, where it is left out.
        task_type: the kind of task.
    """
    number = number_or_refuse("revisions: count", count)
    labels = _of_agent("revisions", agent, task_type)
    if number is not None and labels is not None:
        CELLS.record(Record("revisions", time.time(), labels, {"count": number}))


def tool_selection(tool: str, verdict: str, /) -> None:
    """Record a judgement on the choice of a tool: ``agentgauge_tool_selections_total``.

    Args:
        tool: the tool that was chosen, or should have been.
        verdict: correct, wrong, unnecessary, missing or bad_arguments.
    """
    name = label_or_refuse("tool_selection: tool", tool)
    if not isinstance(verdict, str) or verdict not in VERDICTS:
        refuse(f"tool_selection: unknown verdict; one of {', '.join(VERDICTS)}")
    elif name is not None:
        CELLS.record(Record("tool_selection", time.time(), {"gen_ai_tool_name": name, "verdict": verdict}))


def feedback(score: float | bool, /, *, agent: str = "", task_type: str = "") -> None:
    """Record a user's feedback, as the evaluation ``user_feedback``.

    Args:
        score: from 0, the worst, to 1; True is a thumb up and False a thumb down.
        agent: whose result; the current run's agent, and its task type, where it is left out.
        task_type: the kind of task.
    """
    number = number_or_refuse("feedback: score", float(score) if isinstance(score, bool) else score, 1)
    labels = _of_agent("feedback", agent, task_type)
    if number is not None and labels is not None:
        found = {**labels, "gen_ai_evaluation_name": USER_FEEDBACK, "evaluator": "user"}
        CELLS.record(Record("evaluation", time.time(), found, {"score_ratio": number}))


def _of_agent(what: str, agent: str, task_type: str) -> dict[str, str] | None:
    run: Run | None = current_run.get()
    if not agent and run is not None:
        return {"gen_ai_agent_name": run.agent, "task_type": task_type or run.task_type}
    name, task = label_or_refuse(f"{what}: agent", agent), label_or_refuse(f"{what}: task_type", task_type)
    return None if name is None or task is None else {"gen_ai_agent_name": name, "task_type": task}
