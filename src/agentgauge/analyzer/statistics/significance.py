"""Which p-values make an anomaly: across series, over time, and for how long."""

import numpy as np
import numpy.typing as npt

from .grid import Matrix, carried_forward

Flags = npt.NDArray[np.bool_]

FALSE_ALARM_RATE = 10**-3.7
ALONE_AFTER = 512
RESTLESS_AFTER = 96
BEYOND_DOUBT = 1e-6


def false_discoveries_controlled(pvalues: Matrix, rate: float) -> Flags:
    """Return which p-values (S, N) are significant among those of their column, NaN never.

    Source: Benjamini and Hochberg, Controlling the False Discovery Rate (JRSS B 1995).
    """
    significant = np.zeros(pvalues.shape, dtype=np.bool_)
    columns = np.flatnonzero((pvalues <= rate).any(axis=0))
    if columns.size == 0:
        return significant
    candidates = np.where(np.isnan(pvalues[:, columns]), np.inf, pvalues[:, columns])
    ordered = np.sort(candidates, axis=0)
    tests = np.maximum((~np.isinf(candidates)).sum(axis=0), 1)
    steps = rate * np.arange(1, len(ordered) + 1)[:, None] / tests
    largest = np.where(ordered <= steps, ordered, -1.0).max(axis=0)
    significant[:, columns] = candidates <= largest
    return significant


def debounced(significant: Flags, values: Matrix, pvalues: Matrix, earlier: npt.NDArray[np.int64]) -> Flags:
    """Return which significant samples (S, T) stand: each of a long series, of a short one those that repeat.

    values, pvalues: (S, T), NaN where missing; earlier: (S,) how many samples a series had before. Fewer than 512
    cannot show that one of them is one in thousands, so there one of the two samples before must be significant too,
    unless the sample is beyond doubt and its series one that usually moves: of one that mostly rests, such as a count
    of rare events, nothing is known about how far it goes when it does.
    """
    present = ~np.isnan(values)
    latest = carried_forward(np.where(present, significant, np.nan))
    again = np.zeros_like(significant)
    again[:, 1:] = latest[:, :-1] > 0
    again[:, 2:] |= latest[:, :-2] > 0
    seen = np.cumsum(present, axis=1) + earlier[:, None]
    steady = carried_forward(values)
    moves = np.cumsum(steady != np.concatenate((steady[:, :1], steady[:, :-1]), axis=1), axis=1)
    restless = (2 * moves > np.cumsum(present, axis=1)) & (seen > RESTLESS_AFTER)
    with np.errstate(invalid="ignore"):
        alone = restless & (pvalues <= BEYOND_DOUBT)
    return significant & (again | alone | (seen > ALONE_AFTER))


def sustained(onsets: Flags, far: Flags) -> Flags:
    """Return onsets (S, T) and the samples after each for as long as they stay far (S, T) from the slow baseline."""
    columns = np.arange(onsets.shape[1])
    latest_onset = np.maximum.accumulate(np.where(onsets, columns, -1), axis=1)
    latest_return = np.maximum.accumulate(np.where(far | onsets, -1, columns), axis=1)
    return latest_onset > latest_return
