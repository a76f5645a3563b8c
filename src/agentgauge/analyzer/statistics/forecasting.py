"""Forecasts: the mean and an interval for each of the next samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .grid import Matrix, carried_forward, matrix
from .pool import pool_forecasts
from .season import season_lengths

DAYS = 7
LEAST_OF_MEDIAN = 0.01
SAMPLED = 256
CHUNK_SAMPLES = 32_768


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of each series: mean and the interval's ends, each (S, horizon)."""

    mean: Matrix
    lower: Matrix
    upper: Matrix


def multiplicative(filled: Matrix) -> npt.NDArray[np.bool_]:
    """Return which series (S, N) are well above zero, where noise and seasons go with the level."""
    lowest = filled.min(axis=1)
    result: npt.NDArray[np.bool_] = lowest > 0
    if result.any():
        some = np.sort(filled[:, :: max(filled.shape[1] // SAMPLED, 1)], axis=1)
        result &= lowest > LEAST_OF_MEDIAN * some[:, some.shape[1] // 2]
    return result


def with_week(seasons: Sequence[int], columns: int) -> tuple[int, ...]:
    """Return the seasons, ascending, and seven of a lone one where three such weeks have been seen."""
    lengths = sorted({int(season) for season in seasons if 2 <= season <= columns // 2})
    if len(lengths) == 1 and columns >= 3 * DAYS * lengths[0]:
        lengths.append(DAYS * lengths[0])
    return tuple(lengths)


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
    columns = samples.shape[1]
    if seasons:
        lengths = [with_week(seasons, columns)] * len(samples)
    else:
        lengths = [with_week((one,), columns) for one in season_lengths(filled, settled=True)]
    for chosen in sorted(set(lengths)):
        rows = np.array([row for row, length in enumerate(lengths) if length == chosen and known[row]], dtype=np.intp)
        if rows.size:
            for positive in (False, True):
                same = rows[multiplicative(filled[rows]) == positive]
                # As many at once as stay in the processor's cache.
                for part in np.array_split(same, -(-same.size * columns // CHUNK_SAMPLES)) if same.size else []:
                    ahead = pool_forecasts(filled[part], horizon, chosen, level, positive)
                    result.mean[part], result.lower[part], result.upper[part] = ahead
    return result
