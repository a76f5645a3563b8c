"""Anomalies: points that their own past makes improbable."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .baseline import Predictor, expected_values, predictors
from .blocks import block_starts
from .grid import SECONDS_PER_DAY, Grid, Indices, Matrix, carried_forward, matrix
from .novelty import novelties
from .scale import usual_deviation
from .tail import surprises

SIGMAS_PER_DEVIATION = 1.2533141373155001
FALSE_ALARM_RATE = 10**-3.75
WARM_UP = 12
ALONE_AFTER = 512
HOLDING = 3.0
LARGEST_DEVIATION = 1e6
BAND = 1.959963984540054
CHUNK_SAMPLES = 65_536
AGREEMENT = 2.0
LONE = 1.0


@dataclass(frozen=True)
class Detection:
    """What was expected of each sample and how surprising it was; every array is (S, T).

    values: the samples, NaN where missing; expected, lower, upper: the slow baseline's value and its 95 % band; zscore:
    signed, against that band; pvalue: calibrated on the series' own tail; anomaly: significant across series,
    debounced, held while it lasts. Where a sample is missing zscore and pvalue are NaN and anomaly is False.
    """

    values: Matrix

    expected: Matrix
    lower: Matrix
    upper: Matrix
    zscore: Matrix
    pvalue: Matrix
    anomaly: npt.NDArray[np.bool_]

    @cached_property
    def score(self) -> Matrix:
        """How unlike any earlier sample each is, once an event, comparable across series; computed when asked for."""
        return novelties(self.values)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One pool's expected values, usual absolute residuals, signed deviations over these, and -log10 p: (S, N)."""

    expected: Matrix
    usual: Matrix
    deviation: Matrix
    surprise: Matrix


def judged(
    filled: Matrix, missing: npt.NDArray[np.bool_] | None, pool: Sequence[Predictor], starts: Indices
) -> Judgement:
    """Judge each column of filled (S, N) against a pool of predictors; missing: (S, N), None where none is."""
    present = np.ones((1, filled.shape[1])) if missing is None else (~missing).astype(np.float64)
    first = present.argmax(axis=1)
    expected = expected_values(filled, present, first, pool, starts)
    residual = filled - expected
    residual *= present
    size = np.abs(residual)
    usual = usual_deviation(size, present, expected, starts)
    # A residual of a series that has been exactly constant at zero has no scale: it is as far out as can be.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.divide(residual, usual, out=residual)
    np.nan_to_num(residual, copy=False, nan=0.0)
    np.clip(residual, -LARGEST_DEVIATION, LARGEST_DEVIATION, out=residual)
    residual *= np.cumsum(present, axis=1) > WARM_UP
    return Judgement(expected, usual, residual, surprises(np.abs(residual, out=size), missing, starts))


def agreed(quick: Matrix, slow: Matrix) -> Matrix:
    """Return the larger of two surprises (S, N), at most one decade and twice the smaller.

    A return from an outage surprises the quick baseline, which has followed it, but not the slow one; a wander
    surprises the slow one only.
    """
    smaller = np.minimum(quick, slow)
    smaller *= AGREEMENT
    smaller += LONE
    return np.minimum(np.maximum(quick, slow), smaller, out=smaller)


def false_discoveries_controlled(pvalues: Matrix, rate: float) -> npt.NDArray[np.bool_]:
    """Return which p-values (S, N) are significant among those of their column, NaN never.

    Source: Benjamini and Hochberg, Controlling the False Discovery Rate (JRSS B 1995).
    """
    significant = np.zeros(pvalues.shape, dtype=np.bool_)
    columns = np.flatnonzero((pvalues <= rate).any(axis=0))
    if columns.size == 0:
        return significant
    candidates = np.where(np.isnan(pvalues[:, columns]), np.inf, pvalues[:, columns])
    ordered = np.sort(candidates, axis=0)
    tests = np.maximum((~np.isinf(candidates)).sum(axis=0), 1)
    steps = rate * np.arange(1, len(ordered) + 1)[:, None] / tests
    largest = np.where(ordered <= steps, ordered, -1.0).max(axis=0)
    significant[:, columns] = candidates <= largest
    return significant


def debounced(significant: npt.NDArray[np.bool_], pvalues: Matrix) -> npt.NDArray[np.bool_]:
    """Return which significant samples (S, T) stand: each of a long series, of a short one those that repeat.

    pvalues: (S, T), NaN where missing. Fewer than 512 samples cannot show that one of them is one in thousands, so
    there one of the two samples before must be significant too.
    """
    if not significant.any():
        return significant
    present = ~np.isnan(pvalues)
    latest = carried_forward(np.where(present, significant, np.nan))
    again = np.zeros_like(significant)
    again[:, 1:] = latest[:, :-1] > 0
    again[:, 2:] |= latest[:, :-2] > 0
    return significant & (again | (np.cumsum(present, axis=1) > ALONE_AFTER))


def sustained(onsets: npt.NDArray[np.bool_], far: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return onsets (S, T) and the samples after each for as long as they stay far (S, T) from the slow baseline."""
    if not onsets.any():
        return onsets
    columns = np.arange(onsets.shape[1])
    latest_onset = np.maximum.accumulate(np.where(onsets, columns, -1), axis=1)
    latest_return = np.maximum.accumulate(np.where(far | onsets, -1, columns), axis=1)
    return latest_onset > latest_return


def detect(times: npt.ArrayLike, values: npt.ArrayLike, *, season: int | None = None) -> Detection:
    """Judge each sample from the samples before it.

    times: (T,) unix seconds, increasing; values: (S, T), NaN where missing; season: samples per season, found where
    None. Raises ValueError where the shapes do not agree.
    """
    samples = matrix(values)
    grid = Grid(times)
    if samples.shape[1] != grid.slots.size:
        raise ValueError(f"values have {samples.shape[1]} columns for {grid.slots.size} times")
    seasons = [season] if season is not None else calendar_seasons(grid)
    seasons = [length for length in seasons if 2 <= length < grid.size]
    expected, lower, upper, zscore, pvalue = (np.full(samples.shape, np.nan) for _ in range(5))
    result = Detection(samples, expected, lower, upper, zscore, pvalue, np.zeros(samples.shape, dtype=np.bool_))
    # A few series at a time: what a step leaves is still in the cache when the next one reads it.
    rows = max(CHUNK_SAMPLES // max(grid.size, 1), 1)
    far = np.zeros(samples.shape, dtype=np.bool_)
    for start in range(0, len(samples) if grid.size else 0, rows):
        chunk = slice(start, start + rows)
        slow = _judge(grid, samples, seasons, chunk, result)
        far[chunk] = grid.gather(slow.surprise) >= HOLDING
    significant = false_discoveries_controlled(result.pvalue, FALSE_ALARM_RATE)
    result.anomaly[:] = sustained(debounced(significant, result.pvalue), far)
    return result


def _judge(grid: Grid, samples: Matrix, seasons: Sequence[int], rows: slice, result: Detection) -> Judgement:
    spread = grid.spread(samples[rows])
    missing = np.isnan(spread)
    absent = missing if missing.any() else None
    filled = spread if absent is None else carried_forward(spread)
    starts = block_starts(grid.size)
    quick_pool, slow_pool = predictors(filled, seasons)
    quick = judged(filled, absent, quick_pool, starts)
    slow = judged(filled, absent, slow_pool, starts)
    surprise = agreed(quick.surprise, slow.surprise)
    pvalue = np.exp(surprise * -np.log(10))
    zscore = slow.deviation / SIGMAS_PER_DEVIATION
    if absent is not None:
        pvalue[missing] = zscore[missing] = np.nan
    width = BAND * SIGMAS_PER_DEVIATION * slow.usual
    result.expected[rows] = grid.gather(slow.expected)
    result.lower[rows] = grid.gather(slow.expected - width)
    result.upper[rows] = grid.gather(slow.expected + width)
    result.zscore[rows] = grid.gather(zscore)
    result.pvalue[rows] = grid.gather(pvalue)
    return slow


def calendar_seasons(grid: Grid) -> list[int]:
    """Return the columns per day where a day is a whole number of steps, at least four."""
    day = SECONDS_PER_DAY / grid.step
    return [round(day)] if day >= 4 and abs(day - round(day)) < 0.01 * day else []
