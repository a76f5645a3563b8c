"""How far a series usually lies from its expected value."""

import numpy as np

from .blocks import Blocks
from .grid import Matrix
from .presence import Presence

CLIP = 8.0
LEAST_OF_MEAN = 0.25
ROUNDING = 1e-9
SMALL_SAMPLE = 20.0


def usual_deviation(deviations: Matrix, presence: Presence, magnitude: Matrix, blocks: Blocks) -> Matrix:
    """Return the usual absolute residual (..., S, N) at each column, from the columns before it.

    deviations: (..., S, N) absolute residuals, 0 where missing; magnitude: (..., S, N) the expected value, whose
    rounding is the floor. Half of it is remembered over weeks and half over the last 64 columns, so that a noisy hour
    widens the band without forgetting; both are means of deviations clipped at eight times the typical one, so that an
    outage is not learned.
    """
    seen = presence.counts
    count = np.maximum(seen, 1.0)
    typical = (blocks.learned(np.sqrt(deviations)) / count) ** 2
    plain = blocks.learned(deviations) / count
    clip = np.where(seen > 0, CLIP * np.maximum(typical, plain / CLIP), np.inf)
    clipped = blocks.held(clip)
    np.minimum(deviations, clipped, out=clipped)
    lasting = np.maximum(blocks.learned(clipped) / count, LEAST_OF_MEAN * plain) * (1 + SMALL_SAMPLE / count)
    usual = presence.means_of_last(clipped)
    usual += blocks.held(lasting)
    usual *= 0.5
    floor = np.abs(magnitude, out=clipped)
    floor *= ROUNDING
    return np.maximum(usual, floor, out=usual)
