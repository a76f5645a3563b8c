"""Presence: which samples of some series are there, and so how much each block and column has learned from."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from .blocks import Blocks
from .grid import Indices, Matrix

RECENT_COLUMNS = 64


def window_sums(values: Matrix) -> Matrix:
    """Return the sum (..., N) of the 64 columns before each column, of those there are."""
    result = np.empty_like(values)
    # One vector of all series: the sums of 2, of 4, ... of 32 columns from two of half as many.
    sums = values.reshape(-1)
    width = 1
    while 2 * width < RECENT_COLUMNS:
        sums = sums[:-width] + sums[width:]
        width *= 2
    if sums.size > width:
        np.add(sums[: -width - 1], sums[width:-1], out=result.reshape(-1)[RECENT_COLUMNS:])
    # The first columns' windows reached into the series before.
    few = min(RECENT_COLUMNS, values.shape[-1])
    result[..., 0] = 0.0
    np.cumsum(values[..., : few - 1], axis=-1, out=result[..., 1:few])
    return result


class Presence:
    """Which samples (S, N) of some series are there.

    missing: (S, N), None where none is; present: 1 or 0, (S, N), or (1, N) for all; age: (S, N), or (1, N) for all,
    columns since a series' first sample.
    """

    def __init__(self, missing: npt.NDArray[np.bool_] | None, age: Indices, blocks: Blocks) -> None:
        self.missing = missing
        self.present = np.ones((1, age.shape[1])) if missing is None else (~missing).astype(np.float64)
        self._age = age
        self._blocks = blocks
        self._since: dict[int, tuple[Matrix, int, Matrix]] = {}

    @cached_property
    def counts(self) -> Matrix:
        """How many samples each block has learned from, older ones fading: (S, blocks), or (1, blocks) for all."""
        return self._blocks.learned(self.present)

    @cached_property
    def before(self) -> Matrix:
        """How many samples there are before each column: (S, N), or (1, N) for all."""
        return np.cumsum(self.present, axis=1) - self.present

    def since(self, begins: int) -> tuple[Matrix, int, Matrix]:
        """Return which samples of an age are there, 1 or 0, the first column with one, and the counts learned from."""
        if begins not in self._since:
            judged = self.present * (self._age >= begins)
            first = int((judged > 0).any(axis=0).argmax()) if judged.any() else judged.shape[1]
            self._since[begins] = judged, first, self._blocks.learned(judged)
        return self._since[begins]

    def means_of_last(self, values: Matrix) -> Matrix:
        """Return the mean of the samples (..., S, N), 0 where missing, in the 64 columns before each, 0 for none."""
        sums = window_sums(values)
        if self.missing is None:
            sums *= 1 / RECENT_COLUMNS
            few = np.arange(1, min(RECENT_COLUMNS, values.shape[-1]))
            sums[..., 1:RECENT_COLUMNS] *= RECENT_COLUMNS / few
        else:
            sums /= self._seen_lately
        return sums

    @cached_property
    def _seen_lately(self) -> Matrix:
        return np.maximum(window_sums(self.present), 1.0)
