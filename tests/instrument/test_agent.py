"""An agent knows the calls made within its runs, and each run has one outcome."""

import asyncio
import contextvars
import threading
from collections.abc import Iterator

import pytest

import agentgauge as ag
from tests.instrument.conftest import Sample

RUNS = "agentgauge_agent_runs_total"


@ag.tool("lookup")
def lookup() -> None:
    pass


def test_calls_belong_to_the_innermost_run(count: Sample, total: Sample) -> None:
    @ag.agent("inner", task_type="research")
    async def inner() -> None:
        lookup()
        with ag.llm_call("some-model", provider="openai"):
            pass

    @ag.agent("outer")
    async def outer() -> None:
        await asyncio.gather(inner(), inner(), asyncio.to_thread(lookup))
        lookup()

    asyncio.run(outer())
    lookup()
    assert count("gen_ai_invoke_agent_tool_calls", gen_ai_agent_name="inner") == 2
    assert total("gen_ai_invoke_agent_tool_calls", gen_ai_agent_name="inner") == 2
    assert total("gen_ai_invoke_agent_inference_calls", gen_ai_agent_name="inner") == 2
    assert total("gen_ai_invoke_agent_tool_calls", gen_ai_agent_name="outer") == 2
    tool_duration = "gen_ai_execute_tool_duration_seconds"
    assert count(tool_duration, gen_ai_tool_name="lookup", gen_ai_agent_name="inner") == 2
    assert count(tool_duration, gen_ai_tool_name="lookup", gen_ai_agent_name="outer") == 2
    assert count(tool_duration, gen_ai_tool_name="lookup", gen_ai_agent_name="") == 1


def test_a_thread_that_copies_its_context_belongs_to_the_run(total: Sample) -> None:
    with ag.agent("threaded"):
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(lookup,))
        thread.start()
        thread.join()
    assert total("gen_ai_invoke_agent_tool_calls", gen_ai_agent_name="threaded") == 1


@pytest.mark.parametrize("how", ["success", "failure", "cancelled", "timeout", "budget"])
def test_outcomes(count: Sample, how: str) -> None:
    raised = {"failure": ValueError, "cancelled": KeyboardInterrupt, "timeout": TimeoutError}

    @ag.agent("judged", outcome=lambda result: str(result))
    def judged() -> str:
        if how in raised:
            raise raised[how]
        return how

    if how in raised:
        with pytest.raises(raised[how]):
            judged()
    else:
        assert judged() == how
    for outcome in ("success", "failure", "cancelled", "timeout", "budget"):
        assert count(RUNS, gen_ai_agent_name="judged", outcome=outcome) == (outcome == how), outcome


def test_a_faulty_verdict_does_not_break_the_run(count: Sample) -> None:
    def broken(_: object) -> str:
        raise RuntimeError("verdict")

    assert ag.agent("a1", outcome=broken)(lambda: 5)() == 5
    assert ag.agent("a2", outcome=lambda _: "splendid")(lambda: 6)() == 6
    assert count(RUNS, gen_ai_agent_name="a1", outcome="success") == 1
    assert count(RUNS, gen_ai_agent_name="a2", outcome="failure") == 1


def test_a_generator_agent_does_not_leak_into_its_consumer(total: Sample) -> None:
    @ag.agent("streamer")
    def streamer() -> Iterator[int]:
        lookup()
        yield 1
        lookup()
        yield 2

    for _ in streamer():
        lookup()
    assert total("gen_ai_invoke_agent_tool_calls", gen_ai_agent_name="streamer") == 2
    assert total("gen_ai_execute_tool_duration_seconds", gen_ai_agent_name="") > 0


def test_evaluations_belong_to_the_run_they_are_made_in(count: Sample) -> None:
    faithfulness = ag.evaluation("faithfulness", evaluator="tests")
    with ag.agent("graded"):
        faithfulness.score(0.93)
    faithfulness.score(0)
    assert count("agentgauge_evaluation_score_ratio", gen_ai_agent_name="graded", evaluator="tests") == 1
    assert count("agentgauge_evaluation_score_ratio", gen_ai_agent_name="") == 1
