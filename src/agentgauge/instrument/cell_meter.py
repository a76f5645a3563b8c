"""CellMeter: the cheapest meter, for calls whose labels are known at decoration."""

import time
from collections.abc import AsyncGenerator, Callable, Generator
from types import CoroutineType
from typing import Any, Final

from agentgauge.cells import CELLS, Cell
from agentgauge.instrument.meter import Flavour, count_success
from agentgauge.record import Record


class CellMeter:
    """Measures calls whose labels are known at decoration: hooks.

    Args:
        cell: where successful calls go.
        failed: builds the record of a call that raised, from its duration in seconds and the exception.
    """

    __slots__ = ("cell", "failed")

    def __init__(self, cell: Cell, failed: Callable[[float, BaseException], Record]) -> None:
        self.cell = cell
        self.failed = failed

    def begin(self) -> float:
        """Note that a call began."""
        return self.cell.begin()

    def end(self, token: float, result: object = None) -> None:
        """Note that a call returned."""
        count_success(self.cell, token)

    def fail(self, token: float, error: BaseException) -> None:
        """Note that a call raised."""
        duration = self.cell.end(token)
        if duration is not None:
            CELLS.record(self.failed(duration, error))

    def drop(self, token: float) -> None:
        """Note that it was no call yet."""
        self.cell.end(token)

    def suspend(self, token: float, item: object) -> None:
        """Nothing depends on who has control."""

    def resume(self, token: float) -> None:
        """Nothing depends on who has control."""

    def around(self, function: Callable[..., Any], flavour: Flavour) -> Callable[..., Any]:
        """Return the function measured: ``begin``, ``end`` and ``fail`` written out."""
        return _WRAPPERS[flavour](function, self)


def _function(function: Callable[..., Any], meter: CellMeter) -> Callable[..., Any]:
    cell, fail = meter.cell, meter.fail
    begun, ended, done = cell.begun, cell.ended, cell.done
    clock, close = time.perf_counter, cell.close
    drop, awaited = meter.drop, _coroutine(_itself, meter)

    def call(*args: Any, **kwargs: Any) -> Any:
        start = clock()
        try:
            begun.append(start)
            result = function(*args, **kwargs)
            took = clock() - start
        except BaseException as error:
            fail(start, error)
            raise
        if type(result) is CoroutineType:  # of an async function that someone else has wrapped
            drop(start)
            return awaited(result)
        if start > cell.due:
            close(start, took)
            return result
        done.append(took)
        ended.append(start)
        return result

    return call


def _itself(coroutine: Any) -> Any:
    return coroutine


def _coroutine(function: Callable[..., Any], meter: CellMeter) -> Callable[..., Any]:
    cell, fail = meter.cell, meter.fail
    begun, ended, done = cell.begun, cell.ended, cell.done
    clock, close = time.perf_counter, cell.close

    async def call(*args: Any, **kwargs: Any) -> Any:
        start = clock()
        try:
            begun.append(start)
            result = await function(*args, **kwargs)
            took = clock() - start
        except BaseException as error:
            fail(start, error)
            raise
        if start > cell.due:
            close(start, took)
            return result
        done.append(took)
        ended.append(start)
        return result

    return call


def _generator(function: Callable[..., Any], meter: CellMeter) -> Callable[..., Any]:
    cell, fail = meter.cell, meter.fail
    begun, ended, done = cell.begun, cell.ended, cell.done
    clock, close = time.perf_counter, cell.close

    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        start = clock()
        try:
            begun.append(start)
            result = yield from function(*args, **kwargs)
            took = clock() - start
        except BaseException as error:
            fail(start, error)
            raise
        if start > cell.due:
            close(start, took)
            return result
        done.append(took)
        ended.append(start)
        return result

    return call


def _async_generator(function: Callable[..., Any], meter: CellMeter) -> Callable[..., Any]:
    begin, end, fail = meter.begin, meter.end, meter.fail

    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        start = begin()
        try:
            inner = function(*args, **kwargs)
            send = inner.asend
            item = await anext(inner)
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - handed on to the inner generator, whatever it is
                    item = await inner.athrow(error)
                else:
                    item = await send(sent)
        except StopAsyncIteration:
            end(start)
        except BaseException as error:
            fail(start, error)
            raise

    return call


_WRAPPERS: Final[dict[Flavour, Callable[[Callable[..., Any], CellMeter], Callable[..., Any]]]] = {
    "function": _function,
    "coroutine": _coroutine,
    "generator": _generator,
    "async generator": _async_generator,
}
