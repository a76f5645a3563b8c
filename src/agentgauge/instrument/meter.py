"""Meters: what is told when a call begins, ends or fails."""

import time
from collections.abc import Callable
from typing import Any, Literal, Protocol, runtime_checkable

from agentgauge.cells import Cell
from agentgauge.errors import UsageError
from agentgauge.record import MAX_LABEL_CHARS


class Meter(Protocol):
    """Measures calls of one name; a token is whatever one call needs between its beginning and its end."""

    def begin(self) -> Any:
        """Note that a call began."""

    def end(self, token: Any, result: object) -> None:
        """Note that it returned ``result``."""

    def fail(self, token: Any, error: BaseException) -> None:
        """Note that it raised."""

    def drop(self, token: Any) -> None:
        """Note that it was no call yet: what it returned is a coroutine, and that is the call."""

    def suspend(self, token: Any, item: object) -> None:
        """Note that it gives control back for a while: a generator yields."""

    def resume(self, token: Any) -> None:
        """Note that it has control again."""


Flavour = Literal["function", "coroutine", "generator", "async generator"]


@runtime_checkable
class FastMeter(Protocol):
    """A meter that wraps some functions itself: its method calls would cost as much as all the rest."""

    def around(self, function: Callable[..., Any], flavour: Flavour) -> Callable[..., Any] | None:
        """Return the function measured, or None where it is to be wrapped with the meter's methods."""


def count_success(cell: Cell, start: float) -> bool:
    """Count a successful call; False where it began before a fork and is another process's."""
    return cell.close(start, time.perf_counter() - start)


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
