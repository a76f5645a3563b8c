"""Autoregressions over chosen lags: fitted to many series at once, continued block by block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from .grid import Matrix

RIDGE = 3e-4
REWEIGHTINGS = 1
HUBER = 2.0
OVERSHOOT = 0.5
MOST_ROWS = 900
BLOCK = 32
SAMPLED = 3


@dataclass(frozen=True, slots=True)
class Autoregression:
    """An autoregression of each series: weights (S, lags), constant (S,), lags, and how a jolt spreads in a block."""

    weights: Matrix
    constant: Matrix
    lags: Sequence[int]
    spread: Matrix

    @classmethod
    def fitted(cls, series: Matrix, lags: Sequence[int]) -> Self:
        """Fit each series by robust ridge regression.

        series: (S, N), standardised. Source: iteratively reweighted least squares with Huber's weights (Robust
        Statistics, 1981); the ridge decides between lags that say the same.
        """
        columns, longest = series.shape[1], max(lags)
        rows = columns - longest
        # Every second sample, or third, of a long past tells as much.
        each = -(-rows // MOST_ROWS)
        design = np.ones((len(series), len(lags) + 1, -(-rows // each)))
        for place, lag in enumerate(lags):
            design[:, place] = series[:, longest - lag : columns - lag : each]
        truth = series[:, longest::each]
        ridge = RIDGE * columns / each * 4 * np.eye(len(lags) + 1)
        weighted = design
        weights = np.zeros((len(series), len(lags) + 1, 1))
        for repetition in range(REWEIGHTINGS + 1):
            if repetition:
                left = np.abs(truth - (weights.transpose(0, 2, 1) @ design)[:, 0])
                # Sorted, as it is quicker here than numpy's median.
                some = np.sort(left[:, ::SAMPLED], axis=1)
                usual = HUBER * 1.4826 * some[:, some.shape[1] // 2, None] + 1e-9
                weighted = design * (usual / np.maximum(left, usual))[:, None]
            weights = np.linalg.solve(weighted @ design.transpose(0, 2, 1) + ridge, weighted @ truth[:, :, None])
        return cls(weights[:, :-1, 0], weights[:, -1, 0], lags, spread(weights[:, :-1, 0], lags))

    def continued(self, recent: Matrix, horizon: int) -> Matrix:
        """Return the next samples (S, K, horizon) after each of K stretches of recent ones (S, K, M).

        A block of samples at a time: each is what the samples before the block give it, and the responses to what
        they give those before it in the block. What leaves the range seen so far by more than half of it is held
        there.
        """
        series, stretches, columns = recent.shape
        low, high = recent.min(axis=2, keepdims=True), recent.max(axis=2, keepdims=True)
        room = OVERSHOOT * (high - low)
        low, high = low - room, high + room
        reach = max(self.lags)
        path = np.zeros((series, stretches, reach + horizon))
        path[:, :, :reach] = recent[:, :, columns - reach :]
        for start in range(reach, reach + horizon, BLOCK):
            size = min(BLOCK, reach + horizon - start)
            given = np.empty((series, stretches, size))
            given[:] = self.constant[:, None, None]
            for place, lag in enumerate(self.lags):
                given += self.weights[:, place, None, None] * path[:, :, start - lag : start - lag + size]
            ahead = path[:, :, start : start + size]
            np.minimum(given @ self.spread[:, :size, :size], high, out=ahead)
            np.maximum(ahead, low, out=ahead)
        return path[:, :, reach:]


def spread(weights: Matrix, lags: Sequence[int]) -> Matrix:
    """Return what a jolt to each sample of a block (rows) does to each sample of it (S, BLOCK, BLOCK)."""
    response = np.zeros((len(weights), BLOCK))
    response[:, 0] = 1.0
    direct = np.zeros_like(response)
    for place, lag in enumerate(lags):
        if lag < BLOCK:
            direct[:, BLOCK - lag] = weights[:, place]
    for step in range(1, BLOCK):
        response[:, step] = (direct[:, BLOCK - step :] * response[:, :step]).sum(axis=1)
    after = np.arange(BLOCK) - np.arange(BLOCK)[:, None]
    result: Matrix = np.where(after >= 0, response[:, np.abs(after)], 0.0)
    return result
