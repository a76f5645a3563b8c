"""Blocks of columns: what a block is judged with was learned from the blocks before it."""

import numpy as np
import numpy.typing as npt

from .grid import Indices, Matrix

FIRST_BLOCKS = (12, 24, 36, 48, 72, 96, 144, 192, 288, 384, 576, 768)
BLOCK_COLUMNS = 512
MEMORY_COLUMNS = 16_384
LARGEST_EXPONENT = 600.0


class Blocks:
    """The blocks of a number of columns: short ones at first, then one every 512 columns."""

    def __init__(self, columns: int) -> None:
        later = np.arange(FIRST_BLOCKS[-1] + BLOCK_COLUMNS, columns, BLOCK_COLUMNS)
        starts = np.concatenate(([0], FIRST_BLOCKS, later))
        self.starts: Indices = starts[starts < columns]
        self.edges: list[int] = [*self.starts.tolist(), columns]
        self.lengths: Indices = np.diff(self.edges)
        self.of_column: Indices = np.repeat(np.arange(self.starts.size), self.lengths)
        self._growth = np.exp(np.minimum(np.array(self.edges[1:]) / MEMORY_COLUMNS, LARGEST_EXPONENT))
        self._cells: Indices = np.zeros((0, columns), dtype=np.int64)

    def sums(self, values: npt.NDArray[np.generic]) -> Matrix:
        """Return the sum of values (..., N) over each block: (..., blocks)."""
        return np.add.reduceat(values, self.starts, axis=-1, dtype=np.float64)

    def remembered(self, sums: npt.NDArray[np.generic]) -> Matrix:
        """Return, for each block, the sums (..., blocks) of the blocks before it, older ones fading.

        The first column is zero. A block of 16,384 columns fades what lies before it to 1/e.
        """
        # What comes later weighs more, which is the same; and no product of matrices, whose rounding depends on the
        # number of series and of columns.
        weighed = sums[..., :-1] * self._growth[:-1]
        totals = np.zeros(sums.shape)
        np.cumsum(weighed, axis=-1, out=totals[..., 1:])
        totals[..., 1:] /= self._growth[:-1]
        return totals

    def learned(self, values: npt.NDArray[np.generic]) -> Matrix:
        """Return, for each block, the fading sum of values (..., N) over the columns before it: (..., blocks)."""
        return self.remembered(self.sums(values))

    def held(self, per_block: Matrix, begins: int = 0) -> Matrix:
        """Return a value per block (..., blocks) as one per column from `begins` on: (..., N - begins)."""
        lengths = np.bincount(self.of_column[begins:], minlength=self.starts.size) if begins else self.lengths
        return np.repeat(per_block, lengths, axis=-1)

    def cells(self, series: int) -> Indices:
        """Return the place of each column's block in a matrix (series, blocks), as (series, N)."""
        if len(self._cells) < series:
            self._cells = np.add.outer(np.arange(series) * self.starts.size, self.of_column)
        return self._cells[:series]
