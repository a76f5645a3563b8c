"""The expected value: simple predictors, weighted by how well each has done so far on its series."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .blocks import Blocks
from .grid import Indices, Matrix
from .levels import REACH, median_of_3, median_of_5, recent_levels

Stack = npt.NDArray[np.float64]

SEASONS_REMEMBERED = 5
EVIDENCE = 8
WEIGHT_POWER = 4


class Season(NamedTuple):
    """A season's length in columns, and the age of a series, in columns, at which it is known."""

    length: int
    known: int


class Pool:
    """Predictions (J, S, N), and for each of the J the age of a series, in columns, at which it begins to speak."""

    def __init__(self, predictions: Stack, begins: Sequence[int]) -> None:
        self.predictions = predictions
        self.begins = begins


def seasonal_template(filled: Matrix, season: int, begins: int) -> Matrix:
    """Return the median over the last five seasons of each phase, one column either side included, from `begins` on.

    filled: (S, N) without NaN; season: columns, at least two. The first season repeats the first value.
    """
    series, columns = filled.shape
    smooth = np.empty((series, columns))
    smooth[:, 0], smooth[:, -1] = filled[:, 0], filled[:, -1]
    smooth[:, 1:-1] = median_of_3(filled[:, :-2], filled[:, 1:-1], filled[:, 2:])
    template = np.empty((series, columns - begins))
    template[:, : max(season - begins, 0)] = filled[:, :1]
    for age in range(1, SEASONS_REMEMBERED + 1):
        start = max(age * season, begins)
        end = columns if age == SEASONS_REMEMBERED else min((age + 1) * season, columns)
        if start >= end:
            continue
        ago = [smooth[:, start - back * season : end - back * season] for back in range(1, age + 1)]
        if age <= 2:
            found = ago[0] if age == 1 else (ago[0] + ago[1]) / 2
        else:
            found = median_of_3(*ago[:3]) if age < SEASONS_REMEMBERED else median_of_5(*ago)
        template[:, start - begins : end - begins] = found
    return template


def predictors(filled: Matrix, seasons: Sequence[Season], begins: int) -> tuple[Pool, Pool]:
    """Return the quick and the slow predictors of the columns from `begins` on.

    The quick ones are the last value and the recent levels of 5, 15 and 45 columns, these plain and, for each season,
    of what its template leaves; they follow a change within minutes. The slow ones use 135 columns, which half an
    hour's outage does not move.
    """
    series, columns = filled.shape
    lead = max(begins - REACH, 0)
    recent = slice(begins - lead, None)
    quick = np.empty((4 + 3 * len(seasons), series, columns - begins))
    slow = np.empty((1 + len(seasons), series, columns - begins))
    *quick[:3], slow[0] = (level[:, recent] for level in recent_levels(filled[:, lead:]))
    quick[3, :, 1:] = filled[:, begins:-1]
    quick[3, :, 0] = filled[:, max(begins - 1, 0)]
    for number, season in enumerate(seasons):
        template = seasonal_template(filled, season.length, lead)
        places = [*quick[4 + 3 * number : 7 + 3 * number], slow[1 + number]]
        for level, place in zip(recent_levels(filled[:, lead:] - template), places, strict=True):
            np.add(level[:, recent], template[:, recent], out=place)
    return (
        Pool(quick, [1] * 4 + [season.known for season in seasons for _ in range(3)]),
        Pool(slow, [1, *(season.known for season in seasons)]),
    )


def expected_values(filled: Matrix, present: Matrix, age: Indices, pool: Pool, blocks: Blocks) -> Matrix:
    """Return the weighted mean (S, N) of a pool of predictors.

    filled: (S, N) without NaN; present: (S, N), or (1, N) for all, 1 where a sample is, 0 where it is missing; age:
    (S, N) or (1, N) columns since the first sample. A predictor's weight is its typical error, (mean of square roots)
    squared so that outliers hardly count, to the power of -4, learned from the blocks before. Source: Bates and
    Granger, The Combination of Forecasts (1969).
    """
    roots = filled - pool.predictions
    np.abs(roots, out=roots)
    np.sqrt(roots, out=roots)
    counts = np.empty((len(roots), max(len(present), len(age)), blocks.starts.size))
    for begins in set(pool.begins):
        members = [member for member, own in enumerate(pool.begins) if own == begins]
        judged = present * (age >= begins)
        roots[members[0] : members[-1] + 1] *= judged
        counts[members] = blocks.learned(judged)
    totals = blocks.learned(roots)
    errors = np.where(counts >= EVIDENCE, (totals / np.maximum(counts, 1.0)) ** 2, np.inf)
    best = errors.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(errors <= best, 1.0, (best / errors) ** WEIGHT_POWER)
    # Before there is evidence the shortest level speaks alone.
    weights[1:, np.isinf(best)] = 0.0
    weights /= weights.sum(axis=0)
    expected = np.empty_like(filled)
    edges = np.append(blocks.starts, filled.shape[1])
    for block, (start, end) in enumerate(pairwise(edges)):
        expected[:, start:end] = np.einsum("js,jsn->sn", weights[:, :, block], pool.predictions[:, :, start:end])
    return expected
