"""Meters: what is told when a call begins, ends or fails."""

import time
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from agentgauge.cells import CELLS, VALVE, Cell
from agentgauge.errors import UsageError
from agentgauge.record import MAX_LABEL_CHARS, Record


class Meter(Protocol):
    """Measures calls of one name; a token is whatever one call needs between its beginning and its end."""

    def begin(self) -> Any:
        """Note that a call began."""

    def end(self, token: Any, result: object) -> None:
        """Note that it returned ``result``."""

    def fail(self, token: Any, error: BaseException) -> None:
        """Note that it raised."""

    def suspend(self, token: Any, item: object) -> None:
        """Note that it gives control back for a while: a generator yields."""

    def resume(self, token: Any) -> None:
        """Note that it has control again."""


@runtime_checkable
class FastMeter(Protocol):
    """A meter that wraps plain functions itself: the two method calls would cost as much as all the rest."""

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function measured."""


class CellMeter:
    """Measures calls whose labels are known at decoration: workflows and hooks.

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

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function measured: ``begin``, ``end`` and ``fail`` written out."""
        cell, fail = self.cell, self.fail
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


def close_ticket(cell: Cell, ticket: int) -> bool:
    """Count a successful call; False where it began before a fork and is another process's."""
    try:
        cell.done.append(time.perf_counter() - cell.opened.pop(ticket))
    except KeyError:
        return False
    if not ticket & VALVE - 1:
        CELLS.relieve()
    return True


def checked_label(decorator: str, parameter: str, value: object) -> str:
    """Return a label value given to a decorator.

    Raises:
        UsageError: it is not a string, or too long for a label.
    """
    if not isinstance(value, str):
        raise UsageError(f"@{decorator}: {parameter} must be a string, not {type(value).__name__}")
    if len(value) > MAX_LABEL_CHARS:
        raise UsageError(f"@{decorator}: {parameter} has {len(value)} characters; at most {MAX_LABEL_CHARS}")
    return value
