"""Nothing is lost or doubled, whatever calls do at the same time and however they end."""

import asyncio
import contextlib
import contextvars
import random
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

import agentgauge as ag
from agentgauge.cells import CELLS
from agentgauge.testing import recorded_of, recording

TOOL = "gen_ai_execute_tool_duration_seconds"
WORKFLOW = "gen_ai_invoke_workflow_duration_seconds"
RUNS = "agentgauge_agent_runs_total"
TASKS = 5_000


def by_error(metric: str, *errors: str, **labels: str) -> dict[str, float]:
    return {error: recorded_of(metric, error_type=error, **labels).count for error in errors}


def in_flight(kind: str, name: str) -> float:
    return recorded_of("agentgauge_in_flight", kind=kind, name=name).count


async def _run_tasks(ends: list[str]) -> None:
    """Run a task of an agent with a tool for each way to end, all of them at the same time."""
    gate = asyncio.Event()

    @ag.tool("exact-tool")
    async def tool(end: str) -> None:
        await asyncio.sleep(0)
        if end == "failure":
            raise LookupError

    @ag.agent("exact-agent")
    async def agent(end: str) -> None:
        await tool(end)
        await gate.wait()
        if end == "timeout":
            raise TimeoutError
        if end == "cancelled":
            await asyncio.sleep(3600)

    def cancel(which: str) -> None:
        for task, end in zip(tasks, ends, strict=True):
            if end == which:
                task.cancel()

    tasks = [asyncio.create_task(agent(end)) for end in ends]
    cancel("cancelled at birth")  # which is no call
    for step in range(6):
        await asyncio.sleep(0)
        CELLS.fold()
        if step == 3:
            gate.set()
    cancel("cancelled")
    await asyncio.gather(*tasks, return_exceptions=True)


def test_five_thousand_tasks_with_errors_and_cancellations_are_exact() -> None:
    chance = random.Random(7)
    ends = [chance.choice(["success", "failure", "timeout", "cancelled", "cancelled at birth"]) for _ in range(TASKS)]
    asyncio.run(_run_tasks(ends))
    expected = Counter(ends)
    for outcome in ("success", "failure", "timeout", "cancelled"):
        assert recorded_of(RUNS, gen_ai_agent_name="exact-agent", outcome=outcome).count == expected[outcome], outcome
    begun = TASKS - expected["cancelled at birth"]
    assert by_error(TOOL, "", "LookupError", gen_ai_agent_name="exact-agent") == {
        "": begun - expected["failure"],
        "LookupError": expected["failure"],
    }
    assert recorded_of("gen_ai_invoke_agent_tool_calls", gen_ai_agent_name="exact-agent").total == begun
    assert in_flight("agent", "exact-agent") == in_flight("tool", "exact-tool") == 0


PLAN = st.lists(st.sampled_from(["success", "failure", "generator", "closed", "block", "fold"]), max_size=30)


@settings(max_examples=30)
@given(st.lists(PLAN, min_size=2, max_size=4))
def test_threads_that_do_anything_at_the_same_time_are_exact(plans: list[list[str]]) -> None:
    @ag.workflow("mixed")
    def work(fail: bool) -> None:
        if fail:
            raise LookupError

    @ag.workflow("mixed")
    def stream() -> Iterator[int]:
        yield from range(2)

    def run(plan: list[str]) -> None:
        for step in plan * 20:
            if step in {"success", "failure"}:
                with contextlib.suppress(LookupError):
                    work(step == "failure")
            elif step == "fold":
                CELLS.fold()
            elif step == "block":
                with ag.workflow("mixed"):
                    pass
            else:
                reader = stream()
                next(reader)
                if step == "generator":
                    list(reader)
                reader.close()  # type: ignore[attr-defined]

    with recording():
        threads = [threading.Thread(target=run, args=(plan,)) for plan in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        steps = Counter(step for plan in plans for step in plan * 20)
        failed = steps["failure"]
        calls = steps.total() - steps["fold"]
        assert by_error(WORKFLOW, "", "LookupError", gen_ai_workflow_name="mixed") == {
            "": calls - failed,
            "LookupError": failed,
        }
        assert in_flight("workflow", "mixed") == 0


class Interleaved(RuleBasedStateMachine):
    """Calls that begin and end in any order, between folds and forks, beside a plain count of them."""

    calls: Bundle[Any] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.recording = recording()
        self.recording.__enter__()
        self.expected = {"": 0, "KeyError": 0, "cancelled": 0}
        self.foreign: list[Any] = []
        self.open: list[Any] = []

        @ag.workflow("interleaved")
        def generator() -> Generator[None, None, None]:
            yield

        @ag.workflow("interleaved")
        def function() -> None:
            pass

        self.generator, self.function = generator, function

    @rule(target=calls)
    def begin_a_generator(self) -> Any:
        call = self.generator()
        next(call)
        self.open.append(call)
        return call

    @rule(target=calls)
    def enter_a_block(self) -> Any:
        block = ag.workflow("interleaved")
        block.__enter__()
        self.open.append(block)
        return block

    @rule(call=consumes(calls))
    def end_well(self, call: Any) -> None:
        if hasattr(call, "__exit__"):
            call.__exit__(None, None, None)
        else:
            list(call)
        self._ended(call, "")

    @rule(call=consumes(calls), error=st.sampled_from([KeyError, KeyboardInterrupt]))
    def end_in_an_error(self, call: Any, error: type[BaseException]) -> None:
        if hasattr(call, "__exit__"):
            call.__exit__(error, error(), None)
        else:
            with contextlib.suppress(error):
                call.throw(error())
        self._ended(call, "KeyError" if error is KeyError else "cancelled")

    @rule()
    def call_through(self) -> None:
        self.function()
        self.expected[""] += 1

    @rule()
    def fold(self) -> None:
        CELLS.fold()

    @rule()
    def fork(self) -> None:
        """What the child is left with: what is open is the parent's, and so is what was counted."""
        CELLS.reset()
        self.foreign += self.open
        self.open = []
        self.expected = dict.fromkeys(self.expected, 0)

    @invariant()
    def nothing_is_lost(self) -> None:
        if any(self.expected.values()):
            found = by_error(WORKFLOW, *self.expected, gen_ai_workflow_name="interleaved")
            assert found == self.expected
        assert in_flight("workflow", "interleaved") == len(self.open)

    def _ended(self, call: Any, error: str) -> None:
        if call in self.open:
            self.open.remove(call)
            self.expected[error] += 1

    def teardown(self) -> None:
        self.recording.__exit__(None, None, None)


def test_calls_that_begin_and_end_in_any_order_are_counted() -> None:
    plan = settings(max_examples=60, stateful_step_count=30)
    # In a context of its own: blocks left in any order leave the context variables as they like.
    contextvars.copy_context().run(run_state_machine_as_test, Interleaved, settings=plan)
