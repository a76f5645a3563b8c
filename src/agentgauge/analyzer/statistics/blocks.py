"""Blocks of columns: what a block is judged with was learned from the blocks before it."""

import numpy as np
import numpy.typing as npt

from .grid import Indices, Matrix

FIRST_BLOCKS = (12, 24, 36, 48, 72, 96, 144, 192, 288, 384, 576, 768)
BLOCK_COLUMNS = 512
MEMORY_COLUMNS = 16_384


class Blocks:
    """The blocks of a number of columns: short ones at first, then one every 512 columns."""

    def __init__(self, columns: int) -> None:
        later = np.arange(FIRST_BLOCKS[-1] + BLOCK_COLUMNS, columns, BLOCK_COLUMNS)
        starts = np.concatenate(([0], FIRST_BLOCKS, later))
        self.starts: Indices = starts[starts < columns]
        lengths = np.diff(np.append(self.starts, columns))
        self.of_column: Indices = np.repeat(np.arange(self.starts.size), lengths)
        self.fading = np.exp(-lengths / MEMORY_COLUMNS)

    def sums(self, values: npt.NDArray[np.generic]) -> Matrix:
        """Return the sum of values (..., N) over each block: (..., blocks)."""
        return np.add.reduceat(values, self.starts, axis=-1, dtype=np.float64)

    def remembered(self, sums: Matrix) -> Matrix:
        """Return, for each block, the sums (..., blocks) of the blocks before it, older ones fading.

        The first column is zero. A block of 16,384 columns fades what lies before it to 1/e.
        """
        totals = np.zeros_like(sums)
        for block in range(1, self.starts.size):
            np.multiply(totals[..., block - 1], self.fading[block - 1], out=totals[..., block])
            totals[..., block] += sums[..., block - 1]
        return totals

    def learned(self, values: npt.NDArray[np.generic]) -> Matrix:
        """Return, for each block, the fading sum of values (..., N) over the columns before it: (..., blocks)."""
        return self.remembered(self.sums(values))

    def held(self, per_block: Matrix) -> Matrix:
        """Return a value per block (..., blocks) as one per column (..., N)."""
        return np.take(per_block, self.of_column, axis=-1)
