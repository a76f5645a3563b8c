"""How far a series usually lies from its expected value."""

import numpy as np

from .blocks import Blocks
from .grid import Matrix

RECENT_COLUMNS = 64
CLIP = 8.0
LEAST_OF_MEAN = 0.25
ROUNDING = 1e-9
SMALL_SAMPLE = 20.0


def window_sums(values: Matrix, window: int) -> Matrix:
    """Return the sum (S, N) of the `window` columns before each column."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    result = sums[:, :-1].copy()
    result[:, window:] -= sums[:, : -window - 1]
    return result


def usual_deviation(deviations: Matrix, present: Matrix, magnitude: Matrix, blocks: Blocks) -> Matrix:
    """Return the usual absolute residual (S, N) at each column, from the columns before it.

    deviations: (S, N) absolute residuals, 0 where missing; present: (S, N), or (1, N) for all, 1 or, where missing, 0;
    magnitude: (S, N) the expected value, whose rounding is the floor. Half of it is remembered over weeks and half
    over the last 64 columns, so that a noisy hour widens the band without forgetting; both are means of deviations
    clipped at eight times the typical one, so that an outage is not learned.
    """
    seen = blocks.learned(present)
    count = np.maximum(seen, 1.0)
    typical = (blocks.learned(np.sqrt(deviations)) / count) ** 2
    plain = blocks.learned(deviations) / count
    clip = np.where(seen > 0, CLIP * np.maximum(typical, plain / CLIP), np.inf)
    clipped = np.minimum(deviations, blocks.held(clip))
    lasting = np.maximum(blocks.learned(clipped) / count, LEAST_OF_MEAN * plain) * (1 + SMALL_SAMPLE / count)
    recent = np.maximum(window_sums(clipped, RECENT_COLUMNS), 0.0)
    recent /= np.maximum(window_sums(present, RECENT_COLUMNS), 1.0)
    recent += blocks.held(lasting)
    recent *= 0.5
    floor = np.abs(magnitude)
    floor *= ROUNDING
    return np.maximum(recent, floor, out=recent)
