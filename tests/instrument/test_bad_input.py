"""Bad input is refused at decoration, or counted and capped at run time; results arrive as they are."""

import asyncio
import decimal
import inspect
import json
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest
from prometheus_client import generate_latest

import agentgauge as ag
from agentgauge.cells import CELLS
from agentgauge.errors import UsageError
from agentgauge.testing import assert_recorded, recorded_of

INVALID = "agentgauge_records_total"
DECORATORS = {name: getattr(ag, name) for name in ("agent", "tool", "workflow", "hook", "llm_call", "cached")}


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class HostileResponse:
    """One whose every attribute raises, its class included; a proxy outside of its context is one."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("not bound")


def call(function: Callable[..., Any]) -> Any:
    """Call a function of any kind, to its end; returns what it returned, or the last of what it yielded."""

    async def read() -> Any:
        return [item async for item in function()][-1]

    if inspect.isgeneratorfunction(function):
        return list(function())[-1]
    if inspect.isasyncgenfunction(function):
        return run(read())
    return run(function()) if inspect.iscoroutinefunction(function) else function()


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine as a loop does that never looks at results and errors, as asyncio's does."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value


def kinds(result: Any, error: BaseException | None = None) -> dict[str, Callable[[], Any]]:
    """Return functions of each kind that return or yield a result, or raise."""

    def end() -> Any:
        if error is not None:
            raise error
        return result

    def function() -> Any:
        return end()

    async def coroutine() -> Any:
        await asyncio.sleep(0)
        return end()

    def generator() -> Iterator[Any]:
        yield end()

    async def async_generator() -> AsyncIterator[Any]:
        yield end()

    return {f.__name__: f for f in (function, coroutine, generator, async_generator)}


@pytest.mark.parametrize("decorator", DECORATORS)
@pytest.mark.parametrize("wrong", [int, HostileResponse, 3, None, [], asyncio, property(lambda self: 1), b"name"])
def test_what_cannot_be_called_is_refused_at_decoration(decorator: str, wrong: Any) -> None:
    for decorate in (DECORATORS[decorator], DECORATORS[decorator]("name")):
        if wrong is None and decorate is DECORATORS[decorator]:
            continue  # no name
        with pytest.raises(UsageError, match=r"cannot be called|is a class") as refused:
            decorate(wrong)
        assert str(refused.value).startswith(f"@{decorator}: ")


@pytest.mark.parametrize("kind", kinds(None))
@pytest.mark.parametrize("decorator", [name for name in DECORATORS if name != "cached"])
def test_an_error_that_says_nothing_of_itself_arrives_as_it_is(decorator: str, kind: str) -> None:
    error = HostileError()
    try:
        call(DECORATORS[decorator]("hostile")(kinds(None, error)[kind]))
    except BaseException as raised:
        assert raised is error  # noqa: PT017 - pytest.raises asks for its class
    else:
        pytest.fail("nothing was raised")
    CELLS.fold()
    assert_recorded(INVALID, count=0, result="invalid")
    assert b"HostileError" in generate_latest() or decorator == "hook"


@pytest.mark.parametrize("kind", kinds(None))
@pytest.mark.parametrize("decorator", [name for name in DECORATORS if name != "cached"])
def test_a_result_that_raises_when_it_is_touched_arrives_as_it_is(decorator: str, kind: str) -> None:
    response = HostileResponse()
    assert call(DECORATORS[decorator]("hostile")(kinds(response)[kind])) is response
    CELLS.fold()
    if decorator == "llm_call":
        assert_recorded("gen_ai_client_operation_duration_seconds", count=1, error_type="")


@pytest.mark.parametrize("response", [{"usage": HostileResponse()}, {"choices": HostileResponse()}])
def test_a_response_with_something_that_raises_in_it_is_counted(response: dict[str, Any]) -> None:
    assert ag.llm_call("m")(lambda: response)() is response
    assert_recorded("gen_ai_client_operation_duration_seconds", count=1, gen_ai_request_model="m")


@pytest.mark.parametrize("score", [-1, -1e-9, 1.1, math.nan, math.inf, 10**400, None, "0.5", True, 1j, [0.5], object()])
def test_a_score_that_is_none_is_counted_as_invalid(score: Any) -> None:
    ag.evaluation("faithfulness").score(score)
    assert_recorded("agentgauge_evaluation_score_ratio", count=0)
    assert_recorded(INVALID, count=1, source="instrument", result="invalid")


class Float32:
    """A number as numpy and torch have them."""

    def __float__(self) -> float:
        return 0.5


@pytest.mark.parametrize("score", [0, 1, 0.5, decimal.Decimal("0.5"), Float32()])
def test_any_number_is_a_score(score: Any) -> None:
    ag.evaluation("faithfulness").score(score)
    assert_recorded("agentgauge_evaluation_score_ratio", count=1, total=float(score))


@pytest.mark.parametrize(
    "use",
    [
        lambda: ag.revisions(10**400),
        lambda: ag.feedback(0.5, agent=3),  # type: ignore[arg-type]
        lambda: ag.tool_selection(b"t", "correct"),  # type: ignore[arg-type]
        lambda: ag.workflow.branch(None),  # type: ignore[arg-type]
        lambda: ag.event("branch", gen_ai_workflow_name="w", branch=3),
        lambda: ag.outcome([]),  # type: ignore[arg-type]
    ],
)
def test_what_is_wrong_at_run_time_is_counted_and_never_raised(use: Callable[[], None]) -> None:
    with ag.agent("a"):
        use()
    assert_recorded(INVALID, count=1, source="instrument", result="invalid")


def test_a_model_that_is_no_string_is_counted_and_the_call_kept() -> None:
    with ag.llm_call("m") as made:
        made.model = 3
        made.usage(input_tokens=10**400, output_tokens=2)
    assert_recorded("gen_ai_client_operation_duration_seconds", count=1, gen_ai_request_model="")
    assert_recorded(INVALID, count=2, source="instrument", result="invalid")


def test_text_that_is_no_utf8_spoils_no_scrape() -> None:
    model = json.loads('"\\ud800"')
    with ag.llm_call() as made:
        made.response({"model": model, "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    ag.tool(model)(lambda: None)()
    assert b'gen_ai_tool_name="?"' in generate_latest()
    assert recorded_of("gen_ai_client_operation_duration_seconds", gen_ai_request_model="?").count == 1


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: ag.register(3), "int is no registry"),  # type: ignore[arg-type]
        (lambda: ag.report_to_spool("often"), "interval_seconds must be a number > 0"),  # type: ignore[arg-type]
        (lambda: ag.report_to_spool(0), "interval_seconds must be a number > 0"),
        (lambda: ag.agent("a", memory="yes")(lambda: None), "memory must be True or False"),  # type: ignore[call-overload]
    ],
)
def test_wrong_use_fails_at_once_with_a_clear_line(use: Callable[[], None], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        use()
