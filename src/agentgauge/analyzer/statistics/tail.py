"""How surprising a deviation is on its own series."""

import numpy as np
import numpy.typing as npt

from .blocks import MEMORY_COLUMNS, each_block
from .grid import Indices, Matrix

# Bins of a quarter octave from 1/4 of the usual deviation up to 4,096 times it, and one for what is smaller.
BINS_PER_OCTAVE = 4
LOWEST_OCTAVE = -2
BINS = 56
EDGES = LOWEST_OCTAVE + np.arange(BINS) / BINS_PER_OCTAVE
PRIOR_POINTS = 60.0
SHARES = np.array([0.5, 0.1, 0.01])
NORMAL_ANCHOR = 3.2
REACH = 1.6
REACH_POWER = 0.5
LONGEST_REACH = 20.0
DECADES_AT_REACH = 2.0

PRIOR = PRIOR_POINTS * np.maximum(np.exp(-(2.0**EDGES) * np.log(100) / NORMAL_ANCHOR), 1e-100)


def bins_of(octaves: Matrix) -> npt.NDArray[np.intp]:
    """Return the histogram's bin for deviations given by their binary logarithm."""
    place = (octaves - (LOWEST_OCTAVE - 1 / BINS_PER_OCTAVE)) * BINS_PER_OCTAVE
    np.clip(place, 0, BINS, out=place)
    bins: npt.NDArray[np.intp] = place.astype(np.intp)
    return bins


class Tail:
    """The faded histogram of each series' deviations.

    Up to the deviation that one in a hundred exceeds, the logarithm of p is interpolated between the series' own
    median, ninth decile and 99th percentile. Beyond, p falls as a power law that has lost two decades at 1.6
    times it, later where that percentile is itself far out: the anomalies spoil a series' own index, so it is common
    to all. Source: Weissman, Estimation of Parameters and Large Quantiles Based on the k Largest Observations (1978).
    """

    def __init__(self, series: int) -> None:
        self.counts = np.zeros((series, BINS + 1))

    def quantiles(self) -> Matrix:
        """Return the deviations (S, 3) exceeded by a half, a tenth and a hundredth of the past ones."""
        beyond = np.cumsum(self.counts[:, ::-1], axis=1)[:, ::-1]
        survival = (beyond[:, 1:] + PRIOR) / (beyond[:, :1] + PRIOR_POINTS)
        rows = np.arange(len(survival))
        found = np.empty((len(survival), SHARES.size))
        for column, share in enumerate(SHARES):
            after = np.clip(np.count_nonzero(survival > share, axis=1), 1, BINS - 1)
            high, low = np.log(survival[rows, after - 1]), np.log(survival[rows, after])
            part: Matrix = np.clip((high - np.log(share)) / np.maximum(high - low, 1e-12), 0.0, 1.0)
            found[:, column] = 2.0 ** (LOWEST_OCTAVE + (after - 1 + part) / BINS_PER_OCTAVE)
        return found

    def surprise(self, deviations: Matrix, octaves: Matrix) -> Matrix:
        """Return -log10 p (S, n) of deviations (S, n), given also as binary logarithms."""
        half, tenth, hundredth = (quantile[:, None] for quantile in self.quantiles().T)
        reach = np.clip(REACH * (hundredth / NORMAL_ANCHOR) ** REACH_POWER, REACH, LONGEST_REACH)
        result: Matrix = np.clip(deviations / half, 0.0, 1.0)
        result *= np.log10(2)
        part = deviations - half
        part *= np.log10(5) / np.maximum(tenth - half, 1e-12)
        result += np.clip(part, 0.0, np.log10(5), out=part)
        np.subtract(deviations, tenth, out=part)
        part /= np.maximum(hundredth - tenth, 1e-12)
        result += np.clip(part, 0.0, 1.0, out=part)
        np.subtract(octaves, np.log2(hundredth), out=part)
        np.maximum(part, 0.0, out=part)
        part *= DECADES_AT_REACH / np.log2(reach)
        result += part
        return result

    def learn(self, bins: npt.NDArray[np.intp], missing: npt.NDArray[np.bool_] | None) -> None:
        """Fade what was learned and add deviations by their bins (S, n), but for the missing ones (S, n)."""
        series, columns = bins.shape
        places = bins + np.arange(series)[:, None] * (BINS + 1)
        added = np.bincount(places.ravel() if missing is None else places[~missing], minlength=series * (BINS + 1))
        self.counts *= np.exp(-columns / MEMORY_COLUMNS)
        self.counts += added.reshape(series, BINS + 1)


def surprises(deviations: Matrix, missing: npt.NDArray[np.bool_] | None, starts: Indices) -> Matrix:
    """Return -log10 of the probability (S, N) of a deviation at least as large, from the blocks of columns before.

    deviations: (S, N) absolute residuals over the usual one, 0 where missing; missing: (S, N), None where none is;
    starts: (blocks,) where blocks begin.
    """
    tail = Tail(deviations.shape[0])
    octaves = np.log2(np.maximum(deviations, 2.0 ** (LOWEST_OCTAVE - 1)))
    bins = bins_of(octaves)
    result = np.empty_like(deviations)
    for _, span in each_block(starts, deviations.shape[1]):
        result[:, span] = tail.surprise(deviations[:, span], octaves[:, span])
        tail.learn(bins[:, span], None if missing is None else missing[:, span])
    return result
