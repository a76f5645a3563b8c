"""A workflow's run is in one state at a time, takes branches, and recovers."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentgauge as ag
from agentgauge.testing import assert_recorded, recorded_of, recording
from tests.instrument.conftest import Sample

WORKFLOW = "gen_ai_invoke_workflow_duration_seconds"
TRANSITION = "agentgauge_workflow_transition_duration_seconds"
BRANCHES = "agentgauge_workflow_branches_total"
RECOVERIES = "agentgauge_workflow_recoveries_total"


@given(st.lists(st.sampled_from(["planning", "acting", "review", "start"]), min_size=1, max_size=8))
def test_the_states_of_a_run_are_a_path_from_start_to_end_that_takes_as_long_as_the_run(states: list[str]) -> None:
    with recording():
        with ag.workflow("path") as run:
            for state in states:
                run.transition(state)
        steps = list(zip(["start", *states], [*states, "end"], strict=True))
        if states[-1] == "start":
            steps.pop()  # back where it began
        for step in steps:
            assert_recorded(TRANSITION, count=steps.count(step), from_state=step[0], to_state=step[1])
        assert recorded_of(TRANSITION).count == len(steps)
        assert recorded_of(TRANSITION, gen_ai_workflow_name="path").total <= recorded_of(WORKFLOW).total + 0.1


def test_a_run_without_transitions_has_none(count: Sample) -> None:
    with ag.workflow("plain"):
        pass
    assert count(WORKFLOW, gen_ai_workflow_name="plain") == 1
    assert recorded_of(TRANSITION, gen_ai_workflow_name="plain").series == 0


@pytest.mark.parametrize(
    ("error", "last"),
    [(ValueError, "failure"), (TimeoutError, "timeout"), (KeyboardInterrupt, "cancelled")],
)
def test_a_run_that_raises_goes_from_its_state_to_its_outcome(error: type[BaseException], last: str) -> None:
    with pytest.raises(error), ag.workflow("broken") as run:  # noqa: PT012 - a block is what is tested
        run.transition("acting")
        raise error
    assert_recorded(TRANSITION, count=1, gen_ai_workflow_name="broken", from_state="acting", to_state=last)


def test_branches_and_recoveries() -> None:
    with ag.workflow("routed") as run:
        run.branch("fast")
        run.branch("fast")
        run.recovery("retry")
        run.recovery("fallback", outcome="failure")
    labels = {"gen_ai_workflow_name": "routed"}
    assert_recorded(BRANCHES, count=2, branch="fast", **labels)
    assert_recorded(RECOVERIES, count=1, strategy="retry", outcome="success", **labels)
    assert_recorded(RECOVERIES, count=1, strategy="fallback", outcome="failure", **labels)


def test_a_decorated_workflow_is_the_current_run_in_its_tasks_and_not_in_others() -> None:
    @ag.workflow("inner")
    async def inner(branch: str) -> None:
        await asyncio.sleep(0)
        ag.workflow.branch(branch)
        ag.workflow.transition("done")

    @ag.workflow("outer")
    async def outer() -> None:
        await asyncio.gather(inner("left"), inner("right"))
        ag.workflow.branch("after")
        ag.workflow.recovery("replan")

    asyncio.run(outer())
    assert_recorded(BRANCHES, count=1, gen_ai_workflow_name="inner", branch="left")
    assert_recorded(BRANCHES, count=1, gen_ai_workflow_name="inner", branch="right")
    assert_recorded(BRANCHES, count=1, gen_ai_workflow_name="outer", branch="after")
    assert_recorded(RECOVERIES, count=1, gen_ai_workflow_name="outer", strategy="replan")
    assert_recorded(TRANSITION, count=2, gen_ai_workflow_name="inner", from_state="start", to_state="done")
    assert_recorded(TRANSITION, count=0, gen_ai_workflow_name="outer")


def test_a_generator_workflow_does_not_leak_into_its_consumer() -> None:
    @ag.workflow("stream")
    def stream() -> Iterator[int]:
        ag.workflow.branch("inside")
        yield 1
        ag.workflow.branch("inside")
        yield 2

    for _ in stream():
        ag.workflow.branch("outside")
    assert_recorded(BRANCHES, count=2, gen_ai_workflow_name="stream", branch="inside")
    assert_recorded(BRANCHES, count=2, gen_ai_workflow_name="", branch="outside")


def test_outside_a_run_a_transition_measures_nothing() -> None:
    ag.workflow.transition("nowhere")
    assert_recorded(TRANSITION, count=0)
    assert_recorded("agentgauge_records_total", count=0, result="invalid")


def test_what_is_wrong_is_counted_and_never_raised(caplog: pytest.LogCaptureFixture) -> None:
    with ag.workflow("careless") as run:
        run.transition(5)
        run.branch(None)
        run.recovery("retry", outcome="maybe")
        run.recovery(b"retry")
    ag.workflow.transition(["list"])  # type: ignore[arg-type]
    assert_recorded("agentgauge_records_total", count=5, source="instrument", result="invalid")
    assert_recorded(WORKFLOW, count=1, gen_ai_workflow_name="careless", error_type="")
    assert recorded_of(TRANSITION).count + recorded_of(BRANCHES).count + recorded_of(RECOVERIES).count == 0
    assert "transition: state must be a string, not int; it is not recorded" in caplog.messages
