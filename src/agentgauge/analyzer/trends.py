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


class Curve(NamedTuple):
    """A parabola from now on: its level and slope per step now, and its curvature per step and step; 0 is a line."""

    level: float
    slope: float
    curvature: float = 0.0

    def path(self, ahead: Vector) -> Vector:
        """Return its values (n,) so many steps ahead (n,)."""
        return self.level + (self.slope + self.curvature * ahead) * ahead


class Line(NamedTuple):
    """What a series goes along: the best curve, those at the ends of a 95 % interval, what is around them (95 %)."""

    best: Curve
    ends: tuple[Curve, Curve]
    around: float

    def paths(self, steps: int) -> tuple[Vector, Vector, Vector]:
        """Return the line and its interval's ends (steps,)."""
        ahead = np.arange(1.0, steps + 1)
        ends = [curve.path(ahead) for curve in self.ends]
        return self.best.path(ahead), np.minimum(*ends) - self.around, np.maximum(*ends) + self.around


def line(values: Vector) -> Line | None:
    """Return the line through a series (n,), NaN left out, where it rises or falls significantly, else None.

    It is bent where its steps rise or fall significantly themselves, and straight otherwise. Sources: Mann,
    Nonparametric tests against trend (1945), on the medians of twelve blocks, and on their differences; Sen, Estimates
    of the regression coefficient based on Kendall's tau (JASA 1968), for slope and curvature and their intervals.
    """
    at = np.flatnonzero(~np.isnan(values)).astype(np.float64)
    if len(at) < FEWEST:
        return None
    known = values[~np.isnan(values)]
    at -= len(values) - 1
    levels = np.array([np.median(block) for block in np.array_split(known, BLOCKS)])
    if min(rising(levels), rising(-levels)) > BY_CHANCE / 2:
        return None
    middles = np.array([block.mean() for block in np.array_split(at, BLOCKS)])
    differences, between = np.diff(levels) / np.diff(middles), (middles[1:] + middles[:-1]) / 2
    if min(rising(differences), rising(-differences)) <= BY_CHANCE / 2:
        # The slope of a parabola's slope is twice its curvature.
        curvatures = [slope / 2 for slope in _slopes(between, differences)]
        curves = [_curve(known, at, float(np.median(differences - 2 * bend * between)), bend) for bend in curvatures]
    else:
        curves = [_curve(known, at, slope, 0.0) for slope in _slopes(middles, levels)]
        # Through the same point: the level now is surer than where it goes.
        curves[1:] = [Curve(curves[0].level, curve.slope) for curve in curves[1:]]
    around = float(np.quantile(np.abs(known - curves[0].path(at)), 0.95))
    return Line(curves[0], (curves[1], curves[2]), around)


def rising(levels: Vector) -> float:
    """Return how probable it is by chance that levels (n,) rise so steadily, or more so (Mann 1945)."""
    later = float(np.triu(np.sign(levels[None, :] - levels[:, None]), 1).sum())
    return 0.5 * math.erfc((later - 1) / _deviation(len(levels)) / math.sqrt(2))


def _deviation(count: int) -> float:
    """Return the standard deviation of Kendall's statistic of so many values."""
    return math.sqrt(count * (count - 1) * (2 * count + 5) / 18)


def _slopes(at: Vector, values: Vector) -> tuple[float, float, float]:
    """Return the median slope through points (n,), and the ends of its 95 % interval (Sen 1968)."""
    first, second = np.triu_indices(len(at), 1)
    slopes = np.sort((values[second] - values[first]) / (at[second] - at[first]))
    beyond = int((len(slopes) - _SIGMAS * _deviation(len(at))) // 2)
    return float(np.median(slopes)), float(slopes[beyond]), float(slopes[-1 - beyond])


def _curve(known: Vector, at: Vector, slope: float, curvature: float) -> Curve:
    """Return the curve of a slope now and a curvature through values (n,) at steps (n,) up to now, which is 0."""
    return Curve(float(np.median(known - (slope + curvature * at) * at)), slope, curvature)
