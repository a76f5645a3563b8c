"""The expected value: simple predictors, weighted by how well each has done so far on its series."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .blocks import Blocks
from .grid import Matrix
from .levels import REACH, median_of_3, median_of_5, recent_levels
from .presence import Presence

Stack = npt.NDArray[np.float64]

SEASONS_REMEMBERED = 5
EVIDENCE = 8


class Season(NamedTuple):
    """A season's length in columns, and the age of a series, in columns, at which it is known."""

    length: int
    known: int


class Pools(NamedTuple):
    """Predictions (J, S, N), and the age of a series at which each begins to speak; the quick ones first."""

    predictions: Stack
    begins: list[int]
    quick: int


def seasonal_template(filled: Matrix, season: int, begins: int) -> Matrix:
    """Return the median over the last five seasons of each phase, one column either side included, from `begins` on.

    filled: (S, N) without NaN; season: columns, at least two. The first season repeats the first value.
    """
    series, columns = filled.shape
    smooth = np.empty((series, columns))
    flat = filled.reshape(-1)
    smooth.reshape(-1)[1:-1] = median_of_3(flat[:-2], flat[1:-1], flat[2:])
    smooth[:, 0], smooth[:, -1] = filled[:, 0], filled[:, -1]
    template = np.empty((series, columns - begins))
    template[:, : max(season - begins, 0)] = filled[:, :1]
    for age in range(1, SEASONS_REMEMBERED + 1):
        start = max(age * season, begins)
        end = columns if age == SEASONS_REMEMBERED else min((age + 1) * season, columns)
        if start >= end:
            continue
        # Copies: numpy computes several times as fast on adjacent memory.
        ago = [smooth[:, start - back * season : end - back * season].copy() for back in range(1, age + 1)]
        if age <= 2:
            found = ago[0] if age == 1 else (ago[0] + ago[1]) / 2
        else:
            found = median_of_3(*ago[:3]) if age < SEASONS_REMEMBERED else median_of_5(*ago)
        template[:, start - begins : end - begins] = found
    return template


def predictors(filled: Matrix, seasons: Sequence[Season], begins: int) -> Pools:
    """Return the quick and the slow predictors of the columns from `begins` on.

    The quick ones are the recent levels of 5, 15 and 45 columns and the last value, these levels plain and, for each
    season, of what its template leaves; they follow a change within minutes. The slow ones use 135 columns, which half
    an hour's outage does not move.
    """
    series, columns = filled.shape
    lead = max(begins - REACH, 0)
    near = np.ascontiguousarray(filled[:, lead:])
    quick, slow = 4 + 3 * len(seasons), 1 + len(seasons)
    predictions = np.empty((quick + slow, series, columns - begins))
    longer = np.empty((4, *near.shape)) if lead < begins else None
    last = predictions[3]
    last[:, 1:] = filled[:, begins:-1]
    last[:, 0] = filled[:, max(begins - 1, 0)]
    for number in range(len(seasons) + 1):
        first = 4 + 3 * (number - 1) if number else 0
        places = [*predictions[first : first + 3], predictions[quick + number]]
        template = seasonal_template(filled, seasons[number - 1].length, lead) if number else None
        left = near if template is None else near - template
        recent_levels(left, places if longer is None else [*longer])
        if longer is not None:
            for level, place in zip(longer, places, strict=True):
                place[:] = level[:, begins - lead :]
        if template is not None:
            template = np.ascontiguousarray(template[:, begins - lead :])
            for place in places:
                place += template
    known = [season.known for season in seasons]
    return Pools(predictions, [1] * 4 + [age for age in known for _ in range(3)] + [1, *known], quick)


def expected_values(filled: Matrix, presence: Presence, pools: Pools, blocks: Blocks) -> Stack:
    """Return the weighted means (2, S, N) of the quick and of the slow predictors.

    filled: (S, N) without NaN. A predictor's weight is its typical error, (mean of square roots) squared so that
    outliers hardly count, to the power of -4, learned from the blocks before. Source: Bates and Granger, The
    Combination of Forecasts (1969).
    """
    totals = np.empty((len(pools.begins), len(filled), blocks.starts.size))
    counts = np.empty_like(totals)
    roots = np.empty_like(filled)
    for number, (prediction, begins) in enumerate(zip(pools.predictions, pools.begins, strict=True)):
        judged, first, counts[number] = presence.since(begins)
        np.subtract(filled, prediction, out=roots)
        np.abs(roots, out=roots)
        np.sqrt(roots, out=roots)
        if presence.missing is None:
            roots[:, :first] = 0.0
        else:
            roots *= judged
        totals[number] = blocks.sums(roots)
    totals = blocks.remembered(totals)
    errors = np.where(counts >= EVIDENCE, (totals / np.maximum(counts, 1.0)) ** 2, np.inf)
    expected = np.empty((2, *filled.shape))
    for result, members in zip(expected, (slice(pools.quick), slice(pools.quick, None)), strict=True):
        weights = weights_of(errors[members])
        for number, (weight, prediction) in enumerate(zip(weights, pools.predictions[members], strict=True)):
            share = blocks.held(weight)
            np.multiply(share, prediction, out=share if number else result)
            if number:
                result += share
    return expected


def weights_of(errors: Stack) -> Stack:
    """Return the weights of a pool's predictors from their typical errors, infinite where unknown: (J, S, blocks)."""
    best = errors.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # To the power of four.
        weights: Stack = np.where(errors <= best, 1.0, np.square(np.square(best / errors)))
    # Before there is evidence the shortest level speaks alone.
    weights[1:, np.isinf(best)] = 0.0
    weights /= weights.sum(axis=0)
    return weights
