"""How surprising a deviation is on its own series."""

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

PRIOR = PRIOR_POINTS * np.maximum(np.exp(-EDGES * np.log(100) / NORMAL_ANCHOR), 1e-100)


def surprises(deviations: Matrix, missing: npt.NDArray[np.bool_] | None, blocks: Blocks, shown: int) -> Matrix:
    """Return -log10 of the probability (S, N - shown) of a deviation at least as large, from the blocks before it.

    deviations: (S, N) absolute residuals over the usual one, 0 where missing; missing: (S, N), None where none is;
    shown: the first column to return.
    Up to the deviation that one in a hundred exceeds, the logarithm of p is interpolated between none, the series' own
    ninth decile and its 99th percentile. Beyond, p falls as a power law that has lost two decades at 1.6 times it,
    later where that percentile is itself far out: the anomalies spoil a series' own index, so it is common
    to all. Source: Weissman, Estimation of Parameters and Large Quantiles Based on the k Largest Observations (1978).
    """
    first = int(blocks.of_column[shown]) if shown < deviations.shape[1] else blocks.starts.size
    tenth, hundredth = quantiles(histograms(deviations, missing, blocks)[:, first:])
    of_column = blocks.of_column[shown:] - first
    deviations = np.ascontiguousarray(deviations[:, shown:])
    share = deviations / np.take(tenth, of_column, axis=1)
    # Halfway between a normal and an exponential body.
    result = share * CURVATURE
    result += 1 - CURVATURE
    result *= share
    places = np.flatnonzero(share > 1)
    rows, columns = np.divmod(places, max(deviations.shape[1], 1))
    held = rows, of_column[columns]
    far, inner, outer = deviations.ravel()[places], tenth[held], hundredth[held]
    reach = np.clip(REACH * (outer / NORMAL_ANCHOR) ** REACH_POWER, REACH, LONGEST_REACH)
    between = np.clip((far - inner) / np.maximum(outer - inner, 1e-12), 0.0, 1.0)
    beyond = DECADES_AT_REACH * np.log(np.maximum(far / outer, 1.0)) / np.log(reach)
    result.ravel()[places] = 1 + between + beyond
    return result


def histograms(deviations: Matrix, missing: npt.NDArray[np.bool_] | None, blocks: Blocks) -> Matrix:
    """Return the faded histogram (S, blocks, bins) of the columns before each block.

    deviations: (S, N); missing: (S, N), None where none is.
    """
    bins = deviations.view(np.int64) >> SHIFT
    bins -= FIRST_BIN
    np.maximum(bins, 0, out=bins)
    np.minimum(bins, BINS, out=bins)
    series, count = len(deviations), blocks.starts.size
    bins += blocks.of_column * (BINS + 1)
    bins += np.arange(series)[:, None] * (count * (BINS + 1))
    added = np.bincount(bins.ravel() if missing is None else bins[~missing], minlength=series * count * (BINS + 1))
    added = added.reshape(series, count, BINS + 1)
    totals = np.zeros(added.shape)
    for block in range(1, count):
        np.multiply(totals[:, block - 1], blocks.fading[block - 1], out=totals[:, block])
        totals[:, block] += added[:, block - 1]
    return totals


def quantiles(counts: Matrix) -> tuple[Matrix, Matrix]:
    """Return the deviations (S, blocks) exceeded by a tenth and a hundredth of those counted."""
    beyond = np.cumsum(counts[:, :, ::-1], axis=2)[:, :, ::-1]
    survival = beyond[:, :, 1:] + PRIOR
    survival /= beyond[:, :, :1] + PRIOR_POINTS
    found = []
    for share in SHARES:
        after = np.clip(np.count_nonzero(survival > share, axis=2), 1, BINS - 1)
        high = np.log(np.take_along_axis(survival, after[:, :, None] - 1, axis=2)[:, :, 0])
        low = np.log(np.take_along_axis(survival, after[:, :, None], axis=2)[:, :, 0])
        part = np.clip((high - np.log(share)) / np.maximum(high - low, 1e-12), 0.0, 1.0)
        found.append(EDGES[after - 1] + part * (EDGES[after] - EDGES[after - 1]))
    return found[0], found[1]
