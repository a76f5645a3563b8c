"""Streams: a call that returns an iterator of chunks lasts until its last chunk, not until it returns."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from agentgauge.instrument.meter import Flavour, Meter


class MeasuredStream:
    """Stands for an iterator, sync or async, and tells its chunks to a meter.

    Everything else of it is the stream's own, its class included. The call ends with the last chunk, with an error,
    or when the stream is closed or forgotten.

    Args:
        stream: an iterator or an async iterator.
        meter: measures the call.
        token: of the call.
    """

    def __init__(self, stream: Any, meter: Meter, token: Any) -> None:
        self._agentgauge = [(meter, token)]
        self._stream = stream

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        try:
            chunk = next(self._stream)
        except StopIteration:
            _end(self, None)
            raise
        except BaseException as error:
            _end(self, error)
            raise
        _note(self, chunk)
        return chunk

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await anext(self._stream)
        except StopAsyncIteration:
            _end(self, None)
            raise
        except BaseException as error:
            _end(self, error)
            raise
        _note(self, chunk)
        return chunk

    def __enter__(self) -> Any:
        self._stream.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        _end(self, error or GeneratorExit())
        return self._stream.__exit__(kind, error, trace)

    async def __aenter__(self) -> Any:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> Any:
        _end(self, error or GeneratorExit())
        return await self._stream.__aexit__(kind, error, trace)

    def close(self) -> Any:
        """Close the stream; of an async one, return what is to be awaited."""
        _end(self, GeneratorExit())
        return self._stream.close()

    def aclose(self) -> Any:
        """Close an async stream."""
        _end(self, GeneratorExit())
        return self._stream.aclose()

    def __del__(self) -> None:
        _end(self, GeneratorExit())


def until_the_end(function: Callable[..., Any], meter: Meter, flavour: Flavour) -> Callable[..., Any] | None:
    """Return a function measured to the end of the stream it may return, or None for a generator: it is a stream."""

    def call(*args: Any, **kwargs: Any) -> Any:
        token = meter.begin()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            meter.fail(token, error)
            raise
        return _ended(result, meter, token)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        token = meter.begin()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            meter.fail(token, error)
            raise
        return _ended(result, meter, token)

    return {"function": call, "coroutine": call_async}.get(flavour)


def _ended(result: Any, meter: Meter, token: Any) -> Any:
    """End a call that returned, or leave it to the stream it returned; return what the caller is given."""
    if isinstance(result, (Iterator, AsyncIterator)):
        return MeasuredStream(result, meter, token)
    meter.end(token, result)
    return result


# Functions, because an attribute of the stream's may have any name.
def _note(stream: MeasuredStream, chunk: object) -> None:
    for meter, token in stream._agentgauge:
        meter.suspend(token, chunk)
        meter.resume(token)


def _end(stream: MeasuredStream, error: BaseException | None) -> None:
    """End the call, once."""
    try:
        meter, token = stream._agentgauge.pop()
    except IndexError:
        return
    if error is None:
        meter.end(token, None)
    else:
        meter.fail(token, error)
