"""Anomalies: points that their own past makes improbable."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .baseline import expected_values
from .grid import SECONDS_PER_DAY, Grid, Matrix, carried_forward, matrix
from .scale import usual_deviation
from .tail import tail_pvalues

DEVIATIONS_PER_SIGMA = 0.7978845608028654
FALSE_ALARM_RATE = 1e-4
WARM_UP = 12
LARGEST_ZSCORE = 1e6
BAND = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Detection:
    """What was expected of each sample and how surprising it was; every array is (S, T).

    expected, lower, upper: the predicted value and its 95 % band; zscore: signed; pvalue: calibrated on the series'
    own tail; score: -log10 of it; anomaly: significant across series, debounced. NaN where a sample is missing
    (expected, lower and upper are still given), 0 and False in score and anomaly.
    """

    expected: Matrix
    lower: Matrix
    upper: Matrix
    zscore: Matrix
    pvalue: Matrix
    score: Matrix
    anomaly: npt.NDArray[np.bool_]


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


def detect(times: npt.ArrayLike, values: npt.ArrayLike, *, season: int | None = None) -> Detection:
    """Judge each sample from the samples before it.

    times: (T,) unix seconds, increasing; values: (S, T), NaN where missing; season: samples per season, found where
    None. Raises ValueError where the shapes do not agree.
    """
    samples = matrix(values)
    grid = Grid(times)
    if samples.shape[1] != grid.slots.size:
        raise ValueError(f"values have {samples.shape[1]} columns for {grid.slots.size} times")
    if samples.size == 0:
        empty = np.full(samples.shape, np.nan)
        return Detection(empty, empty, empty, empty, empty, empty, np.zeros(samples.shape, dtype=np.bool_))
    spread = grid.spread(samples)
    filled = carried_forward(spread)
    present = ~np.isnan(spread)
    first = present.argmax(axis=1)[:, None]
    seasons = [season] if season is not None else calendar_seasons(grid)
    expected = expected_values(spread, filled, first, [length for length in seasons if 2 <= length < grid.size])
    residual = spread - expected
    usual = usual_deviation(residual, np.abs(expected))
    sigma = usual / DEVIATIONS_PER_SIGMA
    with np.errstate(divide="ignore", invalid="ignore"):
        zscore = np.where(residual == 0.0, 0.0, residual / sigma)
    np.clip(zscore, -LARGEST_ZSCORE, LARGEST_ZSCORE, out=zscore)
    zscore[present.cumsum(axis=1) <= WARM_UP] = 0.0
    zscore[~present] = np.nan
    pvalue = tail_pvalues(np.abs(zscore) / DEVIATIONS_PER_SIGMA)
    score = np.nan_to_num(-np.log10(pvalue), nan=0.0)
    anomaly = false_discoveries_controlled(pvalue, FALSE_ALARM_RATE)
    return Detection(
        expected=grid.gather(expected),
        lower=grid.gather(expected - BAND * sigma),
        upper=grid.gather(expected + BAND * sigma),
        zscore=grid.gather(zscore),
        pvalue=grid.gather(pvalue),
        score=grid.gather(score),
        anomaly=grid.gather(anomaly),
    )


def calendar_seasons(grid: Grid) -> list[int]:
    """Return the columns per day where a day is a whole number of steps, at least four."""
    day = SECONDS_PER_DAY / grid.step
    return [round(day)] if day >= 4 and abs(day - round(day)) < 0.01 * day else []
