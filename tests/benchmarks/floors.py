"""What a decorated call costs above its floor: two readings of the clock and an append in a hand-written wrapper."""

import asyncio
import statistics
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

import agentgauge as ag
from agentgauge.cells import CELLS, VALVE
from tests.benchmarks.figure import Figure, paired, ratio

CALLS = VALVE - 1
ITEMS = 10
THREADS = 8
THREAD_CALLS = 5 * VALVE
ROUNDS = 51

_clock = time.perf_counter
_log: list[float] = []


def _empty() -> None:
    """Take away what the round before left, so that no folding falls into a caller's path."""
    CELLS.fold()
    _log.clear()


def _work() -> None:
    return None


async def _async_work() -> None:
    return None


def _stream() -> Generator[int, None, None]:
    for number in range(ITEMS):  # noqa: UP028 - yielded one by one, as an agent does
        yield number


async def _async_stream() -> AsyncIterator[int]:
    for number in range(ITEMS):
        yield number


def _floor(function: Callable[..., Any]) -> Callable[..., Any]:
    append = _log.append

    def call(*args: Any, **kwargs: Any) -> Any:
        start = _clock()
        result = function(*args, **kwargs)
        append(_clock() - start)
        return result

    return call


def _async_floor(function: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
    append = _log.append

    async def call(*args: Any, **kwargs: Any) -> Any:
        start = _clock()
        result = await function(*args, **kwargs)
        append(_clock() - start)
        return result

    return call


def _stream_floor(function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
    append = _log.append

    def call(*args: Any, **kwargs: Any) -> Any:
        start = _clock()
        yield from function(*args, **kwargs)
        append(_clock() - start)

    return call


def _async_stream_floor(function: Callable[..., AsyncIterator[Any]]) -> Callable[..., Any]:
    append = _log.append

    async def call(*args: Any, **kwargs: Any) -> Any:
        start = _clock()
        async for item in function(*args, **kwargs):
            yield item
        append(_clock() - start)

    return call


def _calls(call: Callable[[], object], number: int = CALLS) -> Callable[[], None]:
    def run() -> None:
        for _ in range(number):
            call()

    return run


def _awaits(call: Callable[[], Awaitable[object]]) -> Callable[[], None]:
    async def all_calls() -> None:
        for _ in range(CALLS):
            await call()

    return lambda: asyncio.run(all_calls())


def _streams(call: Callable[[], Iterator[int]]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(CALLS // ITEMS):
            for _ in call():
                pass

    return run


def _async_streams(call: Callable[[], AsyncIterator[int]]) -> Callable[[], None]:
    async def all_streams() -> None:
        for _ in range(CALLS // ITEMS):
            async for _ in call():
                pass

    return lambda: asyncio.run(all_streams())


def _then(run: Callable[[], None], after: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        run()
        after()

    return both


def _pair(what: str, ours: Callable[[], None], floor: Callable[[], None], calls: int, target: float) -> Figure:
    our_times, floor_times = paired(ours, floor, rounds=ROUNDS, clock=time.process_time, before=_empty)

    def each(times: list[float]) -> str:
        return f"{statistics.median(times) / calls * 1e9:,.0f} ns"

    return Figure(what, each(our_times), f"floor: {each(floor_times)}", ratio(our_times, floor_times), target)


def _facts_behind_a_lock(function: Callable[..., Any]) -> Callable[..., Any]:
    """Record duration, count and calls in flight with the simplest thing that is correct: numbers behind one lock."""
    lock = threading.Lock()
    flying = count = total = 0.0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal flying, count, total
        with lock:
            flying += 1
        start = _clock()
        result = function(*args, **kwargs)
        took = _clock() - start
        with lock:
            flying -= 1
            count += 1
            total += took
        return result

    return call


def _threads(call: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        workers = [threading.Thread(target=_calls(call, THREAD_CALLS)) for _ in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    return run


def figures() -> list[Figure]:
    """Measure each kind of function against its own floor."""
    measured = ag.hook("floor")
    ours, floor = _calls(measured(_work)), _calls(_floor(_work))
    found = [
        _pair("a function, caller's path", ours, floor, CALLS, 1.5),
        _pair("a function, folding included", _then(ours, CELLS.fold), floor, CALLS, 2.0),
        _pair("a coroutine", _awaits(measured(_async_work)), _awaits(_async_floor(_async_work)), CALLS, 1.5),
        _pair(
            f"a generator of {ITEMS}",
            _streams(measured(_stream)),
            _streams(_stream_floor(_stream)),
            CALLS // ITEMS,
            1.5,
        ),
        _pair(
            f"an async generator of {ITEMS}",
            _async_streams(measured(_async_stream)),
            _async_streams(_async_stream_floor(_async_stream)),
            CALLS // ITEMS,
            1.5,
        ),
    ]
    return [*found, _many_threads(measured(_work))]


def _many_threads(measured: Callable[[], None]) -> Figure:
    """Measure the throughput of all threads; folding what they recorded is a part of it, as it is in a service.

    By processor time: with one interpreter lock that is the throughput, but for the time in which all threads wait
    for the lock around the counters, which is in the opponent's favour. The counters count what we do, but for the
    buckets; a bare count of calls behind a lock costs half as much again as the floor, and about as much as we do.
    """
    ours, theirs = paired(
        *map(_threads, (measured, _facts_behind_a_lock(_work))),
        rounds=ROUNDS // 3,
        clock=time.process_time,
        before=_empty,
    )

    def all_calls(times: list[float]) -> str:
        return f"{THREADS * THREAD_CALLS / statistics.median(times) / 1e6:.2f} M/s"

    them = f"the same facts behind one lock: {all_calls(theirs)}"
    return Figure(f"{THREADS} threads, throughput", all_calls(ours), them, ratio(theirs, ours), 2.0, faster=True)
