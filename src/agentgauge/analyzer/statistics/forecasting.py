"""Forecasts: the mean and an interval for each of the next samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .grid import Matrix, carried_forward, matrix
from .pool import pool_forecasts
from .season import season_lengths


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of each series: mean and the interval's ends, each (S, horizon)."""

    mean: Matrix
    lower: Matrix
    upper: Matrix


def forecast(values: npt.ArrayLike, horizon: int, *, seasons: Sequence[int] = (), level: float = 0.95) -> Forecast:
    """Forecast each series from its samples alone.

    values: (S, T), NaN where missing; horizon: samples ahead; seasons: samples per season, shortest first, found
    where none is given; level: the interval's coverage. Raises ValueError for a horizon below one or a level
    outside (0, 1).
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, not {horizon}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    samples = matrix(values)
    shape = (len(samples), horizon)
    result = Forecast(np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan))
    known: npt.NDArray[np.bool_] = np.any(~np.isnan(samples), axis=1)
    if not known.any():
        return result
    filled = carried_forward(samples)
    lengths = [tuple(seasons)] * len(samples) if seasons else [(one,) if one else () for one in season_lengths(filled)]
    for chosen in sorted(set(lengths)):
        rows = np.array([row for row, length in enumerate(lengths) if length == chosen and known[row]], dtype=np.intp)
        if rows.size:
            mean, low, high = pool_forecasts(filled[rows], horizon, chosen, level)
            result.mean[rows], result.lower[rows], result.upper[rows] = mean, low, high
    return result
