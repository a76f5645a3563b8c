"""A call that returns a stream lasts until the stream's end, and the stream stays what it is."""

import asyncio
import gc
import itertools
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


class Message:
    """What Anthropic's stream has accumulated."""

    model = "claude-x"
    stop_reason = "end_turn"

    def __init__(self, output_tokens: int) -> None:
        self.usage = {"input_tokens": 9, "output_tokens": output_tokens, "cache_read_input_tokens": 1}


class MessageStream:
    """As Anthropic's: its views read it by themselves."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.text_stream = self._texts()
        self.closed = False
        self._left = ["Hel", "lo"]
        self._error = error

    @property
    def current_message_snapshot(self) -> Message:
        assert len(self._left) < 2, "nothing has been read"
        return Message(2 - len(self._left))

    def _texts(self) -> Iterator[str]:
        for event in self:
            yield event["text"]

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._error is not None:
            raise self._error
        if not self._left:
            raise StopIteration
        return {"type": "text", "text": self._left.pop(0)}

    def get_final_message(self) -> Message:
        self.until_done()
        return self.current_message_snapshot

    def until_done(self) -> "MessageStream":
        list(self)
        return self

    def close(self) -> None:
        self.closed = True


class MessageStreamManager:
    def __init__(self, stream: Any, error: BaseException | None = None) -> None:
        self.stream = stream
        self._error = error

    def __enter__(self) -> Any:
        if self._error is not None:
            raise self._error
        return self.stream

    def __exit__(self, *_: object) -> None:
        self.stream.close()


class AsyncMessageStream:
    def __init__(self) -> None:
        self._inner = MessageStream()
        self.text_stream = self._texts()

    @property
    def current_message_snapshot(self) -> Message:
        return self._inner.current_message_snapshot

    async def _texts(self) -> AsyncIterator[str]:
        async for event in self:
            yield event["text"]

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        for event in self._inner:
            return event
        raise StopAsyncIteration

    async def get_final_message(self) -> Message:
        return self._inner.get_final_message()

    async def close(self) -> None:
        self._inner.close()


class AsyncMessageStreamManager:
    def __init__(self) -> None:
        self.stream = AsyncMessageStream()

    async def __aenter__(self) -> AsyncMessageStream:
        return self.stream

    async def __aexit__(self, *_: object) -> None:
        await self.stream.close()


def managed(manager: Any) -> Any:
    return ag.llm_call(provider="anthropic")(lambda: manager)()


OUTPUT = "gen_ai_client_inference_usage_output_tokens_total"


def test_a_stream_that_is_entered_is_measured_and_stays_what_it_is() -> None:
    manager = MessageStreamManager(MessageStream())
    with managed(manager) as stream:
        assert isinstance(stream, MessageStream)
        assert_recorded("agentgauge_in_flight", count=1, kind="llm")
        assert [event["text"] for event in stream] == ["Hel", "lo"]
        assert stream.get_final_message().stop_reason == "end_turn"
    assert manager.stream.closed
    assert_recorded(DURATION, count=1, gen_ai_request_model="claude-x", error_type="")
    assert_recorded(INPUT, count=10, gen_ai_request_model="claude-x")
    assert_recorded(OUTPUT, count=2, gen_ai_request_model="claude-x")
    assert_recorded(FIRST, count=1)
    assert_recorded("agentgauge_in_flight", count=0, kind="llm")


@pytest.mark.parametrize(("read", "tokens"), [(2, 2), (1, 1)], ids=["whole", "left early"])
def test_the_text_of_a_stream_is_measured_as_its_events_are(read: int, tokens: int) -> None:
    with managed(MessageStreamManager(MessageStream())) as stream:
        texts = stream.text_stream
        assert isinstance(texts, Iterator)
        assert not isinstance(texts, AsyncIterator)
        assert list(itertools.islice(texts, read)) == ["Hel", "lo"][:read]
    assert_recorded(DURATION, count=1, error_type="")
    assert_recorded(OUTPUT, count=tokens, gen_ai_request_model="claude-x")
    assert_recorded(FIRST, count=1)


def test_a_stream_read_by_its_own_method_has_its_usage() -> None:
    with managed(MessageStreamManager(MessageStream())) as stream:
        assert stream.until_done() is stream
        assert_recorded(DURATION, count=1)
        assert stream.get_final_message().usage["output_tokens"] == 2
    assert_recorded(DURATION, count=1, error_type="")
    assert_recorded(OUTPUT, count=2)


def test_what_a_streams_own_method_returns_is_its_response() -> None:
    class ResponseStream(Stream):  # as OpenAI's
        def get_final_response(self) -> Any:
            list(self)
            return USAGE

    with managed(MessageStreamManager(ResponseStream(["a"]))) as stream:
        assert stream.get_final_response() is USAGE
    assert_recorded(DURATION, count=1, gen_ai_request_model="gpt-x", error_type="")
    assert_recorded(INPUT, count=9)


@pytest.mark.parametrize("where", ["entering", "reading", "final", "block"])
def test_a_managed_stream_that_fails_has_its_error(where: str) -> None:
    error = ConnectionError()
    stream = MessageStream(error if where in {"reading", "final"} else None)
    manager = MessageStreamManager(stream, error if where == "entering" else None)

    def use() -> None:
        with managed(manager) as entered:
            if where == "reading":
                next(entered.text_stream)
            elif where == "final":
                entered.get_final_message()
            raise error

    with pytest.raises(ConnectionError):
        use()
    assert_recorded(DURATION, count=1, error_type="ConnectionError")
    assert_recorded(DURATION, count=1)


def test_a_manager_never_entered_made_no_call() -> None:
    manager = managed(MessageStreamManager(MessageStream()))
    assert isinstance(manager, MessageStreamManager)
    assert_recorded("agentgauge_in_flight", count=1, kind="llm")
    del manager
    gc.collect()
    assert_recorded(DURATION, count=0)
    assert_recorded("agentgauge_in_flight", count=0, kind="llm")


@pytest.mark.parametrize("how", ["events", "texts", "final"])
def test_an_async_stream_that_is_entered_is_measured(how: str) -> None:
    async def use() -> None:
        async with managed(AsyncMessageStreamManager()) as stream:
            assert isinstance(stream, AsyncMessageStream)
            assert not isinstance(stream, Iterator)
            if how == "final":
                assert (await stream.get_final_message()).usage["output_tokens"] == 2
            else:
                assert len([part async for part in (stream if how == "events" else stream.text_stream)]) == 2

    asyncio.run(use())
    assert_recorded(DURATION, count=1, error_type="")
    assert_recorded(OUTPUT, count=2)
    assert_recorded(FIRST, count=int(how != "final"))


class EventStream:
    """As botocore's: iterable, but no iterator."""

    def __init__(self, events: list[Any]) -> None:
        self._events = events
        self.closed = False

    def __iter__(self) -> Iterator[Any]:
        yield from self._events

    def close(self) -> None:
        self.closed = True


CONVERSE = [
    {"contentBlockDelta": {"delta": {"text": "Hi"}}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 9, "outputTokens": 2}}},
]
PACKED = [
    {"chunk": {"bytes": b'{"type":"content_block_delta","delta":{"text":"\\"usage\\""}}'}},
    {"chunk": {"bytes": b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}'}},
    {"chunk": {"bytes": b'{"usage'}},
    {
        "chunk": {
            "bytes": b'{"type":"message_stop","amazon-bedrock-invocationMetrics":'
            b'{"inputTokenCount":8,"outputTokenCount":2,"cacheReadInputTokenCount":1}}'
        }
    },
]


@pytest.mark.parametrize(("key", "events"), [("stream", CONVERSE), ("body", PACKED)])
def test_a_response_that_holds_a_stream_of_events_lasts_until_its_end(key: str, events: list[Any]) -> None:
    response = {"ResponseMetadata": {}, key: EventStream(events)}

    @ag.llm_call("claude-x", provider="aws.bedrock")
    def converse() -> dict[str, Any]:
        return response

    assert converse() is response
    stream = response[key]
    assert isinstance(stream, EventStream)
    assert_recorded(DURATION, count=0)
    assert list(stream) == events
    stream.close()
    assert stream.closed
    assert_recorded(DURATION, count=1, error_type="")
    assert_recorded(INPUT, count=9)
    assert_recorded(OUTPUT, count=2)
    assert_recorded(FIRST, count=1)
    assert_recorded("agentgauge_llm_responses_total", count=1, finish_reason="stop")


def test_the_tokens_of_a_body_nobody_has_read_are_in_its_headers() -> None:
    names = ("input", "output", "cache-read-input", "latency")
    headers = {f"x-amzn-bedrock-{name}-token-count": str(count) for count, name in enumerate(names, 1)}
    response = {"ResponseMetadata": {"HTTPHeaders": headers}, "body": Stream([b"{}"])}
    assert asked(response)() is response
    assert_recorded(INPUT, count=4)
    assert_recorded(OUTPUT, count=2)


def test_a_coroutine_that_a_plain_function_returns_is_the_call() -> None:
    async def create(fail: bool) -> Any:
        await asyncio.sleep(0)
        if fail:
            raise ConnectionError
        return USAGE

    @ag.llm_call("gpt-x", provider="openai")
    def ask(fail: bool) -> Any:
        return create(fail)

    assert asyncio.run(ask(False)) is USAGE
    with pytest.raises(ConnectionError):
        asyncio.run(ask(True))
    assert_recorded(DURATION, count=1, error_type="")
    assert_recorded(DURATION, count=1, error_type="ConnectionError")
    assert_recorded(INPUT, count=9)
