"""CellMeter: the cheapest meter, for calls whose labels are known at decoration."""

import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Final

from agentgauge.cells import CELLS, VALVE, Cell
from agentgauge.instrument.meter import Flavour, close_ticket
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

    def begin(self) -> int:
        """Note that a call began."""
        ticket = self.cell.take()
        self.cell.opened[ticket] = time.perf_counter()
        return ticket

    def end(self, token: int, result: object = None) -> None:
        """Note that a call returned."""
        close_ticket(self.cell, token)

    def fail(self, token: int, error: BaseException) -> None:
        """Note that a call raised."""
        start = self.cell.opened.pop(token, None)
        if start is not None:
            CELLS.record(self.failed(time.perf_counter() - start, error))

    def suspend(self, token: int, item: object) -> None:
        """Nothing depends on who has control."""

    def resume(self, token: int) -> None:
        """Nothing depends on who has control."""

    def around(self, function: Callable[..., Any], flavour: Flavour) -> Callable[..., Any]:
        """Return the function measured: ``begin``, ``end`` and ``fail`` written out."""
        return _WRAPPERS[flavour](function, self)


def _function(function: Callable[..., Any], meter: CellMeter) -> Callable[..., Any]:
    cell, fail = meter.cell, meter.fail
    take, opened, close, append = cell.take, cell.opened, cell.opened.pop, cell.done.append
    clock, mask, relieve = time.perf_counter, VALVE - 1, CELLS.relieve

    def call(*args: Any, **kwargs: Any) -> Any:
        opened[ticket := take()] = clock()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            fail(ticket, error)
            raise
        try:
            append(clock() - close(ticket))
        except KeyError:  # begun before a fork: the parent's
            return result
        if not ticket & mask:
            relieve()
        return result

    return call


def _coroutine(function: Callable[..., Any], meter: CellMeter) -> Callable[..., Any]:
    cell, fail = meter.cell, meter.fail
    take, opened, close, append = cell.take, cell.opened, cell.opened.pop, cell.done.append
    clock, mask, relieve = time.perf_counter, VALVE - 1, CELLS.relieve

    async def call(*args: Any, **kwargs: Any) -> Any:
        opened[ticket := take()] = clock()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            fail(ticket, error)
            raise
        try:
            append(clock() - close(ticket))
        except KeyError:  # begun before a fork: the parent's
            return result
        if not ticket & mask:
            relieve()
        return result

    return call


def _generator(function: Callable[..., Any], meter: CellMeter) -> Callable[..., Any]:
    cell, fail = meter.cell, meter.fail
    take, opened, close, append = cell.take, cell.opened, cell.opened.pop, cell.done.append
    clock, mask, relieve = time.perf_counter, VALVE - 1, CELLS.relieve

    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        opened[ticket := take()] = clock()
        try:
            result = yield from function(*args, **kwargs)
        except BaseException as error:
            fail(ticket, error)
            raise
        try:
            append(clock() - close(ticket))
        except KeyError:  # begun before a fork: the parent's
            return result
        if not ticket & mask:
            relieve()
        return result

    return call


def _async_generator(function: Callable[..., Any], meter: CellMeter) -> Callable[..., Any]:
    begin, end, fail = meter.begin, meter.end, meter.fail

    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        ticket = begin()
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
            end(ticket)
        except BaseException as error:
            fail(ticket, error)
            raise

    return call


_WRAPPERS: Final[dict[Flavour, Callable[[Callable[..., Any], CellMeter], Callable[..., Any]]]] = {
    "function": _function,
    "coroutine": _coroutine,
    "generator": _generator,
    "async generator": _async_generator,
}
