"""Wraps each kind of function as what it is: sync, async, generator, async generator."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import CoroutineType
from typing import Any, Final, TypeVar

from agentgauge.errors import UsageError
from agentgauge.instrument.meter import FastMeter, Flavour, Meter

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
    flavour = _flavour(function)
    wrapped = meter.around(function, flavour) if isinstance(meter, FastMeter) else None
    return functools.update_wrapper(wrapped or _WRAPPERS[flavour](function, meter), function)  # type: ignore[return-value]


def _flavour(function: Callable[..., Any]) -> Flavour:
    target: Any = function
    while isinstance(target, functools.partial):
        target = target.func
    if not inspect.isroutine(target):
        target = target.__call__
    if inspect.isasyncgenfunction(target):
        return "async generator"
    if inspect.iscoroutinefunction(target):
        return "coroutine"
    return "generator" if inspect.isgeneratorfunction(target) else "function"


def _function(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    begin, end, fail, drop = meter.begin, meter.end, meter.fail, meter.drop
    awaited = wrap_coroutine(itself, meter)

    def call(*args: Any, **kwargs: Any) -> Any:
        token = begin()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            fail(token, error)
            raise
        if type(result) is CoroutineType:  # of an async function that someone else has wrapped
            drop(token)
            return awaited(result)
        end(token, result)
        return result

    return call


def itself(coroutine: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
    """Return what is given: wrapped as an async function, it measures a coroutine that is there already."""
    return coroutine


def wrap_coroutine(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    """Return an async function measured."""
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
    # Delegates as PEP 380 says, and tells the meter who has control.
    begin, end, fail, suspend, resume = meter.begin, meter.end, meter.fail, meter.suspend, meter.resume

    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        token = begin()
        try:
            inner = function(*args, **kwargs)
            item = next(inner)
            while True:
                suspend(token, item)
                try:
                    sent = yield item
                except GeneratorExit:
                    resume(token)
                    inner.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - handed on to the inner generator, whatever it is
                    resume(token)
                    item = inner.throw(error)
                else:
                    resume(token)
                    item = inner.send(sent)
        except StopIteration as stop:
            end(token, stop.value)
            return stop.value
        except BaseException as error:
            fail(token, error)
            raise

    return call


def _async_generator(function: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    begin, end, fail, suspend, resume = meter.begin, meter.end, meter.fail, meter.suspend, meter.resume

    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        token = begin()
        try:
            inner = function(*args, **kwargs)
            item = await anext(inner)
            while True:
                suspend(token, item)
                try:
                    sent = yield item
                except GeneratorExit:
                    resume(token)
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - handed on to the inner generator, whatever it is
                    resume(token)
                    item = await inner.athrow(error)
                else:
                    resume(token)
                    item = await inner.asend(sent)
        except StopAsyncIteration:
            end(token, None)
        except BaseException as error:
            fail(token, error)
            raise

    return call


_WRAPPERS: Final[dict[Flavour, Callable[[Callable[..., Any], Meter], Callable[..., Any]]]] = {
    "function": _function,
    "coroutine": wrap_coroutine,
    "generator": _generator,
    "async generator": _async_generator,
}
