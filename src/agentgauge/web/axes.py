"""Where an axis has its marks: round values, round times of day in UTC."""

import math
import time
from typing import Final

_TIME_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12)),
    *(86400 * days for days in (1, 2, 7, 14, 30, 90, 365)),
)
_DAY: Final = 86400.0


def value_marks(low: float, high: float, most: int = 5, *, binary: bool = False) -> list[float]:
    """Return about so many round values from low to high: multiples of 1, 2 or 5 times a power of ten, or of two."""
    span = high - low
    if not 0 < span < math.inf:
        return []
    if binary:
        step = 2.0 ** math.ceil(math.log2(span / most))
    else:
        power = 10.0 ** math.floor(math.log10(span / most))
        step = next((size * power for size in (1.0, 2.0, 5.0) if span / (size * power) <= most), 10.0 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, min(last, first + most) + 1)]


def time_marks(start: float, end: float, most: int = 6) -> list[tuple[float, str]]:
    """Return (unix seconds, text) of at most so many round times from start to end, UTC."""
    span = end - start
    if not 0 < span < math.inf:
        return []
    step = next((size for size in _TIME_STEPS if span / size < most), _TIME_STEPS[-1])
    first, last = math.ceil(start / step), math.floor(end / step)
    return [(number * step, _mark(number * step, step)) for number in range(first, min(last, first + most) + 1)]


def clock(when: float, now: float) -> str:
    """Write an instant (unix seconds, UTC) as 14:05, or as 21 Nov 14:05 where it is of another day than now."""
    moment = time.gmtime(when)
    if time.gmtime(now)[:3] == moment[:3]:
        return time.strftime("%H:%M", moment)
    return f"{moment.tm_mday} {time.strftime('%b %H:%M', moment)}"


def _mark(when: float, step: float) -> str:
    moment = time.gmtime(when)
    if when % _DAY == 0:
        return f"{moment.tm_mday} {time.strftime('%b', moment)}"
    return time.strftime("%H:%M:%S" if step < 60 else "%H:%M", moment)
