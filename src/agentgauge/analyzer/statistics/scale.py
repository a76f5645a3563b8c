"""How far a series usually lies from its expected value."""

import numpy as np

from .blocks import block_sums, each_block, remembered
from .grid import Indices, Matrix

RECENT_COLUMNS = 64
CLIP = 8.0
LEAST_OF_MEAN = 0.25
ROUNDING = 1e-9
SMALL_SAMPLE = 4.0


def window_sums(values: Matrix, window: int) -> Matrix:
    """Return the sum (S, N) of the `window` columns before each column."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    result = sums[:, :-1].copy()
    result[:, window:] -= sums[:, : -window - 1]
    return result


def usual_deviation(deviations: Matrix, present: Matrix, magnitude: Matrix, starts: Indices) -> Matrix:
    """Return the usual absolute residual (S, N) at each column, from the columns before it.

    deviations: (S, N) absolute residuals, 0 where missing; present: (S, N), or (1, N) for all, 1 or, where missing, 0;
    magnitude: (S, N) the expected value, whose rounding is the floor; starts: (blocks,) where blocks begin. Half of it
    is remembered over weeks and half over the last 64 columns, so that a noisy hour widens the band without forgetting;
    both are means of deviations clipped at eight times the typical one, so that an outage is not learned.
    """
    columns = deviations.shape[1]
    seen = remembered(block_sums(present, starts), starts)
    count = np.maximum(seen, 1.0)
    typical = (remembered(block_sums(np.sqrt(deviations), starts), starts) / count) ** 2
    plain = remembered(block_sums(deviations, starts), starts) / count
    clip = np.where(seen > 0, CLIP * np.maximum(typical, plain / CLIP), np.inf)
    clipped = np.empty_like(deviations)
    for block, span in each_block(starts, columns):
        np.minimum(deviations[:, span], clip[:, block, None], out=clipped[:, span])
    lasting = remembered(block_sums(clipped, starts), starts) / count
    lasting = np.maximum(lasting, LEAST_OF_MEAN * plain) * (1 + SMALL_SAMPLE / count)
    recent = np.maximum(window_sums(clipped, RECENT_COLUMNS), 0.0)
    recent /= np.maximum(window_sums(present, RECENT_COLUMNS), 1.0)
    for block, span in each_block(starts, columns):
        recent[:, span] += lasting[:, block, None]
    recent *= 0.5
    return np.maximum(recent, ROUNDING * np.abs(magnitude), out=recent)
