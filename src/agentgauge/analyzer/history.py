"""History: what is remembered of every series, by tick and by minute."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.series import Series
from agentgauge.analyzer.window import Window

Vector = npt.NDArray[np.float64]

FINE_POINTS: Final = 1440
"""Ticks remembered: two hours of five seconds; beyond, minutes do."""

EVENTS_TICKS: Final = 360
"""Ticks over which the usual number of events is averaged."""

COARSE_POINTS: Final = 360
"""Steps the whole history is divided into: a minute each for six hours."""


class History:
    """Series × time twice: every tick of late (``fine``), and means over the whole history (``coarse``).

    Args:
        interval: seconds between ticks.
        span: seconds remembered.
        max_series: series beyond are not remembered.
    """

    def __init__(self, interval: float, span: float, max_series: int) -> None:
        self.interval = interval
        self.coarse_step = interval * max(1, round(span / COARSE_POINTS / interval))
        self.fine = Window(max(2, min(FINE_POINTS, math.ceil(span / interval))))
        self.coarse = Window(max(2, math.ceil(span / self.coarse_step)))
        self.excluded = Window(self.fine.points, missing=False)
        self.events = np.zeros(0)
        self.usual_events = np.zeros(0)
        self.series: list[Series] = []
        self.rows: dict[Series, int] = {}
        self.last_seen: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.version = 0
        self._max_series = max_series
        self._sums = np.zeros(0)
        self._counts = np.zeros(0)

    def slot(self, time: float) -> int:
        """Return the tick's slot nearest to a time."""
        return round(time / self.interval)

    def coarse_slot(self, time: float) -> int:
        """Return the coarse slot that ends at a time or after it."""
        return math.ceil(time / self.coarse_step - 1e-9)

    def append(self, now: float, values: Mapping[Series, float], events: Mapping[Series, float] | None = None) -> int:
        """Add one tick; return how many series there was no room for.

        values: of each series that has one; events: how many each is made of, where that is known.
        """
        left_out = self.admit(values)
        slot, coarse_slot = self.slot(now), self.coarse_slot(now)
        if slot != self.fine.slot:
            self.fine.advance(slot)
            self.excluded.advance(slot)
        if coarse_slot != self.coarse.slot:
            self._close_coarse()
            self.coarse.advance(coarse_slot)
        column = np.full(len(self.series), np.nan)
        for series, value in values.items():
            row = self.rows.get(series)
            if row is not None:
                column[row] = value
        self.fine.set_newest(column)
        present = ~np.isnan(column)
        self.last_seen[present] = slot
        self._sums[present] += column[present]
        self._counts[present] += 1
        self._count_events(events or {})
        return left_out

    def _count_events(self, events: Mapping[Series, float]) -> None:
        self.events = np.full(len(self.series), np.nan)
        for series, count in events.items():
            row = self.rows.get(series)
            if row is not None:
                self.events[row] = count
        known = ~np.isnan(self.events)
        share = np.where(np.isnan(self.usual_events), 1.0, 1.0 / EVENTS_TICKS)[known]
        usual = np.where(share == 1.0, 0.0, self.usual_events[known])
        self.usual_events[known] = usual + share * (self.events[known] - usual)

    def admit(self, wanted: Mapping[Series, Any]) -> int:
        """Make room for series not yet known; return how many there was none for."""
        new = [series for series in wanted if series not in self.rows]
        admitted = new[: max(self._max_series - len(self.series), 0)]
        if admitted:
            for series in admitted:
                self.rows[series] = len(self.series)
                self.series.append(series)
            for window in (self.fine, self.coarse, self.excluded):
                window.add_rows(len(admitted))
            zeros = np.zeros(len(admitted))
            self._sums, self._counts = np.append(self._sums, zeros), np.append(self._counts, zeros)
            self.usual_events = np.append(self.usual_events, np.full(len(admitted), np.nan))
            now = self.fine.slot or 0
            self.last_seen = np.append(self.last_seen, np.full(len(admitted), now, dtype=np.int64))
            self.version += 1
        return len(new) - len(admitted)

    def fill(self, series: Series, times: Vector, values: Vector, *, coarse: bool) -> None:
        """Put what is known of one series' past (n,) into one of the windows."""
        self.admit({series: None})
        row = self.rows.get(series)
        known = np.isfinite(values)
        if row is None or not known.any():
            return
        if coarse:
            slots = np.ceil(times[known] / self.coarse_step - 1e-9).astype(np.int64)
            self.coarse.put(row, slots, values[known])
        else:
            slots = np.rint(times[known] / self.interval).astype(np.int64)
            self.fine.put(row, slots, values[known])
            self.excluded.reach(self.fine.filled)
            self.last_seen[row] = max(int(self.last_seen[row]), int(slots.max()))

    def begin(self, now: float) -> None:
        """Make the tick before ``now`` the newest column of both windows, for a past to be put before it."""
        slot, coarse_slot = self.slot(now) - 1, self.coarse_slot(now)
        if self.fine.slot is None or self.fine.slot < slot:
            self.fine.advance(slot)
            self.excluded.advance(slot)
        if self.coarse.slot is None or self.coarse.slot < coarse_slot:
            self._close_coarse()
            self.coarse.advance(coarse_slot)

    def drop_ended(self) -> int:
        """Forget series without a value in the whole history; return how many."""
        if self.fine.slot is None or not self.series:
            return 0
        span = self.coarse.points * self.coarse_step / self.interval
        kept = self.last_seen > self.fine.slot - span
        dropped = int((~kept).sum())
        if dropped:
            for window in (self.fine, self.coarse, self.excluded):
                window.keep_rows(kept)
            self.series = [series for series, keep in zip(self.series, kept, strict=True) if keep]
            self.rows = {series: row for row, series in enumerate(self.series)}
            self._sums, self._counts, self.last_seen = self._sums[kept], self._counts[kept], self.last_seen[kept]
            self.usual_events = self.usual_events[kept]
            self.version += 1
        return dropped

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what a restart needs, by name, as views that the next tick changes; empty before the first tick."""
        if self.fine.slot is None or self.coarse.slot is None:
            return {}
        return {
            "grid": np.array([self.interval, self.coarse_step]),
            "slots": np.array([self.fine.slot, self.coarse.slot]),
            "fine": self.fine.values,
            "excluded": self.excluded.values,
            "coarse": self.coarse.values,
            "last_seen": self.last_seen,
            "usual_events": self.usual_events,
        }

    def restore(self, series: list[Series], arrays: Mapping[str, npt.NDArray[Any]]) -> bool:
        """Take over what ``arrays`` returned for these series; return whether its grid is this one's.

        Raises:
            KeyError, ValueError: an array is missing, or its shape does not fit.
        """
        fine, excluded, coarse, last_seen = (arrays[name] for name in ("fine", "excluded", "coarse", "last_seen"))
        count = len(series)
        if any(len(array) != count for array in (fine, excluded, coarse, last_seen)) or fine.shape != excluded.shape:
            raise ValueError("arrays whose shapes do not fit")
        if not np.allclose(arrays["grid"], [self.interval, self.coarse_step], rtol=1e-9):
            return False
        slots = arrays["slots"].astype(np.int64)
        count = min(count, self._max_series)
        self.fine.restore(int(slots[0]), fine[:count].astype(np.float64, copy=False))
        self.excluded.restore(int(slots[0]), excluded[:count].astype(np.bool_, copy=False))
        self.coarse.restore(int(slots[1]), coarse[:count].astype(np.float64, copy=False))
        self.last_seen = last_seen[:count].astype(np.int64)
        # A memory of before events were counted has none.
        usual = arrays.get("usual_events", np.full(len(last_seen), np.nan))
        if len(usual) != len(last_seen):
            raise ValueError("numbers of events that do not fit")
        self.usual_events = usual[:count].astype(np.float64)
        self.series = series[:count]
        self.rows = {name: row for row, name in enumerate(self.series)}
        self._sums, self._counts = np.zeros(count), np.zeros(count)
        self.version += 1
        return True

    def _close_coarse(self) -> None:
        """Write the means of the coarse slot that ends."""
        if self.coarse.slot is not None and self._counts.any():
            column = self.coarse.values[:, -1].copy()
            seen = self._counts > 0
            column[seen] = self._sums[seen] / self._counts[seen]
            self.coarse.set_newest(column)
        self._sums[:] = 0.0
        self._counts[:] = 0.0
