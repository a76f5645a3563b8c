"""Totals: what has been counted, one number or histogram a series; the fold of all records."""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from agentgauge.catalogue import METRICS, Metric
from agentgauge.errors import SpoolError
from agentgauge.kinds import KINDS
from agentgauge.plans import PLANS, Place, places_of
from agentgauge.plans import Labels as Labels
from agentgauge.record import Batch, Delta, Record

OTHER: Final = "other"
"""What a label value becomes past the cap on a metric's label sets."""

_OVERFLOW_SETS: Final = 100
_REMEMBERED_PLACES: Final = 10_000
_CAPPED: Final = "agentgauge_label_values_capped_total"


class Histogram:
    """Observations of one series: ``counts`` per bucket (not cumulative, +Inf last) and their ``sum``."""

    __slots__ = ("counts", "sum")

    def __init__(self, counts: list[int], total: float = 0.0) -> None:
        self.counts = counts
        self.sum = total

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.counts == other.counts and self.sum == other.sum

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Histogram({self.counts}, {self.sum})"


class Family(NamedTuple):
    """One metric and its samples: tuples of label values to a float or a Histogram.

    A metric with SIGNAL_LABELS has tuples of (name, value) pairs instead.
    """

    metric: Metric
    samples: dict[tuple[Any, ...], float | Histogram]


class Totals:
    """Counters, gauges and histograms of the catalogue, safe to use from any thread.

    Args:
        cap: label sets a metric may have; past it unseen label values become ``other`` and
            ``agentgauge_label_values_capped_total`` counts them.
    """

    def __init__(self, cap: int = 1000) -> None:
        self._cap = cap
        self._lock = threading.RLock()
        self._series: dict[str, dict[Labels, Any]] = {}
        self._seen: dict[str, list[set[str]]] = {}
        self._unborn: set[tuple[str, Labels]] = set()
        self._places: dict[str, dict[Labels, list[Place]]] = {kind: {} for kind in KINDS}

    def fold(self, record: Record) -> None:
        """Add one record to every metric its kind feeds."""
        labels, amounts = record.labels, record.amounts
        with self._lock:
            for metric, amount, names in PLANS[record.kind]:
                if amount is None:
                    value = 1.0
                elif amount in amounts:
                    value = amounts[amount]
                else:
                    continue
                key = tuple([constant if name is None else labels.get(name, "") for name, constant in names])
                if metric.type == "histogram":
                    self.observe(metric.name, key, value)
                elif metric.type == "counter":
                    self.increase(metric.name, key, value)
                else:
                    self.set(metric.name, key, value)

    def fold_all(self, kind: str, labels: Labels, amounts: dict[str, list[float]], count: int) -> None:
        """Add ``count`` records of one kind and one set of labels at once.

        Args:
            kind: a kind of record.
            labels: label values in the kind's order.
            amounts: amount name to all its values; their order does not matter and is not kept.
            count: how many records there were.
        """
        by_name = dict(zip(KINDS[kind].labels, labels, strict=True))
        with self._lock:
            for metric, amount, names in PLANS[kind]:
                values: Sequence[float] = amounts.get(amount, ()) if amount else ()
                if amount and not values:
                    continue
                key = tuple([constant if name is None else by_name[name] for name, constant in names])
                if not amount:
                    self.increase(metric.name, key, float(count))
                elif metric.type == "histogram":
                    self._observe_all(metric, key, values)
                elif metric.type == "counter":
                    self.increase(metric.name, key, sum(values))
                else:
                    self.set(metric.name, key, values[-1])

    def fold_batch(self, batch: Batch) -> None:
        """Add many records, exactly as ``fold`` would add one after the other.

        What records of the same labels feed is looked up once; then adding one costs a microsecond.
        """
        with self._lock:
            for kind, rows in batch.rows.items():
                width, places_by_labels = len(KINDS[kind].labels), self._places[kind]
                if len(places_by_labels) > _REMEMBERED_PLACES:
                    places_by_labels.clear()
                for row in rows:
                    places = places_by_labels.get(row[:width])
                    if places is None:
                        places = places_by_labels[row[:width]] = places_of(kind, row[:width])
                    for place in places:
                        column, buckets, target, key, _ = place
                        value = 1.0 if column is None else row[column]
                        if target is None:
                            if value == value:  # NaN is an amount that is absent
                                self._add_first(places, place, value)
                        elif buckets is None:
                            if value == value:
                                target[key] += value
                        elif value == value:
                            target.counts[bisect_left(buckets, value)] += 1
                            target.sum += value

    def add(self, delta: Delta) -> None:
        """Add what another process counted."""
        if not delta.counts:
            self.increase(delta.metric, delta.labels, delta.value)
            return
        with self._lock:
            histogram = self._histogram(delta.metric, delta.labels)
            histogram.counts = [a + b for a, b in zip(histogram.counts, delta.counts, strict=True)]
            histogram.sum += delta.value

    def increase(self, metric: str, labels: Labels, amount: float = 1.0) -> None:
        """Add an amount >= 0 to a counter."""
        with self._lock:
            series = self._series.setdefault(metric, {})
            if labels not in series:
                labels = self._admit(METRICS[metric], labels)
            series[labels] = series.get(labels, 0.0) + amount

    def observe(self, metric: str, labels: Labels, value: float) -> None:
        """Add one observation to a histogram."""
        with self._lock:
            histogram = self._histogram(metric, labels)
            histogram.counts[bisect_left(METRICS[metric].buckets, value)] += 1
            histogram.sum += value

    def set(self, metric: str, labels: Labels, value: float) -> None:
        """Set a gauge."""
        with self._lock:
            series = self._series.setdefault(metric, {})
            if labels not in series:
                labels = self._admit(METRICS[metric], labels)
            series[labels] = value

    def remove(self, metric: str, labels: Labels) -> None:
        """Stop exposing one series of a gauge; an unknown one is ignored."""
        with self._lock:
            self._series.get(metric, {}).pop(labels, None)

    def declare(self, metric: str, labels: Labels) -> None:
        """Expose a counter or histogram at 0 from now on, so that ``increase()`` sees its first increment."""
        with self._lock:
            definition = METRICS[metric]
            if definition.type == "histogram":
                labels, series = self._histogram_key(metric, labels)
                self._unborn.discard((metric, labels))
                return
            series = self._series.setdefault(metric, {})
            if labels not in series:
                labels = self._admit(definition, labels)
                series.setdefault(labels, 0.0)
            self._unborn.discard((metric, labels))

    def declare_kind(self, kind: str, labels: dict[str, str]) -> None:
        """Expose everything a record of this kind and these labels would feed at 0 from now on."""
        with self._lock:
            for metric, _, names in PLANS[kind]:
                if metric.type != "gauge":
                    key = tuple([constant if name is None else labels.get(name, "") for name, constant in names])
                    self.declare(metric.name, key)

    def reset(self) -> None:
        """Set every counter and histogram to 0 and forget the gauges: the state of a forked child."""
        for places in self._places.values():
            places.clear()
        self._lock = threading.RLock()  # the parent's may have been held by a thread the child has not
        for name, series in self._series.items():
            metric = METRICS[name]
            if metric.type == "gauge":
                series.clear()
            for labels in series:
                series[labels] = _zero(metric)

    def families(self) -> list[Family]:
        """Return a copy of everything counted, in the catalogue's order."""
        with self._lock:
            return [Family(METRICS[name], _copy(self._series[name])) for name in METRICS if self._series.get(name)]

    def expose(self) -> list[Family]:
        """Return ``families()`` for a scrape: a series that appeared by itself is 0 the first time.

        Prometheus' ``increase()`` does not see the increment a series is born with.
        """
        with self._lock:
            families = self.families()
            if self._unborn:
                for family in families:
                    zero = _zero(family.metric)
                    for labels in family.samples:
                        if (family.metric.name, labels) in self._unborn:
                            family.samples[labels] = zero
                self._unborn.clear()
            return families

    def settle(self) -> None:
        """Take what is counted for history that no scrape missed: it is exposed as it is from the first time on."""
        with self._lock:
            self._unborn.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return a JSON-able copy of all counters and histograms; gauges describe now and are left out."""
        with self._lock:
            series = {
                name: [[list(k), [v.sum, v.counts[:]] if isinstance(v, Histogram) else v] for k, v in samples.items()]
                for name, samples in self._series.items()
                if METRICS[name].type != "gauge"
            }
            return {"series": series, "unborn": [[name, list(labels)] for name, labels in sorted(self._unborn)]}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Add a snapshot to what is counted; a metric this version does not know is left out.

        Raises:
            SpoolError: the snapshot is not one.
        """
        try:
            with self._lock:
                for name, rows in snapshot["series"].items():
                    metric = METRICS.get(name)
                    if metric is None:
                        continue
                    for labels, value in rows:
                        key = tuple(labels)
                        if len(key) != len(metric.labels):
                            continue  # the label names changed between versions
                        if metric.type == "counter":
                            self.increase(name, key, float(value))
                        elif len(value[1]) == len(metric.buckets) + 1:
                            self.add(Delta(name, key, float(value[0]), tuple(value[1])))
                        self._unborn.discard((name, key))
                self._unborn |= {(name, tuple(labels)) for name, labels in snapshot["unborn"] if name in METRICS}
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise SpoolError(f"a snapshot of totals that cannot be read: {error!r}") from error

    def _add_first(self, places: list[Place], place: Place, value: float) -> None:
        """Add a value to a series that was not there yet, and remember where it is, if the cap let it in."""
        series = self._series.setdefault(place.metric.name, {})
        if place.metric.type == "histogram":
            self.observe(place.metric.name, place.key, value)
            target = series.get(place.key)
        else:
            self.increase(place.metric.name, place.key, value)
            target = series if place.key in series else None
        places[places.index(place)] = place._replace(target=target)

    def _observe_all(self, metric: Metric, labels: Labels, values: Sequence[float]) -> None:
        histogram = self._histogram(metric.name, labels)
        total = sum(values)
        # The calls that are so many that their folding matters are short: mostly, even all of them together.
        if total <= metric.buckets[0] or max(values) <= metric.buckets[0]:
            histogram.counts[0] += len(values)
            histogram.sum += total
            return
        # Sorting once and searching the bounds is three times as fast as searching a bucket for each value.
        ordered = sorted(values)
        below = 0
        for index, bound in enumerate(metric.buckets):
            upto = bisect_right(ordered, bound)
            histogram.counts[index] += upto - below
            below = upto
        histogram.counts[-1] += len(ordered) - below
        histogram.sum += total

    def _histogram(self, metric: str, labels: Labels) -> Histogram:
        labels, series = self._histogram_key(metric, labels)
        histogram: Histogram = series[labels]
        return histogram

    def _histogram_key(self, metric: str, labels: Labels) -> tuple[Labels, dict[Labels, Any]]:
        series = self._series.setdefault(metric, {})
        if labels not in series:
            labels = self._admit(METRICS[metric], labels)
            if labels not in series:
                series[labels] = Histogram([0] * (len(METRICS[metric].buckets) + 1))
        return labels, series

    def _admit(self, metric: Metric, labels: Labels) -> Labels:
        """Return the labels under which a new series is kept, given the cap; what is no UTF-8 becomes "?"."""
        series = self._series[metric.name]
        if not all(map(str.isascii, labels)):
            labels = tuple([value.encode("utf-8", "replace").decode() for value in labels])
            if labels in series:
                return labels
        seen = self._seen.setdefault(metric.name, [set() for _ in metric.labels])
        if len(series) >= self._cap and metric.name != _CAPPED:
            self.increase(_CAPPED, (metric.name,))
            labels = tuple([v if v in known else OTHER for v, known in zip(labels, seen, strict=True)])
            if labels in series:
                return labels
            if len(series) >= self._cap + _OVERFLOW_SETS:
                labels = (OTHER,) * len(labels)
                if labels in series:
                    return labels
        else:
            for value, known in zip(labels, seen, strict=True):
                known.add(value)
        if metric.type != "gauge":
            self._unborn.add((metric.name, labels))
        return labels


def _copy(samples: dict[Labels, Any]) -> dict[tuple[Any, ...], float | Histogram]:
    return {k: Histogram(v.counts[:], v.sum) if isinstance(v, Histogram) else v for k, v in samples.items()}


def _zero(metric: Metric) -> float | Histogram:
    return Histogram([0] * (len(metric.buckets) + 1)) if metric.type == "histogram" else 0.0
