"""Wraps each kind of function as what it is: sync, async, generator, async generator."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar

from agentgauge.errors import UsageError
from agentgauge.instrument.meter import FastMeter, Meter

F = TypeVar("F", bound=Callable[..., Any])


def name_of(decorator: str, function: object) -> str:
    """Return what a decorated function is called.

    Raises:
        UsageError: it is a class, or cannot be called.
    """
    if isinstance(function, (staticmethod, classmethod)):
        function = function.__func__
    if inspect.isclass(function):
        raise UsageError(f"@{decorator}: {function.__name__} is a class; decorate its methods")
    if not callable(function):
        raise UsageError(f"@{decorator}: {type(function).__name__} cannot be called; decorate a function")
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", None) or type(function).__name__)


def wrap(function: F, meter: Meter) -> F:
    """Return ``function`` measured by ``meter``, of the same kind and with the same signature and name."""
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(wrap(function.__func__, meter))
    target: Any = function
    while isinstance(target, functools.partial):
        target = target.func
    if not inspect.isroutine(target):
        target = target.__call__
    wrapped: Callable[..., Any]
    if inspect.isasyncgenfunction(target):
        wrapped = _async_generator(function, meter)
    elif inspect.iscoroutinefunction(target):
        wrapped = _coroutine(function, meter)
    elif inspect.isgeneratorfunction(target):
        wrapped = _generator(function, meter)
    elif isinstance(meter, FastMeter):
        wrapped = meter.around(function)
    else:
        wrapped = _function(function, meter)
    return functools.update_wrapper(wrapped, function)  # type: ignore[return-value]


def _function(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    begin, end, fail = meter.begin, meter.end, meter.fail

    def call(*args: Any, **kwargs: Any) -> Any:
        token = begin()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            fail(token, error)
            raise
        end(token, result)
        return result

    return call


def _coroutine(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    begin, end, fail = meter.begin, meter.end, meter.fail

    async def call(*args: Any, **kwargs: Any) -> Any:
        token = begin()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            fail(token, error)
            raise
        end(token, result)
        return result

    return call


def _generator(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        token = meter.begin()
        try:
            result = yield from _steps(function(*args, **kwargs), meter, token)
        except BaseException as error:
            meter.fail(token, error)
            raise
        meter.end(token, result)
        return result

    return call


def _steps(inner: Generator[Any, Any, Any], meter: Meter, token: Any) -> Generator[Any, Any, Any]:
    """Delegate to a generator as PEP 380 does, telling the meter who has control."""
    step: Callable[[], Any] = functools.partial(next, inner)
    while True:
        try:
            item = step()
        except StopIteration as stop:
            return stop.value
        meter.suspend(token, item)
        try:
            sent = yield item
        except GeneratorExit:
            meter.resume(token)
            inner.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to the inner generator, whatever it is
            step = functools.partial(inner.throw, error)
        else:
            step = functools.partial(inner.send, sent)
        meter.resume(token)


def _async_generator(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        token = meter.begin()
        try:
            inner = function(*args, **kwargs)
            step = functools.partial(anext, inner)
            while True:
                try:
                    item = await step()
                except StopAsyncIteration:
                    break
                meter.suspend(token, item)
                try:
                    sent = yield item
                except GeneratorExit:
                    meter.resume(token)
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - handed on to the inner generator, whatever it is
                    step = functools.partial(inner.athrow, error)
                else:
                    step = functools.partial(inner.asend, sent)
                meter.resume(token)
        except BaseException as error:
            meter.fail(token, error)
            raise
        meter.end(token, None)

    return call
