"""How far a series usually lies from its expected value."""

import numpy as np

from .blocks import block_starts, block_sums, held, remembered
from .grid import Matrix

RECENT_COLUMNS = 64
CLIP = 8.0
ROUNDING = 1e-9
SMALL_SAMPLE = 4.0


def window_means(values: Matrix, present: Matrix, window: int) -> Matrix:
    """Return the mean of the last `window` columns of values before each column, NaN where none was present."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    counts = np.zeros_like(sums)
    np.cumsum(values, axis=1, out=sums[:, 1:])
    np.cumsum(present, axis=1, out=counts[:, 1:])
    for totals in (sums, counts):
        totals[:, window:] = totals[:, window:] - totals[:, :-window].copy() if totals.shape[1] > window else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        means: Matrix = np.maximum(sums[:, :-1], 0.0) / counts[:, :-1]
    return means


def usual_deviation(residuals: Matrix, magnitude: Matrix) -> Matrix:
    """Return the usual absolute residual (S, N) at each column, from the columns before it.

    residuals: (S, N) with NaN where missing; magnitude: (S, N) the absolute expected value, whose rounding is the
    floor. Half of it is remembered over weeks and half over the last 64 columns, so that a noisy hour widens the band
    without forgetting; both means are of deviations clipped at eight times the typical one, so that an outage is
    not learned.
    """
    columns = residuals.shape[1]
    starts = block_starts(columns)
    deviations = np.abs(residuals)
    present = (~np.isnan(deviations)).astype(np.float64)
    deviations[np.isnan(deviations)] = 0.0
    count = remembered(block_sums(present, starts), starts)
    with np.errstate(divide="ignore", invalid="ignore"):
        typical = (remembered(block_sums(np.sqrt(deviations), starts), starts) / count) ** 2
        plain = remembered(block_sums(deviations, starts), starts) / count
        clip = CLIP * np.maximum(typical, plain / CLIP)
        clip[count == 0] = np.inf
        clipped = np.minimum(deviations, held(clip, starts, columns))
        lasting = remembered(block_sums(clipped, starts), starts) / count
        lasting = np.maximum(lasting, plain / 4) * (1 + SMALL_SAMPLE / count)
    lasting = held(np.nan_to_num(lasting, nan=0.0, posinf=0.0), starts, columns)
    recent = window_means(clipped, present, RECENT_COLUMNS)
    recent = np.where(np.isnan(recent), lasting, recent)
    return np.maximum((lasting + recent) / 2, ROUNDING * magnitude)
