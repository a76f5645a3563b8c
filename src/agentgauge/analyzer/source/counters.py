"""Increases of counters between samples, and quantiles of histograms, by Prometheus' own arithmetic."""

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from agentgauge.totals import Histogram

Matrix = npt.NDArray[np.float64]


class Counters:
    """The samples of one metric's series over a span of time.

    A series' row is its value, or a histogram's cumulative buckets (+Inf last) and then its sum.

    Args:
        width: numbers a series: 1 for a counter, buckets + 2 for a histogram.
        keep_seconds: how long a sample is kept; one older than that remains.
    """

    def __init__(self, width: int, keep_seconds: float) -> None:
        self.keys: dict[tuple[Any, ...], int] = {}
        self._width = width
        self._keep = keep_seconds
        self._samples: deque[tuple[float, Matrix]] = deque()
        self._births: list[int] = []
        self._appended = 0

    def __len__(self) -> int:
        """Return the number of samples kept."""
        return len(self._samples)

    def append(self, now: float, samples: dict[tuple[Any, ...], float | Histogram]) -> None:
        """Add a sample of every series; series that are absent keep their last value."""
        for labels in samples:
            if labels not in self.keys:
                self.keys[labels] = len(self.keys)
                self._births.append(self._appended)
        row = np.zeros((len(self.keys), self._width))
        if self._samples and len(samples) < len(self.keys):
            last = self._samples[-1][1]
            row[: len(last)] = last
        if samples:
            places = [self.keys[labels] for labels in samples]
            if self._width == 1:
                row[places, 0] = np.array(list(samples.values()), dtype=np.float64)
            else:
                histograms = [value for value in samples.values() if isinstance(value, Histogram)]
                row[places, :-1] = np.cumsum([histogram.counts for histogram in histograms], axis=1)
                row[places, -1] = [histogram.sum for histogram in histograms]
        self._samples.append((now, row))
        self._appended += 1
        while len(self._samples) > 2 and self._samples[1][0] <= now - self._keep:
            self._samples.popleft()

    def increases(self, now: float, window: float) -> Matrix:
        """Return the increase (series, width) over the window, extrapolated to its ends; NaN before two samples.

        Source: Prometheus 2.42, promql/functions.go, extrapolatedRate. A series that is absent from the sample
        before its first one had counted nothing then, which Prometheus knows only of series born at zero.
        """
        result = np.full((len(self.keys), self._width), np.nan)
        inside = [(time, row) for time, row in self._samples if now - window <= time <= now]
        if len(inside) < 2:
            return result
        times = np.array([time for time, _ in inside])
        births = np.array(self._births, dtype=np.int64) - (self._appended - len(inside))
        first = np.clip(np.where(np.array(self._births) > 0, births - 1, births), 0, len(inside) - 1)
        oldest, newest = inside[0][1], inside[-1][1]
        start = np.zeros_like(newest)
        start[: len(oldest)] = oldest
        count = len(inside) - first
        known = count >= 2
        increase = np.maximum(newest - start, 0.0)[known]
        sampled = (times[-1] - times[first[known]])[:, None]
        average = sampled / (count[known, None] - 1)
        to_start = np.broadcast_to(times[first[known], None] - (now - window), increase.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            to_zero = np.where(increase > 0, sampled * start[known] / increase, np.inf)
        to_start = np.minimum(to_start, to_zero)
        to_end = now - times[-1]
        covered = sampled + np.where(to_start < 1.1 * average, to_start, average / 2)
        covered = covered + np.where(to_end < 1.1 * average, to_end, average / 2)
        result[known] = increase * covered / sampled
        return result


def histogram_quantile(q: float, bounds: tuple[float, ...], cumulative: Matrix) -> Matrix:
    """Return the quantile (n,) of histograms, NaN of empty ones.

    q: in [0, 1]; bounds: finite upper bounds, ascending; cumulative: (n, bounds + 1), +Inf last.
    Source: Prometheus 2.42, promql/quantile.go, bucketQuantile: linear in the bucket that holds the rank, from 0 in
    the first, and the highest finite bound where the rank is beyond it.
    """
    cumulative = np.maximum.accumulate(cumulative, axis=1)
    total = cumulative[:, -1:]
    rank = q * total
    place = (cumulative[:, :-1] < rank).sum(axis=1)
    upper = np.append(bounds, bounds[-1])
    lower = np.append((0.0, *bounds[:-1]), bounds[-1])
    rows = np.arange(len(cumulative))
    padded = np.concatenate([np.zeros((len(cumulative), 1)), cumulative], axis=1)
    below, at = padded[rows, place], padded[rows, place + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(at > below, (rank[:, 0] - below) / (at - below), 0.0)
    result: Matrix = lower[place] + (upper[place] - lower[place]) * share
    if bounds[0] <= 0:
        result = np.where(place == 0, bounds[0], result)
    result[total[:, 0] <= 0] = np.nan
    return result
