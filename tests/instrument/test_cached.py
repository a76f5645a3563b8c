"""What caches count themselves is read when metrics are: nothing twice, nothing lost."""

import asyncio
import functools
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentgauge as ag
from agentgauge.cells import CELLS
from agentgauge.errors import UsageError
from agentgauge.testing import assert_recorded, recorded_of, recording

CACHE = "agentgauge_cache_requests_total"


def counted(cache: str) -> tuple[float, float, float]:
    hit, miss, evict = (recorded_of(CACHE, cache=cache, result=result).count for result in ("hit", "miss", "evict"))
    return hit, miss, evict


@given(
    keys=st.lists(st.integers(0, 6) | st.none(), max_size=60),
    maxsize=st.sampled_from([0, 1, 3, 100, None]),
    scrapes=st.sets(st.integers(0, 60)),
)
def test_every_call_is_a_hit_or_a_miss_and_what_is_gone_was_evicted(
    keys: list[int | None], maxsize: int | None, scrapes: set[int]
) -> None:
    held: dict[int, None] = {}  # the least recently used first
    expected = [0, 0, 0]
    with recording():

        @ag.cached("modelled", maxsize=maxsize)
        def double(key: int | None) -> int:
            if key is None:
                raise ValueError
            return 2 * key

        for position, key in enumerate(keys):
            if key is None:
                with pytest.raises(ValueError):
                    double(key)
                expected[1] += 1
            else:
                assert double(key) == 2 * key
                expected[0 if key in held else 1] += 1
                held.pop(key, None)
                held[key] = None
                if maxsize is not None and len(held) > maxsize:
                    del held[next(iter(held))]
                    expected[2] += 1
            if position in scrapes:
                CELLS.fold()
        assert counted("modelled") == tuple(expected)


def test_a_cache_that_is_there_is_counted_from_now_on_and_returned_itself() -> None:
    @functools.lru_cache(maxsize=2)
    def square(number: int) -> int:
        return number * number

    square(1)
    square(1)
    assert ag.cached("squares")(square) is square
    for number in (1, 1, 2, 3):
        square(number)
    assert counted("squares") == (2, 2, 1)
    square.cache_clear()
    square(1)
    assert counted("squares") == (2, 3, 1)


def test_clearing_a_cache_loses_no_count() -> None:
    @ag.cached("cleared", maxsize=1)
    def double(number: int) -> int:
        if number < 0:
            raise ValueError
        return 2 * number

    for _ in range(2):
        for number in (-1, -2, 1, 2, 2):
            with suppress(ValueError):
                double(number)
        double.cache_clear()  # type: ignore[attr-defined]
    for number in range(9):
        double(number)
    assert counted("cleared") == (2, 17, 10)


def test_a_cached_function_keeps_its_name_and_its_caches_methods() -> None:
    @ag.cached
    def lookup(key: str) -> str:
        """Looks up."""
        return key

    assert lookup("a") == lookup("a") == "a"
    assert (lookup.__name__, lookup.__doc__) == ("lookup", "Looks up.")
    assert lookup.cache_info().hits == 1  # type: ignore[attr-defined]
    assert counted("lookup") == (1, 1, 0)


def test_methods_share_one_cache() -> None:
    class Service:
        @ag.cached("service")
        def get(self, key: int) -> int:
            return key

        @staticmethod
        @ag.cached("service-static")
        def fixed(key: int) -> int:
            return key

    service = Service()
    assert service.get(1) == service.get(1) == Service.fixed(1) == 1
    assert counted("service") == (1, 1, 0)
    assert counted("service-static") == (0, 1, 0)


def test_a_cache_that_is_gone_is_forgotten() -> None:
    gc.collect()
    polls = len(CELLS._polls)
    for _ in range(100):
        ag.cached("short-lived")(lambda: 1)()
    gc.collect()
    assert len(CELLS._polls) == polls


def test_a_cache_whose_statistics_raise_breaks_no_scrape() -> None:
    class Foreign:
        def __call__(self) -> int:
            return 1

        def cache_info(self) -> Any:
            raise RuntimeError("no")

    foreign = Foreign()
    assert ag.cached("foreign")(foreign)() == 1
    assert counted("foreign") == (0, 0, 0)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_counts_its_own_requests_only() -> None:
    @ag.cached("forked")
    def lookup(key: int) -> int:
        return key

    for key in range(3):
        lookup(key)
    child = os.fork()
    if not child:
        lookup(0)
        os._exit(counted("forked") != (1, 0, 0))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert counted("forked") == (0, 3, 0)


async def _coroutine() -> None: ...


def _generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: ag.cached(_coroutine), "_coroutine is async; cache it with async_lru"),
        (lambda: ag.cached("g")(_generator), "_generator is a generator, which can be read only once"),
        (lambda: ag.cached(int), "int is a class"),
        (lambda: ag.cached("c")(3), "int cannot be called"),  # type: ignore[type-var]
        (lambda: ag.cached("m", maxsize=-1), "maxsize must be a whole number >= 0"),
        (lambda: ag.cached("m", maxsize=1.5), "maxsize must be a whole number >= 0"),  # type: ignore[call-overload]
        (lambda: ag.cached("s")(staticmethod(print)), "put it below @staticmethod"),
        (lambda: ag.cached("x" * 201)(print), "201 characters"),
        (lambda: ag.instrument_redis(object()), "object has no method get"),
        (lambda: ag.instrument_redis({}), "the methods of dict cannot be replaced"),
        (lambda: ag.instrument_redis(Redis(), cache=3), "cache must be a string"),  # type: ignore[arg-type]
    ],
)
def test_wrong_use_fails_at_once_with_a_clear_line(use: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError) as error:
        use()
    assert message in str(error.value)


class Redis:
    """The part of redis-py's client that reads."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {"a": b"1", "b": b""}

    def get(self, name: str) -> bytes | None:
        return self.data.get(name)

    def mget(self, *names: str) -> list[bytes | None]:
        return [self.data.get(name) for name in names]

    def set(self, name: str, value: bytes) -> bool:
        self.data[name] = value
        return True


class AsyncRedis(Redis):
    async def hget(self, name: str, key: str) -> bytes | None:
        await asyncio.sleep(0)
        if key == "bad":
            raise ConnectionError
        return self.data.get(key)


def test_a_redis_client_is_counted_once_a_key() -> None:
    client = Redis()
    assert ag.instrument_redis(client, cache="sessions") is client
    assert ag.instrument_redis(client, cache="sessions").get("a") == b"1"
    assert client.get("b") == b""
    assert client.get("c") is None
    assert client.mget("a", "c", "d") == [b"1", None, None]
    client.set("c", b"3")
    assert counted("sessions") == (3, 3, 0)


def test_an_async_redis_client_is_counted_when_it_answers() -> None:
    client = ag.instrument_redis(AsyncRedis(), cache="async")

    async def use() -> None:
        assert await client.hget("h", "a") == b"1"
        assert await client.hget("h", "z") is None
        with pytest.raises(ConnectionError):
            await client.hget("h", "bad")

    asyncio.run(use())
    assert counted("async") == (1, 1, 0)


def test_a_cache_is_born_at_zero() -> None:
    ag.instrument_redis(Redis(), cache="unused")
    assert_recorded(CACHE, count=0, cache="unused")
    assert recorded_of(CACHE, cache="unused").series == 3
