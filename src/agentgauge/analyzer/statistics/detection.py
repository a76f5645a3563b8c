"""Anomalies: samples that their own past makes improbable."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .baseline import SEASONS_REMEMBERED, Season
from .blocks import Blocks
from .grid import SECONDS_PER_DAY, Grid, Indices, Matrix, carried_forward, matrix
from .judgement import HOLDING, judge
from .levels import REACH
from .novelty import novelties
from .presence import Presence
from .season import season_lengths
from .significance import FALSE_ALARM_RATE, debounced, false_discoveries_controlled, sustained

SIGMAS_PER_DEVIATION = 1.2533141373155001
BAND = 1.959963984540054
CHUNK_SAMPLES = 32_768
RECENT_COLUMNS = 400
KEPT_COLUMNS = 64
FINDING_COLUMNS = 512


@dataclass(frozen=True)
class Detection:
    """What was expected of each sample and how surprising it was; every array is (S, T).

    values: the samples, NaN where missing; expected, lower, upper: the slow baseline's value and its 95 % band; zscore:
    signed, against that band; pvalue: calibrated on the series' own tails, one above and one below; anomaly:
    significant across series, debounced, held while it lasts. Where a sample is missing zscore and pvalue are NaN and
    anomaly is False.
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


def detect(times: npt.ArrayLike, values: npt.ArrayLike, *, season: int | None = None) -> Detection:
    """Judge each sample from the samples before it.

    times: (T,) unix seconds, increasing; values: (S, T), NaN where missing; season: samples per season, found where
    None: a day, and what the first 512 samples repeat. Raises ValueError where the shapes do not agree.
    """
    return _detected(Grid(times), matrix(values), season, None)


def detect_last(times: npt.ArrayLike, values: npt.ArrayLike, *, season: int | None = None) -> Detection:
    """Judge the last sample of each series, learning from the last 400 and the seasons before: detect's for a tick.

    Arguments as for `detect`; the arrays returned are (S, 1). About a fifth of the cost for a window of 2,016 samples.
    Left out in longer windows: how restless the hour usually is, that outages are no example of the usual, and that
    after calm the quick baseline needs nobody to agree.
    """
    stamps, samples = np.asarray(times, dtype=np.float64).reshape(-1), np.atleast_2d(np.asarray(values))
    if samples.shape[-1] == stamps.size:
        seasons = seasons_in(Grid(stamps), season)
        needed = RECENT_COLUMNS + REACH + SEASONS_REMEMBERED * max((one.length for one in seasons), default=0)
        stamps, samples = stamps[-needed:], samples[..., -needed:]
    whole = _detected(Grid(stamps), matrix(samples), season, RECENT_COLUMNS)
    return Detection(
        values=whole.values[:, -1:],
        expected=whole.expected[:, -1:],
        lower=whole.lower[:, -1:],
        upper=whole.upper[:, -1:],
        zscore=whole.zscore[:, -1:],
        pvalue=whole.pvalue[:, -1:],
        anomaly=whole.anomaly[:, -1:],
    )


def _detected(grid: Grid, samples: Matrix, season: int | None, recent: int | None) -> Detection:
    if samples.shape[1] != grid.slots.size:
        raise ValueError(f"values have {samples.shape[1]} columns for {grid.slots.size} times")
    seasons = seasons_in(grid, season)
    begins = max(grid.size - recent, 0) if recent is not None else 0
    kept = grid.slots >= (0 if recent is None else grid.size - min(KEPT_COLUMNS, recent))
    shown = 0 if recent is None else int(grid.size - min(KEPT_COLUMNS, recent, grid.size)) - begins
    slots: Indices | slice = slice(None) if grid.gapless else grid.slots[kept] - begins - shown
    judged = samples if recent is None else samples[:, kept]
    expected, lower, upper, zscore, pvalue = np.empty((5, *judged.shape))
    far = np.zeros(judged.shape, dtype=np.bool_)
    found = (
        found_seasons(grid, samples) if season is None and recent is None else np.zeros(len(samples), dtype=np.int64)
    )
    blocks = Blocks(grid.size - begins)
    complete = Presence(None, np.arange(begins, grid.size)[None, :], blocks)
    for chunk, length in chunks_by_season(found, grid.size - begins):
        own = [Season(length, FINDING_COLUMNS)] if length else []
        told = judge(grid.spread(samples[chunk]), [*seasons, *own], complete, blocks, shown)
        width = told.usual
        width *= BAND * SIGMAS_PER_DEVIATION
        expected[chunk] = told.expected[:, slots]
        lower[chunk] = (told.expected - width)[:, slots]
        width += told.expected
        upper[chunk] = width[:, slots]
        told.deviation[:] *= 1 / SIGMAS_PER_DEVIATION
        zscore[chunk] = told.deviation[:, slots]
        told.surprise[:] *= -np.log(10)
        pvalue[chunk] = np.exp(told.surprise, out=told.surprise)[:, slots]
        far[chunk] = told.slow_surprise[:, slots] >= HOLDING
    missing = np.isnan(judged)
    if missing.any():
        zscore[missing] = pvalue[missing] = np.nan
    significant = false_discoveries_controlled(pvalue, FALSE_ALARM_RATE)
    anomaly = np.zeros_like(significant)
    rows_flagged = np.flatnonzero(significant.any(axis=1))
    earlier = np.count_nonzero(~np.isnan(samples[np.ix_(rows_flagged, ~kept)]), axis=1)
    onsets = debounced(significant[rows_flagged], judged[rows_flagged], pvalue[rows_flagged], earlier)
    anomaly[rows_flagged] = sustained(onsets, far[rows_flagged])
    return Detection(judged, expected, lower, upper, zscore, pvalue, anomaly)


def found_seasons(grid: Grid, samples: Matrix) -> Indices:
    """Return each series' season in columns, 0 for none, found in its first 512 columns for use after them."""
    if grid.size < 2 * FINDING_COLUMNS:
        return np.zeros(len(samples), dtype=np.int64)
    beginning = grid.spread(samples[:, grid.slots < FINDING_COLUMNS], FINDING_COLUMNS)
    return np.array(season_lengths(carried_forward(beginning)), dtype=np.int64)


def chunks_by_season(found: Indices, columns: int) -> Iterator[tuple[Indices | slice, int]]:
    """Yield the rows of a few series of one season (S,), and the season.

    A few at a time: what a step leaves is still in the cache when the next one reads it.
    """
    size = max(CHUNK_SAMPLES // max(columns, 1), 1)
    for length in np.unique(found) if columns else ():
        rows = np.flatnonzero(found == length)
        for start in range(0, rows.size, size):
            few = rows[start : start + size]
            adjacent = few[-1] - few[0] + 1 == few.size
            yield slice(int(few[0]), int(few[-1]) + 1) if adjacent else few, int(length)


def seasons_in(grid: Grid, given: int | None) -> list[Season]:
    """Return the given season, else a day where that is a whole number of steps, if the grid is longer."""
    day = SECONDS_PER_DAY / grid.step
    length = round(day) if given is None else given
    whole = given is not None or (day >= 4 and abs(day - length) < 0.01 * day)
    return [Season(length, length)] if whole and 2 <= length < grid.size else []
