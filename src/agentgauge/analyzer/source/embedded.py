"""The embedded source: the totals of the same process, without a Prometheus."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.signals import QUANTILES, accepts, resolved_metric
from agentgauge.analyzer.source import Reading, Vector
from agentgauge.analyzer.source.counters import Counters, Matrix, histogram_quantile
from agentgauge.catalogue import METRICS, Metric
from agentgauge.configuration import Signal
from agentgauge.totals import Family, Histogram

Groups = dict[tuple[str, ...], int]
_Samples = dict[tuple[Any, ...], float | Histogram]

_LONGEST_PAUSE: Final = 60.0


class EmbeddedSource:
    """Reads signals from families of the same process, as PromQL would from their scrapes.

    Args:
        families: returns everything counted, for instance ``Totals.families``.
    """

    def __init__(self, families: Callable[[], list[Family]]) -> None:
        self._families = families
        self._counters: dict[str, Counters] = {}
        self._known: dict[tuple[str, float], Matrix] = {}
        self._groupings: dict[tuple[str, str, bool], tuple[int, Groups, npt.NDArray[np.int64]]] = {}

    def read(self, signals: Sequence[Signal], now: float) -> Reading:
        """Sample the families and return every signal's series."""
        gauges = self._sample(signals, now)
        reading = Reading()
        for signal in signals:
            for labels, value, events in self._values(signal, now, gauges):
                if math.isfinite(value):
                    one = series(signal.name, zip(signal.by, labels, strict=True))
                    reading.values[one] = value * signal.scale
                    if math.isfinite(events):
                        reading.events[one] = events
        return reading

    def history(
        self, signals: Sequence[Signal], start: float, end: float, step: float
    ) -> Iterator[tuple[Series, Vector, Vector]]:
        """Yield nothing: totals have no past."""
        yield from ()

    def _sample(self, signals: Sequence[Signal], now: float) -> dict[str, _Samples]:
        families = {family.metric.name: family.samples for family in self._families()}
        self._known.clear()
        gauges: dict[str, _Samples] = {}
        for name, window in _windows(signals).items():
            metric = METRICS[name]
            if metric.type == "gauge":
                gauges[name] = families.get(name, {})
                continue
            if name not in self._counters:
                width = len(metric.buckets) + 2 if metric.type == "histogram" else 1
                self._counters[name] = Counters(width, window + _LONGEST_PAUSE)
            self._counters[name].append(now, families.get(name, {}))
        return gauges

    def _values(
        self, signal: Signal, now: float, gauges: dict[str, _Samples]
    ) -> Iterator[tuple[tuple[str, ...], float, float]]:
        """Yield label values, the value, and how many events it is made of; NaN where that is not counted."""
        if signal.measure == "value":
            yield from ((labels, value, math.nan) for labels, value in _gauge_values(signal, gauges).items())
            return
        name, part = resolved_metric(signal.metric)
        groups, sums = self._increases(signal, name, signal.where, now, whole=False)
        if signal.measure == "ratio":
            per, per_part = resolved_metric(signal.per or signal.metric)
            wholes, totals = self._increases(signal, per, signal.per_where, now, whole=True)
            for labels, place in wholes.items():
                events = totals[place, _column(per_part)]
                happened = sums[groups[labels], _column(part)] if labels in groups else 0.0
                if _enough(signal, events):
                    yield labels, float((0.0 if np.isnan(happened) else happened) / events), float(events)
            return
        if signal.measure == "rate":
            for labels, place in groups.items():
                value = sums[place, _column(part)]
                if value >= signal.minimum_events:
                    yield labels, float(value / signal.window_seconds), math.nan
            return
        if signal.measure == "mean":
            with np.errstate(divide="ignore", invalid="ignore"):
                values = sums[:, -1] / sums[:, -2]
        else:
            values = histogram_quantile(QUANTILES[signal.measure], METRICS[name].buckets, sums[:, :-1])
        for labels, place in groups.items():
            if _enough(signal, sums[place, -2]):
                yield labels, float(values[place]), float(sums[place, -2])

    def _increases(
        self, signal: Signal, metric: str, where: dict[str, str], now: float, *, whole: bool
    ) -> tuple[Groups, Matrix]:
        """Return the groups of ``by`` labels and their summed increases (groups, width), NaN where unknown."""
        counters = self._counters[metric]
        key = (metric, signal.window_seconds)
        if key not in self._known:
            self._known[key] = counters.increases(now, signal.window_seconds)
        increases = self._known[key]
        groups, places = self._grouping(signal, METRICS[metric], where, counters, whole=whole)
        chosen = (places >= 0) & ~np.isnan(increases[:, 0])
        sums = np.full((len(groups), increases.shape[1]), np.nan)
        sums[np.unique(places[chosen])] = 0.0
        np.add.at(sums, places[chosen], increases[chosen])
        return groups, sums

    def _grouping(
        self, signal: Signal, metric: Metric, where: dict[str, str], counters: Counters, *, whole: bool
    ) -> tuple[Groups, npt.NDArray[np.int64]]:
        """Return the groups and each series' group, -1 for those ``where`` leaves out; kept until a series is born."""
        key = (signal.name, metric.name, whole)
        if key in self._groupings and self._groupings[key][0] == len(counters.keys):
            return self._groupings[key][1:]
        groups: Groups = {}
        places = np.full(len(counters.keys), -1, dtype=np.int64)
        kept = [metric.labels.index(label) for label in signal.by]
        conditions = [(metric.labels.index(label), condition) for label, condition in where.items()]
        for labels, row in counters.keys.items():
            if all(accepts(condition, labels[at]) for at, condition in conditions):
                places[row] = groups.setdefault(tuple(labels[at] for at in kept), len(groups))
        self._groupings[key] = (len(counters.keys), groups, places)
        return groups, places


def _windows(signals: Sequence[Signal]) -> dict[str, float]:
    """Return the metrics the signals read, and the longest window over each."""
    windows: dict[str, float] = {}
    for signal in signals:
        names = [signal.metric, *([signal.per] if signal.per else [])]
        for name in names:
            metric = resolved_metric(name)[0]
            windows[metric] = max(windows.get(metric, 0.0), signal.window_seconds)
    return windows


def _gauge_values(signal: Signal, gauges: dict[str, _Samples]) -> dict[tuple[str, ...], float]:
    values = _gauge_sums(signal, signal.metric, signal.where, gauges)
    if not signal.per:
        return values
    wholes = _gauge_sums(signal, signal.per, signal.per_where, gauges)
    return {labels: value / wholes[labels] for labels, value in values.items() if wholes.get(labels)}


def _gauge_sums(
    signal: Signal, name: str, where: dict[str, str], gauges: dict[str, _Samples]
) -> dict[tuple[str, ...], float]:
    metric = METRICS[name]
    kept = [metric.labels.index(label) for label in signal.by]
    conditions = [(metric.labels.index(label), condition) for label, condition in where.items()]
    sums: dict[tuple[str, ...], float] = {}
    for labels, value in gauges.get(name, {}).items():
        if all(accepts(condition, labels[at]) for at, condition in conditions) and not isinstance(value, Histogram):
            group = tuple(labels[at] for at in kept)
            sums[group] = sums.get(group, 0.0) + value
    return sums


def _column(part: str) -> int:
    return {"value": 0, "sum": -1, "count": -2}[part]


def _enough(signal: Signal, events: float) -> bool:
    return bool(events >= signal.minimum_events and events > 0)
