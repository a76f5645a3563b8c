"""Likely causes: which components moved with, or before, the one that failed."""

import numpy as np
import numpy.typing as npt

from .grid import matrix

FLOOR = 0.05


def rank_causes(times: npt.ArrayLike, values: npt.ArrayLike, target: int, at: float) -> list[int]:
    """Return the components' indices, the most likely cause of the target's change first, the target last.

    times: (T,) unix seconds; values: (C, T) one signal per component or (C, M, T) several, NaN where missing;
    target: the component that was seen to fail; at: when, unix seconds. A component scores by how far its samples
    from `at` on lie from its own earlier ones, in robust deviations. Source: the non-parametric tests of
    Pham et al., BARO (FSE 2024), which rank by the same robust scaling.
    """
    array = np.asarray(values, dtype=np.float64)
    stamps = np.asarray(times, dtype=np.float64).reshape(-1)
    if array.ndim == 2:
        array = array[:, None, :]
    if array.ndim != 3 or array.shape[2] != stamps.size:
        raise ValueError("values must have the shape (components, time) or (components, signals, time)")
    components, signals, columns = array.shape
    if not 0 <= target < components:
        raise ValueError(f"target must be a component's index below {components}, not {target}")
    samples = matrix(array.reshape(components * signals, columns))
    before, after = samples[:, stamps < at], samples[:, stamps >= at]
    score = np.zeros(components * signals)
    for row in range(components * signals):
        past, now = before[row][~np.isnan(before[row])], after[row][~np.isnan(after[row])]
        if past.size == 0 or now.size == 0:
            continue
        middle = np.median(past)
        spread = np.quantile(past, 0.75) - np.quantile(past, 0.25)
        floor = FLOOR * max(float(np.abs(past).max()), float(np.abs(now).max()))
        score[row] = np.abs(now - middle).max() / (spread + floor) if spread + floor > 0 else 0.0
    best = score.reshape(components, signals).max(axis=1)
    best[target] = -1.0
    return [int(component) for component in np.argsort(-best, kind="stable")]
