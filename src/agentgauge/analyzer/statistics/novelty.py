"""Novelty: how unlike every earlier sample of its series a sample is, and how rare that is."""

from bisect import bisect_left, insort

import numpy as np
import numpy.typing as npt

from .grid import Matrix

Vector = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

WARM_UP = 16
QUIET_AFTER = 100
LARGEST = 1e6
ROUNDING = 1e-9
FEW = 5
LEAST_NOVELTY = 1e-3
COMMON_POWER = 0.75
RECORD_POWER = 0.25
TOGETHER = 3
TOGETHER_SHARE = 1 / 12


def nearest_earlier(series: Vector) -> Vector:
    """Return each value's distance to the nearest earlier one, infinite for the first.

    series: (N,) without NaN. In order of size the values form a chain; taken out of it from the latest back, each
    one's neighbours are then the nearest earlier values on either side.
    """
    size = series.size
    order = np.argsort(series, kind="stable")
    places = np.empty(size, dtype=np.int64)
    places[order] = np.arange(1, size + 1)
    before, after = list(range(-1, size + 1)), list(range(1, size + 3))
    for place in places[::-1].tolist():
        # What has been taken out keeps its own neighbours.
        left, right = before[place], after[place]
        after[left], before[right] = right, left
    chain = np.concatenate(([-np.inf], series[order], [np.inf]))
    result: Vector = np.minimum(series - chain[np.array(before)[places]], chain[np.array(after)[places]] - series)
    return result


def usual_distance(series: Vector) -> Vector:
    """Return the geometric mean (N - 1,) of range and standard deviation of the values before each but the first.

    Outliers widen a range in proportion, a standard deviation less: between them, heavy tails are neither ignored nor
    taken for the whole.
    """
    count = np.arange(1, series.size)
    spread = (np.maximum.accumulate(series) - np.minimum.accumulate(series))[:-1]
    centred = series[:-1] - series[0]
    mean = np.cumsum(centred) / count
    variance = np.cumsum(centred * centred) / count - mean * mean
    # No standard deviation is less than this for that range: what rounding left of a difference may be.
    deviation = np.maximum(np.sqrt(np.maximum(variance, 0.0)), spread / np.sqrt(2 * count))
    result: Vector = np.sqrt(spread) * np.sqrt(deviation)
    return result


def few_beyond(series: Vector) -> Vector:
    """Return how many earlier values (N,) lie beyond each on its rarer side, counted up to five."""
    counts = []
    for signed in (series, -series):
        count = np.zeros(series.size)
        rest = signed.copy()
        for _ in range(FEW):
            # The largest so far, then the largest of what it left: the second largest so far, and so on.
            largest = np.maximum.accumulate(rest)
            count[1:] += largest[:-1] > signed[1:]
            rest[1:] = np.minimum(rest[1:], largest[:-1])
            rest[0] = -np.inf
        counts.append(count)
    result: Vector = np.minimum(*counts)
    return result


def novelty_of(series: Vector) -> Vector:
    """Return the distance to the nearest earlier value over the usual one (N,), 0 for the first sixteen.

    Beyond a value in a gap that only n < 5 earlier ones lie past, nothing lies but outliers: it counts n fifths.
    """
    result = np.zeros(series.size)
    if series.size <= WARM_UP:
        return result
    distance = nearest_earlier(series)[WARM_UP:]
    distance[distance <= ROUNDING * np.abs(series[WARM_UP:])] = 0.0
    usual = usual_distance(series)[WARM_UP - 1 :]
    # What differs from a constant is as novel as its whole range.
    with np.errstate(over="ignore"):
        np.divide(distance, usual, out=distance, where=usual > 0)
    constant = usual == 0
    distance[constant] = distance[constant] > 0
    beyond = few_beyond(series)[WARM_UP:]
    result[WARM_UP:] = np.minimum(distance, LARGEST) * np.where(beyond > 0, beyond / FEW, 1.0)
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


def surprising(novelty: Vector) -> Vector:
    """Return the peaks of novelty (N,), each weighed by what its series has shown before.

    A peak is multiplied by the root of the number of samples so far, divided by the number of events at least as novel,
    itself among them, to the power of three quarters, and multiplied by the fourth root of its ratio to the largest
    before: where outliers are usual, one more says little.
    """
    events = peaks(novelty)
    at: Indices = np.flatnonzero(events)
    heights = events[at]
    larger = np.empty(at.size)
    seen: list[float] = []
    for place, height in enumerate(heights.tolist()):
        larger[place] = len(seen) - bisect_left(seen, height)
        insort(seen, height)
    largest = np.maximum.accumulate(np.concatenate(([LEAST_NOVELTY], heights)))[:-1]
    rarity = np.sqrt(at + 1) / (larger + 1) ** COMMON_POWER
    events[at] = heights * rarity * (heights / largest) ** RECORD_POWER
    return events


def scores_of(series: Vector) -> Vector:
    """Return the score (N,) of each value: that of itself, or a twelfth of that of the mean of the latest three."""
    if series.size <= WARM_UP:
        return np.zeros(series.size)
    together = series / TOGETHER
    for back in range(1, TOGETHER):
        together[back:] += series[:-back] / TOGETHER
    scores = surprising(novelty_of(series))
    lead = TOGETHER - 1
    np.maximum(scores[lead:], surprising(novelty_of(together[lead:])) * TOGETHER_SHARE, out=scores[lead:])
    return peaks(scores)


def novelties(values: Matrix) -> Matrix:
    """Return how novel each of values (S, T) is, once an event, comparable across series; 0 where missing.

    Source: the distance to the nearest neighbour among the past values, as the conformal KNN of Burnaev and Ishimtsev
    (Conformalized density- and distance-based anomaly detection, 2016) with one neighbour and one dimension, and its
    conformal p-value among the events of its own series.
    """
    result = np.zeros_like(values)
    for series, row in zip(values, result, strict=True):
        present = ~np.isnan(series)
        row[present] = scores_of(series[present])
    return result
