"""Likely causes: which components moved, and moved as the one that failed did."""

import numpy as np
import numpy.typing as npt

from .grid import Matrix, matrix

Vector = npt.NDArray[np.float64]

FLOOR = 0.05
FEWEST_BEFORE = 12
COMPARED = 12
AGREEMENT_POWER = 2


def rank_causes(times: npt.ArrayLike, values: npt.ArrayLike, target: int, at: float) -> list[int]:
    """Return the components' indices, the most likely cause of the target's change first, the target last.

    times: (T,) unix seconds; values: (C, T) one signal per component or, less sure, (C, M, T) several, NaN where
    missing; target: the component that was seen to fail; at: when, unix seconds. For each signal a component scores
    by how far its samples from `at` on lie from its earlier ones on average, in interquartile ranges, times the square
    of their correlation with the target's around then, as a share of the largest. Raises ValueError where the shapes
    do not agree. Source: the robust scaling of BARO (Pham et al., FSE 2024), and the correlation with the symptom of
    MicroRCA (Wu et al., NOMS 2020).
    """
    array = np.asarray(values, dtype=np.float64)
    stamps = np.asarray(times, dtype=np.float64).reshape(-1)
    if array.ndim == 2:
        array = array[:, None, :]
    if array.ndim != 3 or array.shape[2] != stamps.size:
        raise ValueError("values must have the shape (components, time) or (components, signals, time)")
    components, signals, _ = array.shape
    if not 0 <= target < components:
        raise ValueError(f"target must be a component's index below {components}, not {target}")
    now = stamps >= at
    score = np.zeros(components)
    for signal in range(signals):
        samples = matrix(array[:, signal])
        moved = np.array([displacement(series, now) for series in samples])
        for component in np.flatnonzero(moved):
            moved[component] *= agreement(samples, int(component), target, now) ** AGREEMENT_POWER
        moved[target] = 0.0
        largest = moved.max()
        if largest > 0:
            score += moved / largest
    score[target] = -1.0
    return [int(component) for component in np.argsort(-score, kind="stable")]


def displacement(series: Vector, now: npt.NDArray[np.bool_]) -> float:
    """Return how far a series (T,) lies from its past on average since `now` (T,) is true, in interquartile ranges."""
    seen = ~np.isnan(series)
    past, recent = series[seen & ~now], series[seen & now]
    if past.size < FEWEST_BEFORE or recent.size == 0:
        return 0.0
    quarter, middle, three_quarters = np.quantile(past, [0.25, 0.5, 0.75])
    # A constant past has no range: a share of the largest value stands in for it.
    unit = three_quarters - quarter + FLOOR * max(float(np.abs(past).max()), float(np.abs(recent).max()))
    return float((np.abs(recent - middle) / unit).mean()) if unit > 0 else 0.0


def agreement(samples: Matrix, component: int, target: int, now: npt.NDArray[np.bool_]) -> float:
    """Return the correlation of a component with the target around the change, 0 where it is negative or unknown."""
    begins = int(np.argmax(now)) if now.any() else now.size
    around = slice(max(begins - COMPARED, 0), None)
    one, other = samples[component, around], samples[target, around]
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < 3:
        return 0.0
    one, other = one[both] - one[both].mean(), other[both] - other[both].mean()
    largest = np.abs(one).max(), np.abs(other).max()
    if min(largest) == 0.0:
        return 0.0
    one, other = one / largest[0], other / largest[1]
    return max(float(one @ other / np.sqrt((one @ one) * (other @ other))), 0.0)
