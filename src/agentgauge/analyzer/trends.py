"""Trends: lines through what rises or falls steadily, and where they lead."""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

BLOCKS: Final = 12
"""A series is cut into so many, that noise and short seasons do not count as trend."""

FEWEST: Final = 5 * BLOCKS
BY_CHANCE: Final = 1e-4

_SIGMAS: Final = 1.96
_DEVIATION: Final = math.sqrt(BLOCKS * (BLOCKS - 1) * (2 * BLOCKS + 5) / 18)


class Line(NamedTuple):
    """A line from now on: its level now, its slope per step with a 95 % interval, and what is around it (95 %)."""

    level: float
    slope: float
    lower: float
    upper: float
    around: float

    def paths(self, steps: int) -> tuple[Vector, Vector, Vector]:
        """Return the line and its interval's ends (steps,)."""
        ahead = np.arange(1.0, steps + 1)
        return (
            self.level + self.slope * ahead,
            self.level + self.lower * ahead - self.around,
            self.level + self.upper * ahead + self.around,
        )


def line(values: Vector) -> Line | None:
    """Return the line through a series (n,), NaN left out, where it rises or falls significantly, else None.

    Sources: Mann, Nonparametric tests against trend (1945), on the medians of twelve blocks; Sen, Estimates of the
    regression coefficient based on Kendall's tau (JASA 1968), for the slope and its interval.
    """
    at = np.flatnonzero(~np.isnan(values)).astype(np.float64)
    if len(at) < FEWEST:
        return None
    known = values[~np.isnan(values)]
    levels = np.array([np.median(block) for block in np.array_split(known, BLOCKS)])
    if min(rising(levels), rising(-levels)) > BY_CHANCE / 2:
        return None
    middles = np.array([block.mean() for block in np.array_split(at, BLOCKS)])
    first, second = np.triu_indices(BLOCKS, 1)
    slopes = np.sort((levels[second] - levels[first]) / (middles[second] - middles[first]))
    reach = _SIGMAS * _DEVIATION
    lower, upper = slopes[int((len(slopes) - reach) // 2)], slopes[-1 - int((len(slopes) - reach) // 2)]
    slope = float(np.median(slopes))
    residuals = known - slope * (at - (len(values) - 1))
    level = float(np.median(residuals))
    around = float(np.quantile(np.abs(residuals - level), 0.95))
    return Line(level, slope, float(lower), float(upper), around)


def rising(levels: Vector) -> float:
    """Return how probable twelve levels (12,) rise so steadily, or more so, by chance (Mann 1945)."""
    later = float(np.triu(np.sign(levels[None, :] - levels[:, None]), 1).sum())
    return 0.5 * math.erfc((later - 1) / _DEVIATION / math.sqrt(2))
