"""Blocks of columns: what a block is judged with was learned from the blocks before it."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .grid import Indices, Matrix

FIRST_BLOCKS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
BLOCK_COLUMNS = 512
MEMORY_COLUMNS = 8_192


def block_starts(columns: int) -> Indices:
    """Return the first column of each block: short blocks at first, then one every 512 columns."""
    starts = np.concatenate(([0], FIRST_BLOCKS, np.arange(FIRST_BLOCKS[-1] + BLOCK_COLUMNS, columns, BLOCK_COLUMNS)))
    return starts[starts < columns]


def block_sums(values: npt.NDArray[np.generic], starts: Indices) -> Matrix:
    """Return the sum of values (S, N) over each block: (S, blocks)."""
    return np.add.reduceat(values, starts, axis=1, dtype=np.float64)


def remembered(sums: Matrix, starts: Indices) -> Matrix:
    """Return, for each block, the sums (S, blocks) of the blocks before it, older ones fading.

    The first column is zero. A block of 8,192 columns fades what lies before it to 1/e.
    """
    totals = np.zeros_like(sums)
    fading = np.exp(-np.diff(starts) / MEMORY_COLUMNS)
    for block in range(1, sums.shape[1]):
        totals[:, block] = totals[:, block - 1] * fading[block - 1] + sums[:, block - 1]
    return totals


def each_block(starts: Indices, columns: int) -> Iterator[tuple[int, slice]]:
    """Yield each block's number and its columns."""
    for block, start in enumerate(starts):
        yield block, slice(int(start), int(starts[block + 1]) if block + 1 < len(starts) else columns)
