"""How surprising a deviation is on its own series."""

import numpy as np
import numpy.typing as npt

from .blocks import Blocks
from .grid import Matrix

# Bins of a quarter octave from 1/4 of the usual deviation up to 4,096 times it, and one for what is smaller.
BINS_PER_OCTAVE = 4
LOWEST_OCTAVE = -2
BINS = 56
EDGES = LOWEST_OCTAVE + np.arange(BINS) / BINS_PER_OCTAVE
SMALLEST = 2.0 ** (LOWEST_OCTAVE - 1)
PRIOR_POINTS = 200.0
SHARES = np.array([0.5, 0.1, 0.01])
DECADES = -np.log10(SHARES)
NORMAL_ANCHOR = 3.2
REACH = 1.6
REACH_POWER = 0.5
LONGEST_REACH = 20.0
DECADES_AT_REACH = 2.0

PRIOR = PRIOR_POINTS * np.maximum(np.exp(-(2.0**EDGES) * np.log(100) / NORMAL_ANCHOR), 1e-100)


def surprises(deviations: Matrix, missing: npt.NDArray[np.bool_] | None, blocks: Blocks) -> Matrix:
    """Return -log10 of the probability (S, N) of a deviation at least as large, from the blocks of columns before.

    deviations: (S, N) absolute residuals over the usual one, 0 where missing; missing: (S, N), None where none is.
    Up to the deviation that one in a hundred exceeds, the logarithm of p is interpolated between the series' own
    median, ninth decile and 99th percentile. Beyond, p falls as a power law that has lost two decades at 1.6
    times it, later where that percentile is itself far out: the anomalies spoil a series' own index, so it is common
    to all. Source: Weissman, Estimation of Parameters and Large Quantiles Based on the k Largest Observations (1978).
    """
    octaves = np.maximum(deviations, SMALLEST)
    np.log2(octaves, out=octaves)
    half, tenth, hundredth = quantiles(histograms(octaves, missing, blocks))
    reach = np.clip(REACH * (hundredth / NORMAL_ANCHOR) ** REACH_POWER, REACH, LONGEST_REACH)
    part = np.empty_like(deviations)
    result = np.zeros_like(deviations)
    below = np.zeros_like(half)
    begins = 0.0
    for quantile, decades in zip((half, tenth, hundredth), DECADES, strict=True):
        np.subtract(deviations, blocks.held(below), out=part)
        part *= blocks.held((decades - begins) / np.maximum(quantile - below, 1e-12))
        np.clip(part, 0.0, decades - begins, out=part)
        result += part
        below, begins = quantile, float(decades)
    octaves -= blocks.held(np.log2(hundredth))
    np.maximum(octaves, 0.0, out=octaves)
    octaves *= blocks.held(DECADES_AT_REACH / np.log2(reach))
    result += octaves
    return result


def histograms(octaves: Matrix, missing: npt.NDArray[np.bool_] | None, blocks: Blocks) -> Matrix:
    """Return the faded histogram (S, blocks, bins) of the columns before each block.

    octaves: (S, N) binary logarithms of deviations; missing: (S, N), None where none is.
    """
    place = octaves * BINS_PER_OCTAVE
    place -= LOWEST_OCTAVE * BINS_PER_OCTAVE - 1
    np.clip(place, 0, BINS, out=place)
    bins = place.astype(np.intp)
    count = blocks.starts.size
    bins += blocks.of_column * (BINS + 1)
    bins += np.arange(len(octaves))[:, None] * (count * (BINS + 1))
    size = len(octaves) * count * (BINS + 1)
    added = np.bincount(bins.ravel() if missing is None else bins[~missing], minlength=size)
    by_bin = added.reshape(len(octaves), count, BINS + 1).swapaxes(1, 2).astype(np.float64)
    return blocks.remembered(by_bin).swapaxes(1, 2)


def quantiles(counts: Matrix) -> list[Matrix]:
    """Return the deviations (S, blocks) exceeded by a half, a tenth and a hundredth of those counted."""
    beyond = np.cumsum(counts[:, :, ::-1], axis=2)[:, :, ::-1]
    survival = (beyond[:, :, 1:] + PRIOR) / (beyond[:, :, :1] + PRIOR_POINTS)
    found = []
    for share in SHARES:
        after = np.clip(np.count_nonzero(survival > share, axis=2), 1, BINS - 1)[:, :, None]
        high = np.log(np.take_along_axis(survival, after - 1, axis=2))
        low = np.log(np.take_along_axis(survival, after, axis=2))
        part = np.clip((high - np.log(share)) / np.maximum(high - low, 1e-12), 0.0, 1.0)
        found.append(2.0 ** (LOWEST_OCTAVE + (after - 1 + part)[:, :, 0] / BINS_PER_OCTAVE))
    return found
