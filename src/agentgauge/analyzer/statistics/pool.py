"""The forecast's pool: a few autoregressions and repeated seasons, of which the median speaks."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import special

from .autoregression import Autoregression
from .grid import Matrix
from .levels import median_of_3, median_of_5

MOST_ORIGINS, FEWEST_ORIGINS = 24, 4
BACKTESTED_STEPS = 576
FIT_SEASONS = 6
RETURN_SEASONS = 1.4
REMEMBERED = 0.8
OPTIMISM = 1.05
UNTRIED = 1.25
LARGEST_FACTOR = 1.0
LONGEST_DRIFT = 60


class Member(NamedTuple):
    """One forecast of the pool: from recent samples (S, K, M) and a horizon, and how many samples it needs."""

    forecast: Callable[[Matrix, int], Matrix]
    reach: int


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


def pool_members(series: Matrix, seasons: Sequence[int]) -> list[Member]:
    """Return the members, fitted to standardised series (S, N); too short for any season, it has none."""
    columns = series.shape[1]
    lasting = seasons[-1] if seasons else 0
    fit = series[:, -max(FIT_SEASONS * lasting, 500) :]
    sets = lag_sets(seasons, fit.shape[1])
    members = [Member(Autoregression.fitted(fit, lags).continued, lags[-1]) for lags in sets]
    for cycles in (2, 3):
        window = seasons[0] if seasons else 0
        if seasons and columns >= cycles * lasting + window:
            members.append(Member(partial(repeated_season, lasting, cycles, window), cycles * lasting + window))
    if not seasons:
        reach = min(max(columns // 2, 1), LONGEST_DRIFT)
        members += [Member(partial(level_of, place), reach) for place in range(3)]
    return members or pool_members(series, ())


def median_of(forecasts: list[Matrix]) -> Matrix:
    """Return the elementwise median of several forecasts."""
    if len(forecasts) == 3:
        return median_of_3(*forecasts)
    if len(forecasts) == 5:
        return median_of_5(*forecasts)
    stacked = np.stack(forecasts)
    if len(forecasts) == 4:
        middle: Matrix = (stacked.sum(axis=0) - stacked.max(axis=0) - stacked.min(axis=0)) / 2
        return middle
    result: Matrix = np.median(stacked, axis=0)
    return result


def judged_by(members: list[Member], columns: int, span: int, step: int) -> list[Member]:
    """Return the members whose past errors tell the pool's: all that leave room for four origins, two at least."""
    fitting = [member for member in members if columns - member.reach >= span + FEWEST_ORIGINS * step]
    return fitting if len(fitting) > 1 else sorted(members, key=lambda member: member.reach)[:2]


def past_origins(columns: int, reach: int, horizon: int, step: int) -> tuple[list[int], int]:
    """Return the origins of earlier forecasts, the latest first, and how far each went, `horizon` at most.

    They lie whole seasons apart where there is one, so that a step is always the same time of its day.
    """
    span = max(min(horizon, (columns - reach) // 2), 0)
    if span == 0:
        return [], 0
    count = min(max(BACKTESTED_STEPS // span, FEWEST_ORIGINS), MOST_ORIGINS)
    spacing = max((columns - reach - span) // count // step, 1) * step
    return list(range(columns - span, reach - 1, -spacing)[:count]), span


def shares(origins: int) -> Matrix:
    """Return how much the errors of each origin (origins,) count, the latest first; the sum is one."""
    share = REMEMBERED ** np.arange(origins, dtype=np.float64)
    result: Matrix = share / share.sum()
    return result


def freedom(origins: Sequence[int], span: int) -> float:
    """Return how many origins the errors' size is really known from, and one: old ones fade, near ones overlap."""
    remembered = 1 / float((shares(len(origins)) ** 2).sum())
    apart = origins[0] - origins[1] if len(origins) > 1 else span
    return 1 + min(remembered, 1 + (len(origins) - 1) * min(1.0, apart / span))


def pool_forecasts(
    filled: Matrix, horizon: int, seasons: Sequence[int], level: float, positive: bool
) -> tuple[Matrix, Matrix, Matrix]:
    """Return mean, lower and upper (S, horizon).

    filled: (S, N) without NaN; seasons: columns, ascending; positive: whether to forecast logarithms. The median of a
    pool is the M4 competition's lesson (Makridakis et al. 2020); the interval is as wide as the pool's own errors from
    earlier origins at each step tell by Student's t, a little wider since these were fitted to.
    """
    columns = filled.shape[1]
    worked = np.log(filled) if positive else filled
    middle = worked.mean(axis=1, keepdims=True)
    spread = worked.std(axis=1, keepdims=True)
    spread = np.where(spread > 1e-12 * np.abs(middle), spread, 0.0)
    series = np.divide(worked - middle, spread, out=np.zeros_like(filled), where=spread > 0)
    members = pool_members(series, seasons)
    step = seasons[0] if seasons else 1
    judges = judged_by(members, columns, horizon, step)
    reach = min(max(member.reach for member in judges), columns)
    origins, span = past_origins(columns, reach, horizon, step)
    recent = np.stack([series[:, origin - reach : origin] for origin in (columns, *origins)], axis=1)
    paths = [member.forecast(recent, horizon) for member in judges]
    others = [member.forecast(series[:, None, -member.reach :], horizon) for member in members if member not in judges]
    mean = middle + spread * median_of([*(path[:, :1] for path in paths), *others])[:, 0]
    if origins:
        truth = np.stack([series[:, origin : origin + span] for origin in origins], axis=1)
        errors = median_of([path[:, 1:, :span] for path in paths]) - truth
        quantile = float(special.stdtrit(freedom(origins, span), (1 + level) / 2))
        width = OPTIMISM * quantile * spread * usual_errors(errors, horizon)
    else:
        change = np.abs(np.diff(worked, axis=1)).sum(axis=1, keepdims=True) / max(columns - 1, 1)
        width = float(special.ndtri((1 + level) / 2)) * UNTRIED * change * np.sqrt(np.arange(1, horizon + 1))
    if positive:
        # A factor can be any size downwards; upwards a long guess must not explode.
        return np.exp(mean), np.exp(mean - width), np.exp(mean + np.minimum(width, LARGEST_FACTOR))
    return mean, mean - width, mean + width


def usual_errors(errors: Matrix, horizon: int) -> Matrix:
    """Return the usual size (S, horizon) of errors (S, origins, span) at each step, span <= horizon.

    The root of their mean square, later origins counting more, at the steps around; beyond the span it grows as a
    random walk's does.
    """
    series, origins, span = errors.shape
    usual = np.sqrt(np.einsum("sot,o->st", errors**2, shares(origins)))
    window = max(span // 12, 1)
    padded = np.pad(usual, ((0, 0), (window, window)), mode="edge")
    sums = np.cumsum(np.concatenate((np.zeros((series, 1)), padded), axis=1), axis=1)
    smooth = (sums[:, 2 * window + 1 :] - sums[:, : -2 * window - 1]) / (2 * window + 1)
    steps = np.arange(1, horizon + 1)
    result: Matrix = smooth[:, np.minimum(steps, span) - 1] * np.sqrt(np.maximum(steps / span, 1.0))
    return result
