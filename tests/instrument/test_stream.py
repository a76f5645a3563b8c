"""A call that returns a stream lasts until the stream's end, and the stream stays what it is."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import agentgauge as ag
from agentgauge.testing import assert_recorded, recorded_of

DURATION = "gen_ai_client_operation_duration_seconds"
FIRST = "gen_ai_client_operation_time_to_first_chunk_seconds"
INPUT = "gen_ai_client_inference_usage_input_tokens_total"
USAGE = {"model": "gpt-x", "usage": {"prompt_tokens": 9, "completion_tokens": 2}}


class Stream:
    """A stream as OpenAI's and Anthropic's clients return it."""

    def __init__(self, chunks: list[Any], error: BaseException | None = None) -> None:
        self.response = "the HTTP response"
        self.closed = False
        self._chunks = iter(chunks)
        self._error = error

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        for chunk in self._chunks:
            return chunk
        if self._error is not None:
            raise self._error
        raise StopIteration

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closed = True


class AsyncStream(Stream):
    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        await asyncio.sleep(0)
        try:
            return super().__next__()
        except StopIteration:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> "AsyncStream":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True

    async def close(self) -> None:  # type: ignore[override]
        self.closed = True

    __next__ = None  # type: ignore[assignment]


def asked(stream: Any) -> Callable[[], Any]:
    return ag.llm_call("gpt-x", provider="openai")(lambda: stream)


def test_a_stream_is_read_to_its_end_and_stays_what_it_is() -> None:
    original = Stream(["a", "b", USAGE])
    stream = asked(original)()
    assert isinstance(stream, Stream)
    assert stream.response == "the HTTP response"
    assert_recorded(DURATION, count=0)
    assert list(stream) == ["a", "b", USAGE]
    assert list(stream) == []
    assert_recorded(DURATION, count=1, gen_ai_request_model="gpt-x", error_type="")
    assert_recorded(INPUT, count=9, gen_ai_request_model="gpt-x")
    assert_recorded(FIRST, count=1, gen_ai_request_model="gpt-x")
    assert_recorded("agentgauge_in_flight", count=0, kind="llm", name="gpt-x")


def test_an_async_stream_is_read_to_its_end() -> None:
    @ag.llm_call("gpt-x", provider="openai")
    async def ask() -> AsyncStream:
        return AsyncStream(["a", USAGE])

    async def use() -> list[Any]:
        stream = await ask()
        assert isinstance(stream, AsyncStream)
        assert_recorded("agentgauge_in_flight", count=1, kind="llm", name="gpt-x")
        return [chunk async for chunk in stream]

    assert asyncio.run(use()) == ["a", USAGE]
    assert_recorded(DURATION, count=1, error_type="")
    assert_recorded(INPUT, count=9)


def test_a_stream_that_fails_has_its_error() -> None:
    with pytest.raises(ConnectionError):
        list(asked(Stream(["a"], ConnectionError("reset")))())
    assert_recorded(DURATION, count=1, error_type="ConnectionError")


def test_a_stream_left_early_is_no_error_and_is_closed() -> None:
    original = Stream(["a", "b"])
    with asked(original)() as stream:
        assert next(stream) == "a"
    assert original.closed
    closed = asked(Stream(["a"]))()
    closed.close()
    closed.close()
    forgotten = asked(Stream(["a"]))()
    next(forgotten)
    del forgotten
    gc.collect()
    assert_recorded(DURATION, count=3, error_type="")
    assert_recorded(DURATION, count=3)
    assert_recorded(FIRST, count=2)


def test_an_async_stream_left_early_is_closed() -> None:
    async def use() -> None:
        original = AsyncStream(["a", "b"])
        async with asked(original)() as stream:
            assert await anext(stream) == "a"
        assert original.closed
        other = AsyncStream(["a"])
        await asked(other)().close()
        assert other.closed

    asyncio.run(use())
    assert_recorded(DURATION, count=2, error_type="")


def test_a_generator_that_is_returned_delegates_as_before() -> None:
    def chunks() -> Iterator[str]:
        yield "a"
        yield "b"

    stream = asked(chunks())()
    assert "".join(stream) == "ab"
    assert_recorded(DURATION, count=1, error_type="")


@pytest.mark.parametrize("result", [[1, 2], "text", {"stream": True}, (), None, range(3)])
def test_what_is_no_iterator_is_returned_itself(result: object) -> None:
    assert asked(result)() is result
    assert recorded_of(DURATION).count == 1
