"""A judgement of each column against what its past lets expect."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .baseline import Pool, Season, expected_values, predictors
from .blocks import Blocks
from .grid import Indices, Matrix, carried_forward
from .scale import usual_deviation
from .tail import surprises

WARM_UP = 30
LARGEST_DEVIATION = 1e6
AGREEMENT = 2.0
LONE = 1.0
# The best of three p-values is by chance about twice too small: they are correlated, or it would be three times.
CHANCES = 0.4
TOGETHER = 3
LARGEST_TOGETHER = 30.0
LARGEST_EARLIER = 3.0
SUPPORT = 0.5
LASTING_AGREEMENT = 3.0
DISCOUNT = 0.2


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a baseline expects, the usual absolute residuals, signed deviations over these (S, N), and -log10 p."""

    expected: Matrix
    usual: Matrix
    deviation: Matrix
    surprise: Matrix


def judged(
    filled: Matrix,
    missing: npt.NDArray[np.bool_] | None,
    pool: Pool,
    age: Indices,
    blocks: Blocks,
    shown: int,
) -> Judgement:
    """Judge filled (S, N) against a pool of predictors.

    missing: (S, N), None where none is; age: (S, N) or (1, N) columns since a series' first sample; shown: the first
    column whose surprise is wanted.
    """
    present = np.ones((1, filled.shape[1])) if missing is None else (~missing).astype(np.float64)
    expected = expected_values(filled, present, age, pool, blocks)
    residual = filled - expected
    if missing is not None:
        residual *= present
    size = np.abs(residual)
    usual = usual_deviation(size, present, expected, blocks)
    # A residual of a series that has been exactly constant at zero has no scale: it is as far out as can be.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.divide(residual, usual, out=residual)
    np.clip(residual, -LARGEST_DEVIATION, LARGEST_DEVIATION, out=residual)
    residual[np.isnan(residual)] = 0.0
    residual *= np.cumsum(present, axis=1) > WARM_UP
    return Judgement(expected, usual, residual, surprises(np.abs(residual, out=size), missing, blocks, shown))


def lasting(deviation: Matrix, missing: npt.NDArray[np.bool_] | None, blocks: Blocks, shown: int) -> Matrix:
    """Return -log10 of the probability (S, N - shown) of the sum of each three signed deviations (S, N) in a row.

    A small step shows in three samples on one side when it shows in none of them. The earlier two count up to three
    times the last one each: what follows a spike is not one.
    """
    single = np.clip(deviation, -LARGEST_TOGETHER, LARGEST_TOGETHER)
    sums = single.copy()
    most = np.abs(single)
    most *= LARGEST_EARLIER
    for back in range(1, TOGETHER):
        earlier = np.minimum(single[:, :-back], most[:, back:])
        sums[:, back:] += np.maximum(earlier, -most[:, back:], out=earlier)
    np.abs(sums, out=sums)
    sums *= 1 / np.sqrt(TOGETHER)
    if missing is not None:
        sums[missing] = 0.0
    return surprises(sums, missing, blocks, shown)


def judge(spread: Matrix, seasons: Sequence[Season], begins: int, shown: int) -> tuple[Matrix, Judgement]:
    """Return -log10 p of each column from `begins` + `shown` on, and the slow baseline's judgement from `begins` on.

    spread: (S, N), NaN where missing.
    """
    missing = np.isnan(spread)
    filled = spread
    age = np.arange(spread.shape[1])[None, :]
    if missing.any():
        filled = carried_forward(spread)
        age = age - (~missing).argmax(axis=1)[:, None]
    absent = missing[:, begins:] if missing[:, begins:].any() else None
    quick_pool, slow_pool = predictors(filled, seasons, begins)
    blocks = Blocks(spread.shape[1] - begins)
    recent, age = filled[:, begins:], age[:, begins:]
    quick = judged(recent, absent, quick_pool, age, blocks, shown)
    slow = judged(recent, absent, slow_pool, age, blocks, shown)
    surprise = agreed(quick.surprise, slow.surprise)
    return supported(surprise, lasting(quick.deviation, absent, blocks, shown), slow.surprise), slow


def agreed(quick: Matrix, slow: Matrix) -> Matrix:
    """Return the larger of two surprises (S, N), at most one decade and twice the smaller.

    A return from an outage surprises the quick baseline, which has followed it, but not the slow one; a wander
    surprises the slow one only.
    """
    smaller = np.minimum(quick, slow)
    smaller *= AGREEMENT
    smaller += LONE
    return np.minimum(np.maximum(quick, slow), smaller, out=smaller)


def supported(single: Matrix, together: Matrix, slow: Matrix) -> Matrix:
    """Return the larger of a sample's own surprise and that of three in a row (S, N).

    The latter counts up to half a decade and twice its own, and a decade and three times the slow baseline's: after
    an outage the quick one is off for as long as that was.
    """
    most = single * AGREEMENT
    most += SUPPORT
    np.minimum(most, together, out=most)
    np.minimum(most, slow * LASTING_AGREEMENT + LONE, out=most)
    most -= DISCOUNT
    np.maximum(most, single, out=most)
    most -= CHANCES
    return np.maximum(most, 0.0, out=most)
