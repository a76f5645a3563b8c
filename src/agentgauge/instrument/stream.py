"""Streams: a call that returns chunks lasts until the last one, not until it returns."""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Final

from agentgauge.instrument.meter import Flavour, Meter
from agentgauge.instrument.usage import read_snapshot


class _Ending:
    """What is left of one call: its chunks, and its end, which comes once.

    Attributes:
        stream: what may hold a snapshot of what has been read.
    """

    __slots__ = ("_open", "stream")

    def __init__(self, meter: Meter, token: Any, stream: object) -> None:
        self._open = [(meter, token)]  # a list, because popping is one atomic step
        self.stream = stream

    def chunk(self, chunk: object) -> None:
        """Note a chunk."""
        for meter, token in self._open:
            meter.suspend(token, chunk)
            meter.resume(token)

    def end(self, error: BaseException | None, response: object = None) -> None:
        """End the call, unless it has ended.

        Args:
            error: what ended it, None for a stream that came to its end.
            response: all of it, where a method of the stream returned that.
        """
        if not self._open:
            return
        snapshot = read_snapshot(self.stream) if response is None else response
        try:
            meter, token = self._open.pop()
        except IndexError:  # another thread
            return
        if snapshot is not None:
            token.response(snapshot)
        if error is None:
            meter.end(token, None)
        else:
            meter.fail(token, error)

    def drop(self) -> None:
        """There was no call, unless it has ended."""
        for meter, token in self._open:
            meter.drop(token)
        self._open.clear()


class _Measured:
    """Stands for something that leads to chunks; all of it that is not defined here is its own, its class included."""

    def __init__(self, inner: Any, ending: _Ending) -> None:
        self._agentgauge_ending = ending
        self._agentgauge_inner = inner

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._agentgauge_inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._agentgauge_inner, name)

    def _agentgauge_stream(self, stream: Any) -> Any:
        """Return what was entered: this again, or a measured stream."""
        if stream is self._agentgauge_inner:
            return self
        self._agentgauge_ending.stream = stream
        return _measured(stream, self._agentgauge_ending, whole=True)

    def __enter__(self) -> Any:
        try:
            stream = self._agentgauge_inner.__enter__()
        except BaseException as error:
            self._agentgauge_ending.end(error)
            raise
        return self._agentgauge_stream(stream)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        self._agentgauge_ending.end(error or GeneratorExit())
        return self._agentgauge_inner.__exit__(kind, error, trace)

    async def __aenter__(self) -> Any:
        try:
            stream = await self._agentgauge_inner.__aenter__()
        except BaseException as error:
            self._agentgauge_ending.end(error)
            raise
        return self._agentgauge_stream(stream)

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> Any:
        self._agentgauge_ending.end(error or GeneratorExit())
        return await self._agentgauge_inner.__aexit__(kind, error, trace)


class _Manager(_Measured):
    """Stands for what makes its request when it is entered, and then gives the stream."""

    def __del__(self) -> None:
        if self._agentgauge_ending.stream is None:
            self._agentgauge_ending.drop()


class _Chunks(_Measured):
    """Stands for an iterator of one kind or the other, and notes its chunks.

    Args:
        inner: a stream, or a view of one.
        ending: of the call.
        whole: whether it is the stream: the call ends where that is forgotten.
    """

    def __init__(self, inner: Any, ending: _Ending, *, whole: bool) -> None:
        super().__init__(inner, ending)
        self._agentgauge_whole = whole
        if hasattr(inner, "__next__") or hasattr(inner, "__anext__"):
            self._agentgauge_chunks = inner
        else:  # Bedrock's
            self._agentgauge_chunks = aiter(inner) if hasattr(inner, "__aiter__") else iter(inner)

    def __del__(self) -> None:
        if self._agentgauge_whole:
            self._agentgauge_ending.end(GeneratorExit())

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if name.startswith("get_final_") or name == "until_done":
            return self._agentgauge_to_the_end(found)
        if not name.startswith("_") and isinstance(found, (Iterator, AsyncIterator)):  # Anthropic's text_stream
            return _measured(found, self._agentgauge_ending, whole=False)
        return found

    def _agentgauge_to_the_end(self, read: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method that reads all that is left; its chunks are not seen."""

        def ended(result: Any) -> Any:
            if result is self._agentgauge_inner:
                self._agentgauge_ending.end(None)
                return self
            self._agentgauge_ending.end(None, None if isinstance(result, str) else result)
            return result

        async def later(result: Any) -> Any:
            try:
                return ended(await result)
            except BaseException as error:
                self._agentgauge_ending.end(error)
                raise

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = read(*args, **kwargs)
                return later(result) if inspect.isawaitable(result) else ended(result)
            except BaseException as error:
                self._agentgauge_ending.end(error)
                raise

        return call

    def close(self) -> Any:
        """Close the stream; of an async one, return what is to be awaited."""
        self._agentgauge_ending.end(GeneratorExit())
        return self._agentgauge_inner.close()

    def aclose(self) -> Any:
        """Close an async stream."""
        self._agentgauge_ending.end(GeneratorExit())
        return self._agentgauge_inner.aclose()


class _SyncChunks(_Chunks):
    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        try:
            chunk = next(self._agentgauge_chunks)
        except StopIteration:
            self._agentgauge_ending.end(None)
            raise
        except BaseException as error:
            self._agentgauge_ending.end(error)
            raise
        self._agentgauge_ending.chunk(chunk)
        return chunk


class _AsyncChunks(_Chunks):
    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await anext(self._agentgauge_chunks)
        except StopAsyncIteration:
            self._agentgauge_ending.end(None)
            raise
        except BaseException as error:
            self._agentgauge_ending.end(error)
            raise
        self._agentgauge_ending.chunk(chunk)
        return chunk


class _BothChunks(_SyncChunks, _AsyncChunks):
    pass


def _measured(stream: Any, ending: _Ending, *, whole: bool) -> _Chunks:
    """Return what stands for a stream: it can be iterated as that can."""
    if not hasattr(stream, "__aiter__"):
        return _SyncChunks(stream, ending, whole=whole)
    kind = _BothChunks if hasattr(stream, "__next__") else _AsyncChunks
    return kind(stream, ending, whole=whole)


def until_the_end(function: Callable[..., Any], meter: Meter, flavour: Flavour) -> Callable[..., Any] | None:
    """Return a function measured to the end of the stream it may return, or None for a generator: it is a stream."""

    def call(*args: Any, **kwargs: Any) -> Any:
        token = meter.begin()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            meter.fail(token, error)
            raise
        if issubclass(type(result), Coroutine):
            meter.drop(token)
            return awaited(result)
        return _ended(result, meter, token)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        return await call(*args, **kwargs)

    async def awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
        token = meter.begin()
        try:
            result = await coroutine
        except BaseException as error:
            meter.fail(token, error)
            raise
        return _ended(result, meter, token)

    return {"function": call, "coroutine": call_async}.get(flavour)


def _ended(result: Any, meter: Meter, token: Any) -> Any:
    """End a call that returned, or leave it to the stream it returned; return what the caller is given."""
    # Of its type: its __class__ and its attributes are the response's own code, which may raise.
    kind = type(result)
    if issubclass(kind, (Iterator, AsyncIterator)):
        return _measured(result, _Ending(meter, token, result), whole=True)
    if kind.__name__.endswith("StreamManager"):  # of Anthropic and OpenAI: the request is made when it is entered
        return _Manager(result, _Ending(meter, token, None))
    if issubclass(kind, dict):
        for key in _EVENTS:
            events = result.get(key)
            if type(events).__name__.endswith("EventStream"):  # Bedrock's, which are no iterators
                result[key] = _measured(events, _Ending(meter, token, None), whole=True)
                return result
    meter.end(token, result)
    return result


_EVENTS: Final = ("stream", "body")
"""Where Bedrock's responses have their stream: converse_stream's and invoke_model_with_response_stream's."""
