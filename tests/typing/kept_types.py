"""What type checkers see of decorated functions; read by mypy, never run.

An ``assert_type`` that does not hold is an error, and so is a ``type: ignore`` where there is no error.
"""

import functools
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import assert_type

from sqlalchemy import Engine

import agentgauge as ag
from agentgauge.instrument.agent import Run
from agentgauge.instrument.llm import Call


@ag.agent
def bare(question: str, *, depth: int = 1) -> list[str]:
    return [question] * depth


@ag.tool("search", type="datastore", memory=True)
async def coroutine(query: str) -> int:
    return len(query)


@ag.workflow()
def generator(count: int) -> Iterator[int]:
    yield count


@ag.hook(system="git", event="pre-commit")
async def async_generator(count: int) -> AsyncIterator[str]:
    yield str(count)


@ag.llm_call("gpt-4o", provider="openai")
def call(prompt: str) -> bytes:
    return prompt.encode()


@ag.cached
def remembered(key: str) -> float:
    return float(key)


@ag.cached("squares", maxsize=None)
@functools.lru_cache
def square(number: int) -> int:
    return number * number


class Service:
    @ag.tool
    def method(self, key: int) -> str:
        return str(key)

    @ag.tool("class_method")
    @classmethod
    def class_method(cls, key: int) -> str:
        return str(key)

    @staticmethod
    @ag.tool("static_method")
    def static_method(key: int) -> str:
        return str(key)


assert_type(bare("a", depth=2), list[str])
assert_type(generator(1), Iterator[int])
assert_type(async_generator(1), AsyncIterator[str])
assert_type(call("a"), bytes)
assert_type(remembered("a"), float)
assert_type(square(2), int)
assert_type(square.cache_info().hits, int)
assert_type(Service().method(1), str)
assert_type(Service.class_method(1), str)
assert_type(Service.static_method(1), str)
_awaitable: Callable[[str], Awaitable[int]] = coroutine

bare(1)  # type: ignore[arg-type]
bare("a", 2)  # type: ignore[call-arg]
generator()  # type: ignore[call-arg]
Service().method("a")  # type: ignore[arg-type]


async def use() -> None:
    assert_type(await coroutine("a"), int)
    with ag.agent("block") as run, ag.llm_call("gpt-4o") as chat:
        _run: Run = run
        _chat: Call = chat
    async with ag.workflow("block", memory=True):
        ag.workflow.transition("planning")
        ag.workflow.branch("fast")
        ag.workflow.recovery("retry", outcome="failure")
    ag.workflow.transition(3)  # type: ignore[arg-type]
    ag.outcome("budget")
    ag.revisions(2, agent="writer")
    ag.feedback(True)
    ag.tool_selection("search", "wrong")
    ag.evaluation("faithfulness").score("high")  # type: ignore[arg-type]


def databases(connection: sqlite3.Connection, engine: Engine) -> None:
    assert_type(ag.instrument_dbapi(connection, database="orders"), sqlite3.Connection)
    assert_type(ag.instrument_sqlalchemy(engine), Engine)
    ag.instrument_dbapi(connection)  # type: ignore[call-arg]


ag.agent("a", task_type=1)  # type: ignore[call-overload]
ag.tool(3)  # type: ignore[call-overload]
ag.agent("a")("b")  # type: ignore[type-var]
ag.agents  # type: ignore[attr-defined] # noqa: B018
