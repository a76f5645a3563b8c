"""Scope: one object that is a decorator and a context manager, sync and async."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

from agentgauge.errors import UsageError
from agentgauge.instrument.meter import Meter, checked_label
from agentgauge.instrument.wrapping import F, name_of, wrap


class Scope:
    """Measures the function it decorates, or the block it is entered for.

    As a context manager it may be entered again, also while it is entered; threads and tasks need one each.

    Args:
        decorator: what the user wrote, for errors.
        name: what the calls are called; a decorated function's own name where it is None.
        meter: returns the meter of calls of that name.
        block_name: what a block is called that was given no name; without it a block needs one.
    """

    def __init__(self, decorator: str, name: str | None, meter: Callable[[str], Meter], block_name: str = "") -> None:
        self._decorator = decorator
        self._name = None if name is None else checked_label(decorator, "name", name)
        self._meter = meter
        self._block_name = self._name or block_name
        self._open: list[tuple[Meter, Any]] = []

    def __call__(self, function: F) -> F:
        """Return the function measured.

        Raises:
            UsageError: it is a class, or cannot be called.
        """
        own_name = name_of(self._decorator, function)
        return wrap(function, self._meter(self._name or own_name))

    def __enter__(self) -> Any:
        """Begin; returns the run or call, which says more of itself where there is more to say."""
        if not self._block_name:
            raise UsageError(f'{self._decorator}: a block needs a name: with {self._decorator}("name"):')
        meter = self._meter(self._block_name)
        token = meter.begin()
        self._open.append((meter, token))
        return token

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        meter, token = self._open.pop()
        if error is None:
            meter.end(token, None)
        else:
            meter.fail(token, error)

    async def __aenter__(self) -> Any:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def scope(decorator: str, first: object, meter: Callable[[str], Meter], block_name: str = "") -> Any:
    """Return what ``@decorator``, ``@decorator("name")`` and ``with decorator("name")`` all need.

    Args:
        decorator: what the user wrote.
        first: the function, the name, or None.
        meter: returns the meter of calls of a name.
        block_name: what a block is called that was given no name.

    Raises:
        UsageError: the name is not a string, or the function is none.
    """
    if first is None or isinstance(first, str):
        return Scope(decorator, first, meter, block_name)
    name_of(decorator, first)
    return Scope(decorator, None, meter)(first)  # type: ignore[type-var]
