"""A pool of forecasters, weighted by how each would have done from earlier origins."""

from collections.abc import Sequence

import numpy as np
from scipy import special

from .grid import Matrix

ORIGINS = 4
WEIGHT_POWER = 2
CYCLES = 4


def seasonal_profile(past: Matrix, season: int, horizon: int) -> tuple[Matrix, Matrix]:
    """Return the mean shape of the last seasons, continued (S, horizon), and the level left (S, N)."""
    columns = past.shape[1]
    cycles = min(columns // season, CYCLES)
    block = past[:, columns - cycles * season :].reshape(len(past), cycles, season)
    shape = np.median(block - block.mean(axis=2, keepdims=True), axis=1)
    ahead = np.resize(np.arange(season), horizon)
    phase = (np.arange(columns) - columns) % season
    return shape[:, ahead], past - shape[:, phase]


def smoothed_level(series: Matrix, span: int) -> Matrix:
    """Return the exponentially weighted mean (S, 1) of each series' last columns."""
    weights = (1 - 2 / (span + 1)) ** np.arange(series.shape[1] - 1, -1, -1)
    result: Matrix = (series @ weights / weights.sum())[:, None]
    return result


def members(past: Matrix, horizon: int, seasons: Sequence[int]) -> list[Matrix]:
    """Return each member's forecast (S, horizon) from past (S, N)."""
    columns = past.shape[1]
    steps = np.arange(1, horizon + 1)
    drift = (past[:, -1:] - past[:, :1]) / max(columns - 1, 1)
    found = [np.repeat(past[:, -1:], horizon, axis=1), past[:, -1:] + drift * steps]
    found += [np.repeat(smoothed_level(past, span), horizon, axis=1) for span in (3, 10, 40)]
    for season in seasons:
        if columns < 2 * season:
            continue
        found.append(past[:, columns - season + np.arange(horizon) % season])
        shape, left = seasonal_profile(past, season, horizon)
        found += [shape + smoothed_level(left, span) for span in (1, season // 2 + 1, 2 * season)]
    return found


def pool_forecasts(filled: Matrix, horizon: int, seasons: Sequence[int], level: float) -> tuple[Matrix, Matrix, Matrix]:
    """Return mean, lower and upper (S, horizon).

    filled: (S, N) without NaN. Weights are inverse squared errors from up to four earlier origins; the interval is the
    quantile of the pool's own errors there (split conformal, Lei et al. 2018), growing with the horizon as they do.
    """
    columns = filled.shape[1]
    scale = np.abs(filled).max(axis=1, keepdims=True)
    series = filled / np.where(scale > 0, scale, 1.0)
    forecasts = np.stack(members(series, horizon, seasons))
    span = min(horizon, max(columns // 4, 1))
    longest = max((season for season in seasons if columns - span >= 2 * season), default=0)
    origins = [columns - span * back for back in range(1, ORIGINS + 1) if columns - span * back >= max(2 * longest, 3)]
    if not origins:
        spread = np.abs(np.diff(series, axis=1)).mean(axis=1, keepdims=True) if columns > 1 else np.zeros_like(scale)
        width = float(special.ndtri((1 + level) / 2)) * 1.25 * spread * np.sqrt(np.arange(1, horizon + 1))
        mean = forecasts.mean(axis=0)
        return mean * scale, (mean - width) * scale, (mean + width) * scale
    backtests = [np.stack(members(series[:, :origin], span, seasons)) for origin in origins]
    usable = min(len(backtests[-1]), len(forecasts))
    actual = [series[:, None, origin : origin + span].swapaxes(0, 1) for origin in origins]
    errors = [test[:usable] - truth for test, truth in zip(backtests, actual, strict=True)]
    typical = np.mean([np.abs(error).mean(axis=2) for error in errors], axis=0)
    best = typical.min(axis=0)
    weights = np.where(typical <= best, 1.0, best / np.maximum(typical, 1e-300)) ** WEIGHT_POWER
    weights /= weights.sum(axis=0)
    mean = (weights[:, :, None] * forecasts[:usable]).sum(axis=0)
    pooled = np.abs(np.stack([(weights[:, :, None] * error).sum(axis=0) for error in errors], axis=1))
    wide = np.quantile(pooled.reshape(len(series), -1), level, axis=1)[:, None]
    growth = np.sqrt(np.arange(1, horizon + 1) / span)
    width = wide * np.maximum(growth, 0.5)
    return mean * scale, (mean - width) * scale, (mean + width) * scale
