"""Novelty: how far a value lies from every earlier value of its series."""

import numpy as np
import numpy.typing as npt

from .grid import Matrix

Vector = npt.NDArray[np.float64]

WARM_UP = 12
QUIET_AFTER = 100
LARGEST = 1e6


def nearest_earlier(series: Vector) -> Vector:
    """Return each value's distance to the nearest earlier one, infinite for the first.

    series: (N,) without NaN. In order of size the values form a chain; taken out of it from the latest back, each
    one's neighbours are then the nearest earlier values on either side.
    """
    size = series.size
    order = np.argsort(series, kind="stable")
    places = np.empty(size, dtype=np.intp)
    places[order] = np.arange(size)
    chain = [np.inf, *series[order].tolist(), np.inf]
    before, after = list(range(-1, size + 1)), list(range(1, size + 3))
    distance = np.empty(size)
    for point in range(size - 1, -1, -1):
        place = int(places[point]) + 1
        left, right = before[place], after[place]
        value = chain[place]
        distance[point] = min(abs(value - chain[left]), abs(chain[right] - value))
        after[left], before[right] = right, left
    return distance


def novelty_of(series: Vector) -> Vector:
    """Return the distance to the nearest earlier value over the range of the earlier ones, 0 for the first twelve."""
    result = np.zeros(series.size)
    if series.size <= WARM_UP:
        return result
    seen = np.maximum.accumulate(series) - np.minimum.accumulate(series)
    distance = nearest_earlier(series)[WARM_UP:]
    before = seen[WARM_UP - 1 : -1]
    # What differs from a constant is as novel as can be.
    with np.errstate(over="ignore"):
        np.divide(distance, before, out=distance, where=before > 0)
    constant = before == 0
    distance[constant] = distance[constant] > 0
    result[WARM_UP:] = np.minimum(distance, LARGEST)
    return result


def peaks(scores: Vector) -> Vector:
    """Return scores where they exceed those of the hundred points before, else 0: one event is told once."""
    highest = np.zeros(scores.size)
    reach = scores[:-1].copy()
    width = 1
    while width < QUIET_AFTER and reach.size:
        step = min(width, QUIET_AFTER - width)
        reach[step:] = np.maximum(reach[step:], reach[:-step].copy())
        width += step
    highest[1:] = reach
    return np.where(scores > highest, scores, 0.0)


def novelties(values: Matrix) -> Matrix:
    """Return the peaks of novelty (S, T) of values (S, T), 0 where missing.

    Source: the distance to the nearest neighbour among the past values, as the conformal KNN of Burnaev and Ishimtsev
    (Conformalized density- and distance-based anomaly detection, 2016) with one neighbour and one dimension.
    """
    result = np.zeros_like(values)
    for series, row in zip(values, result, strict=True):
        present = ~np.isnan(series)
        row[present] = peaks(novelty_of(series[present]))
    return result
