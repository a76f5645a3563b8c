"""What is said of an agent's or a hook's work: outcomes, revisions, tool choices, evaluations, feedback."""

import asyncio
import math
import subprocess
import sys
from typing import Any

import pytest

import agentgauge as ag
from agentgauge.errors import UsageError
from agentgauge.testing import assert_recorded, recorded_of

RUNS = "agentgauge_agent_runs_total"
REVISIONS = "agentgauge_agent_revisions"
SELECTIONS = "agentgauge_tool_selections_total"
SCORE = "agentgauge_evaluation_score_ratio"
INVALID = "agentgauge_records_total"


def test_a_run_says_its_own_outcome() -> None:
    with ag.agent("spender") as run:
        run.outcome("budget")
    with pytest.raises(LookupError), ag.agent("spender") as run:  # noqa: PT012 - a block is what is tested
        run.outcome("budget")
        raise LookupError
    assert_recorded(RUNS, count=2, gen_ai_agent_name="spender", outcome="budget")
    assert_recorded(RUNS, count=2, gen_ai_agent_name="spender")
    assert_recorded("gen_ai_invoke_agent_duration_seconds", count=1, error_type="LookupError")


def test_a_decorated_run_says_it_through_the_current_run() -> None:
    @ag.agent("careful", outcome=lambda _: "success")
    async def careful(fails: bool) -> None:
        await asyncio.sleep(0)
        if fails:
            ag.outcome("failure")

    async def both() -> None:
        await asyncio.gather(careful(True), careful(False))

    asyncio.run(both())
    assert_recorded(RUNS, count=1, gen_ai_agent_name="careful", outcome="failure")
    assert_recorded(RUNS, count=1, gen_ai_agent_name="careful", outcome="success")


def test_revisions_and_feedback_belong_to_the_run_or_to_whom_they_name() -> None:
    with ag.agent("writer", task_type="draft"):
        ag.revisions(2)
        ag.feedback(True)
    ag.revisions(0, agent="writer", task_type="draft")
    ag.feedback(0.25, agent="writer", task_type="draft")
    ag.feedback(False)
    labels = {"gen_ai_agent_name": "writer", "task_type": "draft"}
    assert_recorded(REVISIONS, count=2, total=2, **labels)
    assert_recorded(SCORE, count=2, total=1.25, gen_ai_evaluation_name="user_feedback", evaluator="user", **labels)
    assert_recorded(SCORE, count=1, total=0, gen_ai_evaluation_name="user_feedback", gen_ai_agent_name="")


@pytest.mark.parametrize("verdict", ["correct", "wrong", "unnecessary", "missing", "bad_arguments"])
def test_a_choice_of_tool_is_judged(verdict: str) -> None:
    ag.tool_selection("search", verdict)
    assert_recorded(SELECTIONS, count=1, gen_ai_tool_name="search", verdict=verdict)
    assert_recorded(SELECTIONS, count=1)


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equal")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "use",
    [
        lambda: ag.evaluation("e").score(math.nan),
        lambda: ag.evaluation("e").score(-0.1),
        lambda: ag.evaluation("e").score(1.1),
        lambda: ag.evaluation("e").score(True),
        lambda: ag.evaluation("e").score("0.5"),  # type: ignore[arg-type]
        lambda: ag.evaluation("e").score(Hostile()),  # type: ignore[arg-type]
        lambda: ag.feedback(math.inf),
        lambda: ag.feedback(0.5, agent=3),  # type: ignore[arg-type]
        lambda: ag.revisions(-1),
        lambda: ag.revisions(math.inf),  # type: ignore[arg-type]
        lambda: ag.revisions(1, task_type=None),  # type: ignore[arg-type]
        lambda: ag.tool_selection("search", "Wrong"),
        lambda: ag.tool_selection("search", Hostile()),  # type: ignore[arg-type]
        lambda: ag.tool_selection(Hostile(), "wrong"),  # type: ignore[arg-type]
        lambda: ag.outcome("success"),  # no run
        lambda: ag.event("revisions", count=-1),
        lambda: ag.event("branch", branch=7),
        lambda: ag.event("evaluation", score_ratio="high"),
    ],
)
def test_a_wrong_verdict_is_counted_and_never_raised(use: Any) -> None:
    use()
    assert_recorded(INVALID, count=1, source="instrument", result="invalid")
    for metric in (SCORE, REVISIONS, SELECTIONS, RUNS, "agentgauge_workflow_branches_total"):
        assert recorded_of(metric).count == 0


@pytest.mark.parametrize("said", ["splendid", "", None, Hostile()])
def test_an_unknown_outcome_leaves_the_runs_own(said: Any) -> None:
    with ag.agent("stubborn") as run:
        run.outcome(said)
    assert_recorded(RUNS, count=1, gen_ai_agent_name="stubborn", outcome="success")
    assert_recorded(INVALID, count=1, source="instrument", result="invalid")


def test_a_verdict_function_that_returns_anything_breaks_nothing() -> None:
    assert ag.agent("judged", outcome=lambda _: Hostile())(lambda: 5)() == 5  # type: ignore[arg-type, return-value]
    assert_recorded(RUNS, count=1, gen_ai_agent_name="judged", outcome="failure")


_TEN_THOUSAND_NAMES = """
import agentgauge as ag
from agentgauge.errors import UsageError
from agentgauge.testing import assert_recorded, recorded_of

@ag.tool("crowded")
def crowded(): pass

for number in range(10_000):
    with ag.agent(f"agent-{number}"):
        crowded()
for metric in ("gen_ai_invoke_agent_duration_seconds", "gen_ai_execute_tool_duration_seconds"):
    calls = recorded_of(metric)
    assert calls.count == 10_000, calls
    assert calls.series <= 1_200, calls
    assert recorded_of(metric, gen_ai_agent_name="other").count > 8_000
assert_recorded("agentgauge_agent_runs_total", count=10_000, outcome="success")
assert_recorded("agentgauge_label_values_capped_total", metric="gen_ai_invoke_agent_duration_seconds")
assert recorded_of("agentgauge_in_flight").series <= 2_100
"""


def test_ten_thousand_names_are_capped_and_the_cap_is_counted() -> None:
    # A process of its own: names once capped stay so.
    subprocess.run([sys.executable, "-c", _TEN_THOUSAND_NAMES], check=True, timeout=60)


@pytest.mark.parametrize(
    ("system", "said", "outcome", "code"),
    [
        ("claude_code", "success", "success", "0"),
        ("claude_code", "blocked", "blocked", "2"),
        ("git", "blocked", "blocked", "1"),
        ("git", "timeout", "timeout", "1"),
        ("ci", "splendid", "error", "1"),
    ],
)
def test_a_hook_ends_as_its_answer_says(system: str, said: str, outcome: str, code: str) -> None:
    @ag.hook("guard", system=system, event="PreToolUse", outcome=lambda answer: answer["decision"])
    def guard() -> dict[str, str]:
        return {"decision": said}

    @ag.hook("guard", system=system, event="PreToolUse", outcome=lambda answer: answer["decision"])
    async def waiting() -> dict[str, str]:
        await asyncio.sleep(0)
        return {"decision": said}

    assert guard() == asyncio.run(waiting()) == {"decision": said}
    labels = {"hook_name": "guard", "hook_system": system, "hook_event": "PreToolUse"}
    assert_recorded("agentgauge_hook_runs_total", count=2, outcome=outcome, exit_code_class=code, **labels)
    assert_recorded("agentgauge_hook_duration_seconds", count=2, **labels)
    refused = recorded_of("agentgauge_records_total", source="instrument", result="invalid").count
    assert refused == (2 if said == "splendid" else 0)


def test_a_hook_whose_verdict_fails_has_run_and_one_that_raises_is_not_judged() -> None:
    @ag.hook("guard", outcome=lambda answer: str(answer["no such"]))
    def guard(error: type[Exception] | None) -> dict[str, str]:
        if error:
            raise error
        return {}

    assert guard(None) == {}
    with pytest.raises(TimeoutError):
        guard(TimeoutError)
    assert_recorded("agentgauge_hook_runs_total", count=1, hook_name="guard", outcome="success")
    assert_recorded("agentgauge_hook_runs_total", count=1, hook_name="guard", outcome="timeout")


@pytest.mark.parametrize("decorator", [ag.agent, ag.hook])
def test_a_verdict_that_cannot_be_called_is_refused_at_decoration(decorator: Any) -> None:
    with pytest.raises(UsageError, match="outcome must be a function of the result"):
        decorator("name", outcome="success")
