"""Caches: ``@cached``, which reads the statistics a cache keeps itself, and ``instrument_redis``."""

import functools
import inspect
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol, TypeVar, overload

from agentgauge.cells import CELLS
from agentgauge.errors import UsageError
from agentgauge.instrument.events import Cache
from agentgauge.instrument.events import cache as counter_of
from agentgauge.instrument.meter import checked_label
from agentgauge.instrument.wrapping import F, name_of
from agentgauge.record import Record

C = TypeVar("C")


class _Info(Protocol):
    """What ``functools.lru_cache``, ``cachetools`` and ``async_lru`` call cache_info."""

    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...
    @property
    def maxsize(self) -> int | None: ...
    @property
    def currsize(self) -> int: ...


class _Seen(NamedTuple):
    hits: int = 0
    misses: int = 0
    evictions: int = 0


class _Statistics:
    """Hits, misses and evictions of one cache since they were last asked for.

    A cache tells no evictions: what it took in and holds no more was thrown out. Taken in is what was missed and
    did not raise; where ``raised`` is not known, a full cache's failing calls count as evictions.
    """

    def __init__(self, name: str, function: Any, raised: list[None]) -> None:
        self._name = name
        self._function = weakref.ref(function)
        self._raised = raised
        self._seen = self._now() or _Seen()
        clear = getattr(function, "cache_clear", None)
        if callable(clear):
            with suppress(AttributeError, TypeError):  # clearing then shows only where a count went down
                function.cache_clear = self._clearing(clear)
        CELLS.watch(self.poll)
        weakref.finalize(function, CELLS.unwatch, self.poll).atexit = False

    def poll(self) -> Iterable[Record]:
        """Return records of what is new."""
        now, before = self._now(), self._seen
        if now is None:
            return ()
        if now.misses < before.misses or now.hits < before.hits:
            self._forget()
            before = self._seen
        self._seen = now
        news = zip(("hit", "miss", "evict"), now, before, strict=True)
        return [
            Record("cache", time.time(), {"cache": self._name, "result": result}, {"count": float(after - earlier)})
            for result, after, earlier in news
            if after > earlier
        ]

    def _clearing(self, clear: Callable[[], object]) -> Callable[[], object]:
        """Return what clears the cache, counting first what it is about to forget."""

        def cache_clear() -> object:
            CELLS.fold()
            result = clear()
            self._forget()
            return result

        return cache_clear

    def _forget(self) -> None:
        self._seen = _Seen()
        self._raised.clear()

    def _now(self) -> _Seen | None:
        function = self._function()
        try:
            info: _Info | None = function.cache_info() if function is not None else None
            if info is None:
                return None
            full = info.maxsize is not None and info.currsize >= info.maxsize
            evictions = info.misses - len(self._raised) - info.currsize if full else 0
            return _Seen(info.hits, info.misses, max(0, evictions))
        except Exception:  # noqa: BLE001 - a foreign cache's own code may raise anything
            return None


@overload
def cached(function: F, /) -> F: ...
@overload
def cached(name: str | None = None, /, *, maxsize: int | None = 128) -> Callable[[F], F]: ...
def cached(name: object = None, /, *, maxsize: int | None = 128) -> Any:
    """Remember a function's results as ``functools.lru_cache`` does, and count hits, misses and evictions.

    A function that has a cache already, one with ``cache_info()``, is counted as it is and returned itself. Nothing
    is added to a call: the cache's own statistics are read when metrics are. Those are
    ``agentgauge_cache_requests_total``.

    Args:
        name: the ``cache`` label; the function's own name where it is left out.
        maxsize: results kept, the least recently used go first; None keeps all. Not for a function with a cache.

    Raises:
        UsageError: the name is not a string, maxsize is not a number >= 0 or None, or what is decorated is no
            function or one whose results can be used only once: a coroutine or a generator.
    """
    if maxsize is not None and (isinstance(maxsize, bool) or not isinstance(maxsize, int) or maxsize < 0):
        raise UsageError("@cached: maxsize must be a whole number >= 0, or None for no limit")
    if name is None or isinstance(name, str):
        return lambda function: _cached(function, name, maxsize)
    return _cached(name, None, maxsize)


def _cached(function: Any, name: str | None, maxsize: int | None) -> Any:
    own_name = name_of("cached", function)
    label = own_name if name is None else checked_label("cached", "name", name)
    raised: list[None] = []
    if not callable(getattr(function, "cache_info", None)):
        if isinstance(function, (staticmethod, classmethod)):
            raise UsageError("@cached: put it below @staticmethod or @classmethod, next to the function")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise UsageError(f"@cached: {own_name} is async; cache it with async_lru and put @cached above that")
        if inspect.isgeneratorfunction(function):
            raise UsageError(f"@cached: {own_name} is a generator, which can be read only once")
        function = functools.lru_cache(maxsize)(_noting(function, raised))
    counter_of(label)  # from now on at 0
    _Statistics(label, function, raised)
    return function


def _noting(function: Callable[..., Any], raised: list[None]) -> Callable[..., Any]:
    """Return the function, noting the calls that raised: they are misses that leave nothing in the cache."""

    @functools.wraps(function)
    def compute(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BaseException:
            raised.append(None)
            raise

    return compute


_ONE_VALUE: Final = ("get", "getex", "getdel", "hget")
_MANY_VALUES: Final = ("mget", "hmget")


def instrument_redis(client: C, /, *, cache: str = "redis") -> C:
    """Count the hits and misses of a client of Redis or Valkey, sync or async, and return it.

    Its ``get``, ``getex``, ``getdel``, ``hget``, ``mget`` and ``hmget`` are counted, one request per key; pipelines
    are not. Keys and values are never looked at, except for whether a value is None. What the server evicts it
    does without its clients; redis_exporter tells that.

    Args:
        client: an instance; a second call with it changes nothing.
        cache: the ``cache`` label.

    Raises:
        UsageError: the client has no ``get``, or does not let its methods be replaced.
    """
    counter = counter_of(checked_label("instrument_redis", "cache", cache))
    if not callable(getattr(client, "get", None)):
        raise UsageError(f"instrument_redis: {type(client).__name__} has no method get; give a client's instance")
    for name in (*_ONE_VALUE, *_MANY_VALUES):
        method = getattr(client, name, None)
        if callable(method) and not getattr(method, "agentgauge_counted", False):
            try:
                setattr(client, name, _counting(method, counter, many=name in _MANY_VALUES))
            except (AttributeError, TypeError):
                raise UsageError(
                    f"instrument_redis: the methods of {type(client).__name__} cannot be replaced; "
                    "use agentgauge.cache(name).hit() and .miss()"
                ) from None
    return client


def _counting(method: Callable[..., Any], counter: Cache, *, many: bool) -> Callable[..., Any]:
    def count(result: Any) -> Any:
        for value in result if many and isinstance(result, (list, tuple)) else (result,):
            if value is None:
                counter.miss()
            else:
                counter.hit()
        return result

    async def counted_later(result: Any) -> Any:
        return count(await result)

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        return counted_later(result) if inspect.isawaitable(result) else count(result)

    call.agentgauge_counted = True  # type: ignore[attr-defined]
    return call
