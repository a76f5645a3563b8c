"""Autoregressions over chosen lags: fitted to many series at once, continued step by step."""

from collections.abc import Sequence

import numpy as np

from .grid import Matrix

RIDGE = 3e-4
REWEIGHTINGS = 2
HUBER = 2.0
OVERSHOOT = 0.5


def fitted_weights(series: Matrix, lags: Sequence[int]) -> Matrix:
    """Return each series' weights (S, lags + 1), the last one the constant, by robust ridge regression.

    series: (S, N), standardised. Source: iteratively reweighted least squares with Huber's weights (Robust
    Statistics, 1981); the ridge decides between lags that say the same.
    """
    columns = series.shape[1]
    longest = max(lags)
    rows = columns - longest
    design = np.ones((len(series), rows, len(lags) + 1))
    for place, lag in enumerate(lags):
        design[:, :, place] = series[:, longest - lag : columns - lag]
    truth = series[:, longest:, None]
    ridge = RIDGE * columns * 4 * np.eye(len(lags) + 1)
    trust = np.ones((len(series), rows, 1))
    weights = np.zeros((len(series), len(lags) + 1, 1))
    for _ in range(REWEIGHTINGS + 1):
        weighted = (design * trust).transpose(0, 2, 1)
        weights = np.linalg.solve(weighted @ design + ridge, weighted @ truth)
        left = np.abs(truth - design @ weights)
        usual = HUBER * 1.4826 * np.median(left, axis=1, keepdims=True) + 1e-9
        trust = 1 / np.maximum(1.0, left / usual)
    result: Matrix = weights[:, :, 0]
    return result


def continued(weights: Matrix, lags: Sequence[int], recent: Matrix, horizon: int) -> Matrix:
    """Return the next samples (S, K, horizon) after each of K stretches of recent ones (S, K, M).

    weights: (S, lags + 1). What leaves the range seen so far by more than half of it is held there.
    """
    series, stretches, columns = recent.shape
    path = np.empty((columns + horizon, series, stretches))
    path[:columns] = recent.transpose(2, 0, 1)
    low, high = recent.min(axis=2), recent.max(axis=2)
    room = OVERSHOOT * (high - low)
    low, high = low - room, high + room
    back = np.array(lags)
    by_lag, constant = np.ascontiguousarray(weights[:, :-1].T), weights[:, -1:]
    for step in range(columns, columns + horizon):
        value = path[step]
        np.einsum("lsk,ls->sk", path[step - back], by_lag, out=value)
        value += constant
        np.maximum(value, low, out=value)
        np.minimum(value, high, out=value)
    result: Matrix = np.ascontiguousarray(path[columns:].transpose(1, 2, 0))
    return result
