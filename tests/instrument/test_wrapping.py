"""Each kind of function is measured as what it is, and stays what it is."""

import asyncio
import functools
import inspect
import pickle
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any

import pytest

import agentgauge as ag
from agentgauge.errors import UsageError
from tests.instrument.conftest import Sample

WORKFLOW = "gen_ai_invoke_workflow_duration_seconds"


@ag.workflow
def picklable(a: int, b: int = 2) -> int:
    """Adds."""
    return a + b


def test_a_function_keeps_its_name_signature_and_pickles() -> None:
    assert (picklable(1), picklable.__name__, picklable.__doc__) == (3, "picklable", "Adds.")
    assert str(inspect.signature(picklable)) == "(a: int, b: int = 2) -> int"
    assert pickle.loads(pickle.dumps(picklable)) is picklable


def test_a_function_is_counted_and_its_error_is_its_own(count: Sample) -> None:
    @ag.workflow("sums")
    def sums(fail: bool) -> str:
        if fail:
            raise ValueError("no")
        return "yes"

    assert sums(False) == "yes"
    with pytest.raises(ValueError, match="no"):
        sums(True)
    assert count(WORKFLOW, gen_ai_workflow_name="sums", error_type="") == 1
    assert count(WORKFLOW, gen_ai_workflow_name="sums", error_type="ValueError") == 1


def test_a_coroutine_that_fails_late_has_its_whole_duration(count: Sample, total: Sample) -> None:
    @ag.workflow
    async def late() -> None:
        await asyncio.sleep(0.05)
        raise KeyError("late")

    assert inspect.iscoroutinefunction(late)
    with pytest.raises(KeyError):
        asyncio.run(late())
    assert count(WORKFLOW, gen_ai_workflow_name="late", error_type="KeyError") == 1
    assert total(WORKFLOW, gen_ai_workflow_name="late", error_type="KeyError") >= 0.05
    assert count(WORKFLOW, gen_ai_workflow_name="late", error_type="") == 0


def test_a_cancelled_task_is_cancelled_not_failed(count: Sample) -> None:
    @ag.workflow
    async def endless() -> None:
        await asyncio.sleep(60)

    async def cancel() -> None:
        task = asyncio.create_task(endless())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert count(WORKFLOW, gen_ai_workflow_name="endless", error_type="cancelled") == 1


def test_a_timeout_is_a_timeout(count: Sample) -> None:
    @ag.workflow
    async def slow() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        asyncio.run(slow())
    assert count(WORKFLOW, gen_ai_workflow_name="slow", error_type="timeout") == 1


def test_a_generator_delegates_send_throw_and_return(count: Sample) -> None:
    def plain() -> Generator[Any, Any, str]:
        try:
            sent = yield 1
        except LookupError:
            sent = "thrown"
        yield sent
        return "end"

    measured = ag.workflow("echo")(plain)
    assert inspect.isgeneratorfunction(measured)
    for make in (plain, measured):
        one, two = make(), make()
        assert (next(one), one.send("x")) == (1, "x")
        assert (next(two), two.throw(LookupError())) == (1, "thrown")
        with pytest.raises(StopIteration) as stop:
            next(one)
        assert stop.value.value == "end"
        two.close()
    assert count(WORKFLOW, gen_ai_workflow_name="echo", error_type="") == 2


def test_a_generator_never_consumed_is_no_call_and_one_closed_early_is_no_error(count: Sample) -> None:
    closed = []

    @ag.workflow("stream")
    def stream() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            closed.append(True)

    stream()
    assert count(WORKFLOW, gen_ai_workflow_name="stream") == 0
    reader = stream()
    next(reader)
    reader.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert count(WORKFLOW, gen_ai_workflow_name="stream", error_type="") == 1
    assert count(WORKFLOW, gen_ai_workflow_name="stream") == 1


def test_an_async_generator_delegates_and_is_closed(count: Sample) -> None:
    closed = []

    @ag.workflow("astream")
    async def astream() -> AsyncGenerator[Any, Any]:
        try:
            got = yield 1
            yield got
        finally:
            closed.append(True)

    async def consume() -> None:
        stream = astream()
        assert await anext(stream) == 1
        assert await stream.asend("x") == "x"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        early = astream()
        await anext(early)
        await early.aclose()
        failing = astream()
        await anext(failing)
        with pytest.raises(OSError, match="thrown"):
            await failing.athrow(OSError("thrown"))

    assert inspect.isasyncgenfunction(astream)
    asyncio.run(consume())
    assert closed == [True] * 3
    assert count(WORKFLOW, gen_ai_workflow_name="astream", error_type="") == 2
    assert count(WORKFLOW, gen_ai_workflow_name="astream", error_type="OSError") == 1


DURATIONS = {
    "agent": "gen_ai_invoke_agent_duration_seconds",
    "tool": "gen_ai_execute_tool_duration_seconds",
    "workflow": WORKFLOW,
    "hook": "agentgauge_hook_duration_seconds",
    "llm_call": "gen_ai_client_operation_duration_seconds",
}


def plainly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap as decorators do that know nothing of async functions."""

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return function(*args)

    return call


@pytest.mark.parametrize("decorator", DURATIONS)
def test_an_async_function_that_someone_else_has_wrapped_lasts_as_long_as_it_runs(
    decorator: str, count: Sample, total: Sample
) -> None:
    gate = asyncio.Event()

    @ag.tool("inner")
    def inner() -> None: ...

    @getattr(ag, decorator)("hidden")  # type: ignore[untyped-decorator]
    @plainly
    async def hidden(fail: bool) -> str:
        await gate.wait()
        inner()
        if fail:
            raise LookupError
        return "result"

    async def use() -> None:
        flying = {"kind": decorator.removesuffix("_call"), "name": "hidden"}
        with ag.agent("outer"):
            tasks = [asyncio.create_task(hidden(fail)) for fail in (False, True)]
        while count("agentgauge_in_flight", **flying) < 2:
            await asyncio.sleep(0)
        gate.set()
        good, bad = await asyncio.gather(*tasks, return_exceptions=True)
        assert good == "result"
        assert isinstance(bad, LookupError)
        assert count("agentgauge_in_flight", **flying) == 0

    asyncio.run(use())
    if decorator == "hook":
        assert count("agentgauge_hook_runs_total", hook_name="hidden", outcome="success") == 1
        assert count("agentgauge_hook_runs_total", hook_name="hidden", outcome="error") == 1
    else:
        metric = DURATIONS[decorator]
        name = {} if decorator != "tool" else {"gen_ai_tool_name": "hidden"}
        assert count(metric, error_type="LookupError", **name) == 1
    for calls in ("tool", "inference"):  # the outer run was over before they began
        assert total(f"gen_ai_invoke_agent_{calls}_calls", gen_ai_agent_name="outer") == 0
    owner = "hidden" if decorator == "agent" else "outer"
    assert count(DURATIONS["tool"], gen_ai_tool_name="inner", gen_ai_agent_name=owner) == 2


def test_methods_partials_and_callables_are_measured(count: Sample) -> None:
    class Service:
        @ag.workflow("method")
        def method(self) -> int:
            return 1

        @ag.workflow("class_method")
        @classmethod
        def class_method(cls) -> str:
            return cls.__name__

        @ag.workflow("static_method")
        @staticmethod
        def static_method() -> int:
            return 3

        async def __call__(self) -> int:
            return 4

    service = Service()
    assert (service.method(), Service.class_method(), service.static_method()) == (1, "Service", 3)
    assert ag.workflow("partial")(functools.partial(int, "7"))() == 7
    assert asyncio.run(ag.workflow("callable")(service)()) == 4
    for name in ("method", "class_method", "static_method", "partial", "callable"):
        assert count(WORKFLOW, gen_ai_workflow_name=name, error_type="") == 1, name


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: ag.workflow(int), "int is a class; decorate its methods"),
        (lambda: ag.tool(3), "int cannot be called"),  # type: ignore[call-overload]
        (lambda: ag.agent("a")("b"), "str cannot be called"),  # type: ignore[type-var]
        (lambda: ag.agent("a", task_type=1), "task_type must be a string, not int"),  # type: ignore[call-overload]
        (lambda: ag.agent("a", outcome="good"), "outcome must be a function"),  # type: ignore[call-overload]
        (lambda: ag.hook("h", system="svn"), "unknown system 'svn'; one of git"),
        (lambda: ag.workflow("x" * 201), "201 characters; at most 200"),
        (lambda: ag.workflow().__enter__(), 'a block needs a name: with workflow("name"):'),
        (lambda: ag.event("nothing"), "unknown kind 'nothing'; one of llm"),
        (lambda: ag.event("branch", tool="x"), "kind branch has no key 'tool'"),
        (lambda: ag.serve(99999999), "cannot listen on 127.0.0.1:99999999"),
    ],
)
def test_wrong_use_fails_at_once_with_a_clear_line(use: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        use()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_blocks_sync_and_async_nest(count: Sample) -> None:
    async def block() -> None:
        async with ag.workflow("block"):
            with ag.workflow("block"):
                pass
            with pytest.raises(ZeroDivisionError), ag.workflow("block"):
                raise ZeroDivisionError

    asyncio.run(block())
    assert count(WORKFLOW, gen_ai_workflow_name="block", error_type="") == 2
    assert count(WORKFLOW, gen_ai_workflow_name="block", error_type="ZeroDivisionError") == 1


def test_an_error_whose_text_raises_is_still_the_users_own(count: Sample) -> None:
    class HostileError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    @ag.workflow("hostile")
    def hostile() -> None:
        raise HostileError

    with pytest.raises(HostileError):
        hostile()
    assert count(WORKFLOW, gen_ai_workflow_name="hostile") == 1
