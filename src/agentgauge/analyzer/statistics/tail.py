"""How rare a deviation is on its own series."""

import numpy as np
import numpy.typing as npt

from .blocks import MEMORY_COLUMNS, block_starts, each_block
from .grid import Matrix

# Bins of a quarter octave from 1/4 of the usual deviation up to 16,384 times it.
BINS_PER_OCTAVE = 4
LOWEST_OCTAVE = -2
BINS = 64
EDGES = LOWEST_OCTAVE + np.arange(BINS + 1) / BINS_PER_OCTAVE
PRIOR_POINTS = 60.0
ANCHOR = 0.01
RARE = 1e-4
NORMAL_ANCHOR = 3.2
REACH = 1.6
LONGEST_REACH = 4.0


def prior_survival() -> npt.NDArray[np.float64]:
    """Return the share of deviations beyond each edge before anything was seen: exponential in the deviation."""
    share: npt.NDArray[np.float64] = np.exp(-(2.0**EDGES) * np.log(1 / ANCHOR) / NORMAL_ANCHOR)
    return share


class Tail:
    """The faded histogram of each series' deviations, in logarithmic bins.

    Beyond the deviation that one in a hundred exceeds, p falls as a power law that reaches 1e-4 at 1.6 times it,
    later where that deviation is itself far out. Source: the anchor is Weissman's (Estimation of Parameters and Large
    Quantiles Based on the k Largest Observations, 1978); the index is common to all series because the anomalies
    themselves spoil a series' own.
    """

    def __init__(self, series: int) -> None:
        self.counts = np.zeros((series, BINS + 1))

    def pvalues(self, deviations: Matrix) -> Matrix:
        """Return the probability (S, n) of deviations (S, n) at least as large, NaN where missing."""
        beyond = self.counts[:, ::-1].cumsum(axis=1)[:, ::-1]
        survival = (beyond[:, 1:] + PRIOR_POINTS * prior_survival()[:-1]) / (beyond[:, :1] + PRIOR_POINTS)
        logarithm = np.log(np.maximum(survival, 1e-300))
        logarithm[:, 0] = 0.0
        anchor = self._anchor(logarithm)
        reach = REACH * np.clip(2.0**anchor / NORMAL_ANCHOR, 1.0, (LONGEST_REACH / REACH) ** 2) ** 0.5
        index = np.log(ANCHOR / RARE) / np.log2(reach)
        octave = np.log2(np.maximum(deviations, 2.0**LOWEST_OCTAVE))
        place = np.clip((octave - LOWEST_OCTAVE) * BINS_PER_OCTAVE, 0, BINS - 1.001)
        with np.errstate(invalid="ignore"):
            lower = np.nan_to_num(place).astype(np.intp)
        left = np.take_along_axis(logarithm, lower, axis=1)
        right = np.take_along_axis(logarithm, np.minimum(lower + 1, BINS - 1), axis=1)
        body = left + (right - left) * (place - lower)
        past = octave - anchor[:, None]
        result: Matrix = np.exp(np.where(past > 0, np.log(ANCHOR) - index[:, None] * past, body))
        return result

    def _anchor(self, logarithm: Matrix) -> Matrix:
        after = np.clip((logarithm > np.log(ANCHOR)).sum(axis=1), 1, BINS - 1)
        rows = np.arange(len(logarithm))
        high, low = logarithm[rows, after - 1], logarithm[rows, after]
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(high > low, (high - np.log(ANCHOR)) / (high - low), 0.0)
        anchor: Matrix = LOWEST_OCTAVE + (after - 1 + np.clip(part, 0.0, 1.0)) / BINS_PER_OCTAVE
        return anchor

    def learn(self, deviations: Matrix) -> None:
        """Fade what was learned and add deviations (S, n), NaN where missing."""
        series, columns = deviations.shape
        self.counts *= np.exp(-columns / MEMORY_COLUMNS)
        place = (np.log2(np.maximum(deviations, 1e-9)) - LOWEST_OCTAVE) * BINS_PER_OCTAVE + 1
        missing = np.isnan(place)
        place[missing] = 0
        bins = np.clip(place, 0, BINS).astype(np.intp) + np.arange(series)[:, None] * (BINS + 1)
        added = np.bincount(bins[~missing], minlength=series * (BINS + 1))
        self.counts += added.reshape(series, BINS + 1)


def tail_pvalues(deviations: Matrix) -> Matrix:
    """Return the probability (S, N) of a deviation at least as large, from the blocks of columns before.

    deviations: (S, N) absolute residuals over the usual one, NaN where missing.
    """
    tail = Tail(deviations.shape[0])
    pvalues = np.empty_like(deviations)
    for _, span in each_block(block_starts(deviations.shape[1]), deviations.shape[1]):
        pvalues[:, span] = tail.pvalues(deviations[:, span])
        tail.learn(deviations[:, span])
    return pvalues
