"""Window: the last columns of a series × time matrix on a fixed grid."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_SLACK: Final = 4
_FIRST_ROWS: Final = 16
_ROWS_MOVED: Final = 256


class Window:
    """A matrix (series, points) whose columns are consecutive slots of a grid.

    Columns are appended at the right of a buffer a quarter wider than the window, which is moved back when it is
    full: so ``values`` is a view, not a copy.

    Args:
        points: columns kept.
        missing: what a slot without a value holds; its type is the matrix's.
    """

    def __init__(self, points: int, missing: float | bool = np.nan) -> None:
        self.points = points
        self.filled = 0
        self.slot: int | None = None
        self.rows = 0
        self._missing = missing
        self._width = points + points // _SLACK + 1
        self._end = 0
        self._buffer: npt.NDArray[Any] = np.full((0, self._width), missing)

    @property
    def values(self) -> npt.NDArray[Any]:
        """The columns so far (rows, filled), newest last; a view that the next append moves."""
        return self._buffer[: self.rows, self._end - self.filled : self._end]

    def add_rows(self, count: int) -> None:
        """Add series without any value."""
        before = self.rows
        self.rows += count
        if self.rows > len(self._buffer):
            # Rows beyond are not touched, so that they take no memory yet.
            grown = np.empty((max(self.rows, 2 * len(self._buffer), _FIRST_ROWS), self._width), self._buffer.dtype)
            grown[:before] = self._buffer[:before]
            self._buffer = grown
        self._buffer[self.rows - count : self.rows] = self._missing

    def keep_rows(self, kept: npt.NDArray[np.bool_]) -> None:
        """Keep only some series (rows,), in order."""
        remaining = self._buffer[: self.rows][kept]
        self._buffer = np.ascontiguousarray(remaining)
        self.rows = len(remaining)

    def advance(self, slot: int) -> None:
        """Make a slot the newest column; slots passed over hold nothing.

        A clock that went back takes the past with it: the slot becomes the one after the newest.
        """
        steps = 1 if self.slot is None or slot < self.slot else slot - self.slot
        self.slot = slot
        if steps >= self.points:
            # Nothing of the past is left.
            self._buffer[: self.rows] = self._missing
            self.filled = self._end = 1
            return
        if self._end + steps > self._width:
            kept = min(self.filled, self.points - steps)
            # Some rows at a time: a copy of all of them would double the memory for a moment.
            for start in range(0, self.rows, _ROWS_MOVED):
                some = self._buffer[start : min(start + _ROWS_MOVED, self.rows)]
                some[:, :kept] = some[:, self._end - kept : self._end].copy()
                some[:, kept:] = self._missing
            self._end = kept
        self._end += steps
        self.filled = min(self.filled + steps, self.points)

    def set_newest(self, column: npt.NDArray[Any]) -> None:
        """Set the newest column (rows,)."""
        self._buffer[: self.rows, self._end - 1] = column

    def reach(self, columns: int) -> None:
        """Show at least so many columns, the older ones without values."""
        columns = min(columns, self.points)
        if columns > self._end:
            kept = self.values.copy()
            self._buffer[: self.rows] = self._missing
            self._end = self.points
            self._buffer[: self.rows, self._end - self.filled : self._end] = kept
        self.filled = max(self.filled, columns)

    def put(self, row: int, slots: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> None:
        """Set one series at past slots (n,); those outside of the window are left out."""
        if self.slot is None:
            return
        inside = (slots <= self.slot) & (slots > self.slot - self.points)
        if inside.any():
            self.reach(int(self.slot - slots[inside].min()) + 1)
            self._buffer[row, self._end - 1 - (self.slot - slots[inside])] = values[inside]

    def restore(self, slot: int, values: npt.NDArray[Any]) -> None:
        """Take over the columns (rows, n) of a window that ended at a slot."""
        values = values[:, -self.points :]
        self.rows, self.filled = values.shape
        self._buffer = np.full((self.rows, self._width), self._missing)
        self._buffer[:, : self.filled] = values
        self._end, self.slot = self.filled, slot
