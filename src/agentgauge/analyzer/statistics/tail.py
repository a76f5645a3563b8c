"""How surprising a deviation is on its own series."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .blocks import Blocks
from .grid import Matrix

# Four bins an octave from 1/4 of the usual deviation up to 4,096 times it, and one for what is smaller.
BINS_PER_OCTAVE = 4
LOWEST_OCTAVE = -2
BINS = 56
EDGES = 2.0 ** (LOWEST_OCTAVE + np.arange(BINS) // BINS_PER_OCTAVE) * (
    1 + np.arange(BINS) % BINS_PER_OCTAVE / BINS_PER_OCTAVE
)
# A float's exponent and first two bits of its fraction, read as an integer, number the quarter octaves.
SHIFT = 50
FIRST_BIN = (1023 + LOWEST_OCTAVE) * BINS_PER_OCTAVE - 1
PRIOR_POINTS = 200.0
SHARES = (0.1, 0.01)
CURVATURE = 0.4
NORMAL_ANCHOR = 3.2
REACH = 1.6
REACH_POWER = 0.5
LONGEST_REACH = 20.0
DECADES_AT_REACH = 2.0
# Two sides have two chances, and each its own tail is one more.
EITHER_SIDE = 0.6

PRIOR = PRIOR_POINTS * np.maximum(np.exp(-EDGES * np.log(100) / NORMAL_ANCHOR), 1e-100)
# Beyond these, and beyond what was counted, the prior alone is less than either share.
FEWEST_BINS = 17


def surprises(
    signed: Matrix,
    others: Sequence[Matrix],
    missing: npt.NDArray[np.bool_] | None,
    blocks: Blocks,
    shown: int,
) -> list[Matrix]:
    """Return -log10 of the probability (S, N - shown) of a deviation at least as large, from the blocks before it.

    signed: (S, N) residuals over the usual one, 0 where missing, whose two sides have tails of their own; others:
    several absolute deviations of the same series, each (S, N); missing: (S, N), None where none is; shown: the first
    column to return.
    Up to the deviation that one in a hundred exceeds, the logarithm of p is interpolated between none, the series' own
    ninth decile and its 99th percentile. Beyond, p falls as a power law that has lost two decades at 1.6 times it,
    later where that percentile is itself far out: the anomalies spoil a series' own index, so it is common
    to all. Source: Weissman, Estimation of Parameters and Large Quantiles Based on the k Largest Observations (1978).
    """
    first = int(blocks.of_column[shown])
    kinds = [np.abs(signed), *others]
    below = signed < 0
    counts = survivors(kinds, below, missing, blocks, first)
    tenth, hundredth = np.ones((2, len(kinds) + 1, len(signed), blocks.starts.size))
    tenth[:, :, first:], hundredth[:, :, first:] = quantiles(counts)
    gap = np.maximum(hundredth - tenth, 1e-12)
    slope = DECADES_AT_REACH / np.log(np.clip(REACH * (hundredth / NORMAL_ANCHOR) ** REACH_POWER, REACH, LONGEST_REACH))
    cells = blocks.cells(len(signed))[:, shown:].reshape(-1)
    below = np.ascontiguousarray(below[:, shown:])
    either_side = np.ascontiguousarray(signed[:, shown:])
    found = []
    for number, deviations in enumerate(kinds):
        deviations = np.ascontiguousarray(deviations[:, shown:])
        share = blocks.held(tenth[number + 1 if number else 0], shown)
        if number:
            np.divide(deviations, share, out=share)
        else:
            # Of its shares of the upper and of minus the lower tail one is positive.
            np.divide(either_side, share, out=share)
            np.maximum(share, either_side / blocks.held(-tenth[1], shown), out=share)
        # Halfway between a normal and an exponential body.
        result = share * CURVATURE
        result += 1 - CURVATURE
        result *= share
        places = np.flatnonzero(share > 1)
        side = below.reshape(-1)[places] if not number else number + 1
        held, far = cells[places] + side * tenth[0].size, deviations.reshape(-1)[places]
        beyond = np.log(np.maximum(far / hundredth.reshape(-1)[held], 1.0))
        beyond *= slope.reshape(-1)[held]
        far -= tenth.reshape(-1)[held]
        far /= gap.reshape(-1)[held]
        beyond += np.clip(far, 0.0, 1.0, out=far)
        beyond += 1
        result.reshape(-1)[places] = beyond
        found.append(result)
    found[0] -= EITHER_SIDE
    return found


def survivors(
    kinds: Sequence[Matrix],
    below: npt.NDArray[np.bool_],
    missing: npt.NDArray[np.bool_] | None,
    blocks: Blocks,
    first: int,
) -> Matrix:
    """Return how many deviations before each block reach each bin or a higher one, fading: (bins, tails, S, blocks).

    kinds: several absolute deviations, each (S, N), the first one's upper and lower tail apart; below: (S, N) on which
    side that one is; missing: (S, N), None where none is; first: the first block to return. Bins that are higher than
    all deviations are left out. Of a series that mostly rests one side alone is too few samples to learn a tail from.
    """
    highest = np.array([deviations.max() for deviations in kinds]).max()
    count = min(max(int(highest.view(np.int64) >> SHIFT) - FIRST_BIN + 2, FEWEST_BINS), BINS + 1)
    shape = (len(kinds[0]), blocks.starts.size)
    size = math.prod(shape)
    cells = blocks.cells(shape[0])
    reached = np.empty((count, len(kinds) + 1, *shape), dtype=np.int64)
    for number, deviations in enumerate(kinds):
        bins = deviations.view(np.int64) >> SHIFT
        np.maximum(bins, FIRST_BIN, out=bins)
        if count > BINS:
            np.minimum(bins, FIRST_BIN + BINS, out=bins)
        tails = 1 if number else 2
        bins -= FIRST_BIN
        bins *= tails * size
        bins += cells
        if not number:
            bins += below * size
        numbers = np.bincount(bins.reshape(-1) if missing is None else bins[~missing], minlength=count * tails * size)
        place = slice(number + 1, number + 2) if number else slice(2)
        reached[:, place] = numbers.reshape(count, tails, *shape)
    for higher in range(count - 1, 0, -1):
        reached[higher - 1] += reached[higher]
    result = blocks.remembered(reached)[..., first:]
    either = result[:, 0] + result[:, 1]
    result[0, :2] = either[0]
    resting = 2 * either[1] < either[0]
    if resting.any():
        result[1:, :2] = np.where(resting, either[1:, None], result[1:, :2])
    return result


def quantiles(counts: Matrix) -> tuple[Matrix, Matrix]:
    """Return the deviations (...) exceeded by a tenth and a hundredth of those counted (bins, ...)."""
    bins, *shape = counts.shape
    survival = counts[1:].reshape(bins - 1, -1) + PRIOR[: bins - 1, None]
    limits = np.multiply.outer(SHARES, counts[0].reshape(-1) + PRIOR_POINTS)
    after = np.empty(limits.shape, dtype=np.int64)
    for more, limit in zip(after, limits, strict=True):
        more[:] = np.add.reduce((survival > limit).view(np.uint8), axis=0, dtype=np.uint8)
    np.clip(after, 1, bins - 2, out=after)
    every = np.arange(limits.shape[1])
    high, low = (np.log(survival[after - back, every] / limits) for back in (1, 0))
    part = np.clip(high / np.maximum(high - low, 1e-12), 0.0, 1.0)
    tenth, hundredth = EDGES[after - 1] + part * (EDGES[after] - EDGES[after - 1])
    return tenth.reshape(shape), hundredth.reshape(shape)
