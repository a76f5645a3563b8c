"""The expected value: simple predictors, weighted by how well each has done so far on its series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .blocks import block_sums, each_block, remembered
from .grid import Indices, Matrix
from .levels import REACH, median_of_3, median_of_5, recent_levels

SEASONS_REMEMBERED = 5
EVIDENCE = 8
WEIGHT_POWER = 4


@dataclass(frozen=True, slots=True)
class Predictor:
    """A prediction (S, N) of each column from those before it, and the age of a series at which it begins to speak."""

    begins: int
    prediction: Matrix


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


def predictors(filled: Matrix, seasons: Sequence[int], begins: int) -> tuple[list[Predictor], list[Predictor]]:
    """Return the quick and the slow predictors of the columns from `begins` on.

    The quick ones are the last value and the recent levels of 5, 15 and 45 columns, these plain and, for each season,
    of what its template leaves; they follow a change within minutes. The slow ones use 135 columns, which half an
    hour's outage does not move.
    """
    lead = max(begins - REACH, 0)
    recent = slice(begins - lead, None)
    quick = [Predictor(1, level[:, recent]) for level in recent_levels(filled[:, lead:])]
    slow = [quick.pop()]
    last = np.empty((len(filled), filled.shape[1] - begins))
    last[:, 1:] = filled[:, begins:-1]
    last[:, 0] = filled[:, max(begins - 1, 0)]
    quick.append(Predictor(1, last))
    for season in seasons:
        template = seasonal_template(filled, season, lead)
        levels = recent_levels(filled[:, lead:] - template)
        seasonal = [Predictor(season, (level + template)[:, recent]) for level in levels]
        slow.append(seasonal.pop())
        quick += seasonal
    return quick, slow


def expected_values(
    filled: Matrix, present: Matrix, age: Indices, pool: Sequence[Predictor], starts: Indices
) -> Matrix:
    """Return the weighted mean (S, N) of a pool of predictors.

    filled: (S, N) without NaN; present: (S, N), or (1, N) for all, 1 where a sample is, 0 where it is missing; age:
    (S, N) or (1, N) columns since the first sample; starts: (blocks,) where blocks begin. A predictor's weight is its
    typical error, (mean of square roots) squared so that outliers hardly count, to the power of -4, learned from the
    blocks before. Source: Bates and Granger, The Combination of Forecasts (1969).
    """
    columns = filled.shape[1]
    counts: dict[int, tuple[Matrix, Matrix]] = {}
    typical: list[Matrix] = []
    for predictor in pool:
        if predictor.begins not in counts:
            judged = present * (age >= predictor.begins)
            counts[predictor.begins] = judged, remembered(block_sums(judged, starts), starts)
        judged, count = counts[predictor.begins]
        root = filled - predictor.prediction
        np.sqrt(np.abs(root, out=root), out=root)
        root *= judged
        total = remembered(block_sums(root, starts), starts)
        typical.append(np.where(count >= EVIDENCE, (total / np.maximum(count, 1.0)) ** 2, np.inf))
    errors = np.stack(typical)
    best = errors.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(errors <= best, 1.0, (best / errors) ** WEIGHT_POWER)
    # Before there is evidence the shortest level speaks alone.
    weights[1:, np.isinf(best)] = 0.0
    weights /= weights.sum(axis=0)
    expected = np.empty_like(filled)
    for block, span in each_block(starts, columns):
        block_weights = weights[:, :, block, None]
        np.multiply(block_weights[0], pool[0].prediction[:, span], out=expected[:, span])
        for weight, predictor in zip(block_weights[1:], pool[1:], strict=True):
            expected[:, span] += weight * predictor.prediction[:, span]
    return expected
