"""Samples on a regular grid: every slot one step apart, NaN where nothing was sampled."""

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

SECONDS_PER_DAY = 86_400.0
STEP_SAMPLES = 64
LONGEST_GAP_SLOTS = 20_160
MAGNITUDE_LIMIT = 1e150


def matrix(values: npt.ArrayLike) -> Matrix:
    """Return values as a finite-or-NaN float64 matrix.

    values: (S, T) or (T,) of any real type; infinities and magnitudes whose square overflows become missing.
    """
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if array.ndim != 2:
        raise ValueError(f"values must have the shape (series, time), not {array.shape}")
    # The extremes of a matrix with a NaN are NaN.
    if array.size == 0 or (array.max() < MAGNITUDE_LIMIT and array.min() > -MAGNITUDE_LIMIT):
        return array
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(array) < MAGNITUDE_LIMIT, array, np.nan)


class Grid:
    """Where each sample lies on a regular grid whose step is the median of the first intervals."""

    def __init__(self, times: npt.ArrayLike) -> None:
        stamps = np.asarray(times, dtype=np.float64).reshape(-1)
        if stamps.size and not np.isfinite(stamps).all():
            raise ValueError("times must be finite")
        intervals = np.diff(stamps)
        first = intervals[:STEP_SAMPLES]
        positive = first[first > 0]
        self.step = float(np.median(positive)) if positive.size else 1.0
        slots = np.zeros(stamps.size, dtype=np.int64)
        # A rounded interval each, not a rounded offset from the start: jitter must not merge two samples.
        np.cumsum(np.clip(np.rint(intervals / self.step), 1, LONGEST_GAP_SLOTS).astype(np.int64), out=slots[1:])
        if stamps.size and slots[-1] > 8 * stamps.size + LONGEST_GAP_SLOTS:
            slots = np.arange(stamps.size)
        self.slots: Indices = slots
        self.size = int(slots[-1]) + 1 if stamps.size else 0
        self.gapless = self.size == stamps.size

    def spread(self, values: Matrix, size: int | None = None) -> Matrix:
        """Return the samples (S, T), or the first of them, at their slots (S, size), NaN elsewhere."""
        if self.gapless:
            return values
        spread = np.full((values.shape[0], self.size if size is None else size), np.nan)
        spread[:, self.slots[: values.shape[1]]] = values
        return spread


def carried_forward(values: Matrix) -> Matrix:
    """Return values with each gap filled by the last value before it, and a leading gap by the first value.

    values: (S, N); a series without any value becomes zeros.
    """
    present = ~np.isnan(values)
    if present.all():
        return values
    positions = np.where(present, np.arange(values.shape[1]), 0)
    np.maximum.accumulate(positions, axis=1, out=positions)
    filled = np.take_along_axis(values, positions, axis=1)
    first = np.take_along_axis(values, present.argmax(axis=1)[:, None], axis=1)
    filled = np.where(np.isnan(filled), first, filled)
    return np.nan_to_num(filled, nan=0.0)
