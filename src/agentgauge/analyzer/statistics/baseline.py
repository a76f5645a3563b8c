"""The expected value: several simple predictors, weighted by how well each has done so far on its series."""

from collections.abc import Iterator, Sequence

import numpy as np

from .blocks import block_starts, block_sums, each_block, remembered
from .grid import Matrix
from .median import lagged, median_of_3, median_of_5, recent_levels

SEASONS_REMEMBERED = 5
EVIDENCE = 8
WEIGHT_POWER = 4


def seasonal_template(filled: Matrix, season: int) -> Matrix:
    """Return the median over the last five seasons of each column's phase, one column either side included.

    filled: (S, N) without NaN; season: columns. The first season repeats the first value.
    """
    smooth = median_of_3(filled, lagged(filled, 1), lagged(filled, 2))
    columns = filled.shape[1]
    ago = [lagged(smooth, season * age - 1) for age in range(1, SEASONS_REMEMBERED + 1) if season * age - 1 < columns]
    if not ago:
        return lagged(filled, 1)
    template = ago[0].copy()
    if len(ago) >= 2:
        two = slice(2 * season, None)
        template[:, two] = (ago[0][:, two] + ago[1][:, two]) / 2
    if len(ago) >= 3:
        three = slice(3 * season, None)
        template[:, three] = median_of_3(*(stack[:, three] for stack in ago[:3]))
    if len(ago) == SEASONS_REMEMBERED:
        five = slice(5 * season, None)
        template[:, five] = median_of_5(*(stack[:, five] for stack in ago))
    return template


def predictors(filled: Matrix, seasons: Sequence[int]) -> Iterator[tuple[int, Matrix]]:
    """Yield the predictors, each with the first column at which it says something.

    Each predictor is (S, N) and sees only the columns before the one it predicts: recent levels of three lengths,
    and for each season its template alone and corrected by the recent levels of what it leaves.
    """
    for level in recent_levels(filled):
        yield 1, level
    for season in seasons:
        template = seasonal_template(filled, season)
        yield season, template
        for level in recent_levels(filled - template):
            level += template
            yield season, level


def expected_values(values: Matrix, filled: Matrix, first: Matrix, seasons: Sequence[int]) -> Matrix:
    """Return the weighted mean (S, N) of the predictors.

    values: (S, N) with NaN gaps; filled: the same without gaps; first: (S, 1) the first column with a value.
    A predictor's weight is its typical error, (mean of square roots) squared so that outliers hardly count, to the
    power of -4, learned from the blocks before. Source: Bates and Granger, The Combination of Forecasts (1969).
    """
    columns = values.shape[1]
    starts = block_starts(columns)
    pool: list[Matrix] = []
    typical: list[Matrix] = []
    position = np.arange(columns)
    for begins, prediction in predictors(filled, seasons):
        root = np.sqrt(np.abs(values - prediction))
        judged = ~np.isnan(root) & (position >= first + begins)
        root[~judged] = 0.0
        count = remembered(block_sums(judged, starts), starts)
        total = remembered(block_sums(root, starts), starts)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.where(count >= EVIDENCE, (total / count) ** 2, np.inf)
        pool.append(prediction)
        typical.append(error)
    errors = np.stack(typical)
    best = errors.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(errors <= best, 1.0, (best / errors) ** WEIGHT_POWER)
    # Before there is evidence the shortest level speaks alone.
    weights[1:, np.isinf(best)] = 0.0
    weights[:, :] /= weights.sum(axis=0)
    expected = np.zeros_like(values)
    for block, span in each_block(starts, columns):
        for weight, prediction in zip(weights[:, :, block], pool, strict=True):
            expected[:, span] += weight[:, None] * prediction[:, span]
    return expected
