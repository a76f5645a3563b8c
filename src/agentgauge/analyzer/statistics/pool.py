"""The forecast's pool: a few autoregressions and repeated seasons, of which the median speaks."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy import special

from .autoregression import continued, fitted_weights
from .grid import Matrix

MOST_ORIGINS, FEWEST_ORIGINS = 12, 4
BACKTESTED_STEPS = 576
FIT_SEASONS = 6
RETURN_SEASONS = 1.4
OPTIMISM = 1.3
LARGEST_FACTOR = 1.0
Member = Callable[[Matrix, int], Matrix]


def lag_sets(seasons: Sequence[int], columns: int) -> list[list[int]]:
    """Return the lags of each autoregression that `columns` samples can support, the richest first."""
    short = [1, 2, 3]
    sets: list[set[int]] = []
    if seasons:
        day, week = seasons[0], seasons[-1]
        near = {1, 2, 3, day - 1, day, day + 1, 2 * day}
        if week > day:
            sets.append(near | {week - day, week - 1, week, week + 1, week + day, 2 * week})
            sets.append({1, 2, day, day + 1, week, week + 1})
        else:
            sets.append({1, 2, day, day + 1})
        sets.append(near | {3 * day})
    else:
        sets += [{1}, set(short)]
    supported = [sorted(lag for lag in lags if lag > 0) for lags in sets]
    return [lags for lags in supported if columns - lags[-1] >= max(3 * len(lags), lags[-1] // 4, 8)]


def repeated_season(season: int, cycles: int, window: int, recent: Matrix, horizon: int) -> Matrix:
    """Return the mean of the last cycles of a season, off by as much as the last window was, fading.

    recent: (S, K, M) with M >= cycles * season + window.
    """
    columns = recent.shape[2]
    ahead = np.arange(horizon) % season
    shape = np.zeros((*recent.shape[:2], horizon))
    before = np.zeros((*recent.shape[:2], window))
    for cycle in range(1, cycles + 1):
        shape += recent[:, :, columns - cycle * season + ahead]
        before += recent[:, :, columns - cycle * season - window : columns - cycle * season]
    gap = (recent[:, :, columns - window :] - before / cycles).mean(axis=2, keepdims=True)
    fading = np.exp(-np.arange(1, horizon + 1) / (RETURN_SEASONS * max(window, 4)))
    result: Matrix = shape / cycles + gap * fading
    return result


def levels(recent: Matrix, horizon: int) -> list[Matrix]:
    """Return the forecasts of a series without a season: the last value, with half its drift, and a smoothed level."""
    columns = recent.shape[2]
    flat = np.ones(horizon)
    last = recent[:, :, -1:]
    drift = (last - recent[:, :, :1]) / max(columns - 1, 1)
    share = 0.7 ** np.arange(columns - 1, -1, -1)
    smooth = (recent * (share / share.sum())).sum(axis=2, keepdims=True)
    return [last * flat, last + drift * np.arange(1, horizon + 1) / 2, smooth * flat]


def level_of(place: int, recent: Matrix, horizon: int) -> Matrix:
    """Return one of the three forecasts without a season."""
    return levels(recent, horizon)[place]


def pool_members(series: Matrix, seasons: Sequence[int]) -> tuple[list[Member], int]:
    """Return the members, fitted to standardised series (S, N), and how many recent samples they need."""
    columns = series.shape[1]
    members: list[Member] = []
    reach = 1
    lasting = seasons[-1] if seasons else 0
    fit = series[:, -max(FIT_SEASONS * lasting, 500) :]
    for lags in lag_sets(seasons, fit.shape[1]):
        weights = fitted_weights(fit, lags)
        members.append(partial(continued, weights, lags))
        reach = max(reach, lags[-1])
    for cycles in (2, 3):
        window = seasons[0] if seasons else 0
        if seasons and columns >= cycles * lasting + window:
            members.append(partial(repeated_season, lasting, cycles, window))
            reach = max(reach, cycles * lasting + window)
    if not seasons:
        reach = max(reach, min(columns, 60))
        members += [partial(level_of, place) for place in range(3)]
    return members, min(reach, columns)


def pool_forecasts(
    filled: Matrix, horizon: int, seasons: Sequence[int], level: float, positive: bool
) -> tuple[Matrix, Matrix, Matrix]:
    """Return mean, lower and upper (S, horizon).

    filled: (S, N) without NaN; seasons: columns, ascending; positive: whether to forecast logarithms. The median of a
    pool is the M4 competition's lesson (Makridakis et al. 2020); the interval is the quantile of the pool's own errors
    from earlier origins, at each step in proportion to their usual size there (split conformal, Lei et al. 2018).
    """
    columns = filled.shape[1]
    worked = np.log(filled) if positive else filled
    middle = worked.mean(axis=1, keepdims=True)
    spread = worked.std(axis=1, keepdims=True)
    spread = np.where(spread > 1e-12 * np.abs(middle), spread, 0.0)
    series = np.divide(worked - middle, spread, out=np.zeros_like(filled), where=spread > 0)
    members, reach = pool_members(series, seasons)
    span = max(min(horizon, (columns - reach) // 2), 0)
    count = min(max(BACKTESTED_STEPS // max(span, 1), FEWEST_ORIGINS), MOST_ORIGINS)
    spacing = max((columns - reach - span) // count, 1)
    origins = [columns, *range(columns - span, reach - 1, -spacing)][: count + 1] if span else [columns]
    recent = np.stack([series[:, origin - reach : origin] for origin in origins], axis=1)
    mean = middle + spread * np.median([member(recent[:, :1], horizon) for member in members], axis=0)[:, 0]
    steps = np.arange(1, horizon + 1)
    if len(origins) > 1:
        past = np.median([member(recent[:, 1:], span) for member in members], axis=0)
        truth = np.stack([series[:, origin : origin + span] for origin in origins[1:]], axis=1)
        width = spread * interval_width(np.abs(past - truth), horizon, level)
    else:
        change = (
            np.abs(np.diff(worked, axis=1)).mean(axis=1, keepdims=True) if columns > 1 else np.zeros((len(filled), 1))
        )
        width = float(special.ndtri((1 + level) / 2)) * 1.25 * change * np.sqrt(steps)
    if positive:
        # A factor can be any size downwards; upwards a long guess must not explode.
        return np.exp(mean), np.exp(mean - width), np.exp(mean + np.minimum(width, LARGEST_FACTOR))
    return mean, mean - width, mean + width


def interval_width(errors: Matrix, horizon: int, level: float) -> Matrix:
    """Return half the interval (S, horizon) from absolute errors (S, origins, span), span <= horizon."""
    series, _, span = errors.shape
    usual = np.sqrt((errors**2).mean(axis=1))
    # The usual size at a step is that of the steps around it too, and never less than before it by much.
    window = max(span // 12, 1)
    padded = np.pad(usual, ((0, 0), (window, window)), mode="edge")
    sums = np.cumsum(np.concatenate((np.zeros((series, 1)), padded), axis=1), axis=1)
    smooth = (sums[:, 2 * window + 1 :] - sums[:, : -2 * window - 1]) / (2 * window + 1)
    safe = np.where(smooth > 0, smooth, 1.0)
    quantile = np.quantile((errors / safe[:, None, :]).reshape(series, -1), level, axis=1)[:, None]
    steps = np.arange(1, horizon + 1)
    growth = np.sqrt(np.maximum(steps / span, 1.0))
    result: Matrix = OPTIMISM * quantile * smooth[:, np.minimum(steps, span) - 1] * growth
    return result
