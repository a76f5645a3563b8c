"""AIOps 2018 KPIs: F1 per KPI by segments, averaged; every threshold set without labels."""

import numpy as np

from agentgauge.analyzer.statistics import detect

from .series import Labels, kpis
from .table import Row, above

LEVELS = 10.0 ** -np.arange(2.0, 6.01, 0.25)
SPLITS = 20


def segments(labels: Labels) -> list[tuple[int, int]]:
    """Return the labelled segments as half-open ranges."""
    edges = np.diff(np.concatenate(([0], labels.astype(np.int8), [0])))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def adjusted(flags: Labels, labels: Labels, delay: int) -> tuple[float, float, int]:
    """Return F1, the share of segments found and the flagged points outside.

    A segment's points all count as found when one of its first delay + 1 points is flagged, else all as missed.
    """
    found = missed = hits = 0
    ranges = segments(labels)
    for start, end in ranges:
        if flags[start : min(end, start + delay + 1)].any():
            found += end - start
            hits += 1
        else:
            missed += end - start
    false = int((flags & ~labels).sum())
    total = 2 * found + false + missed
    return (2 * found / total if total else 1.0), hits / max(len(ranges), 1), false


def measure() -> list[Row]:
    """Return macro F1 at k = 7 and 1, segment recall and false alarms per series-day."""
    at_7, at_1, recall, alarms, by_level = [], [], [], [], []
    for kpi in kpis():
        detection = detect(kpi.times, kpi.values)
        flags = detection.anomaly[0]
        by_level.append([adjusted(detection.pvalue[0] <= level, kpi.labels, 7)[0] for level in LEVELS])
        f1, found, false = adjusted(flags, kpi.labels, 7)
        at_7.append(f1)
        at_1.append(adjusted(flags, kpi.labels, 1)[0])
        recall.append(found)
        alarms.append(false / kpi.days)
    halves = np.random.default_rng(0)
    crossed = []
    for _ in range(SPLITS):
        order = halves.permutation(len(by_level))
        one, other = np.array(by_level)[order[::2]], np.array(by_level)[order[1::2]]
        crossed.append(other.mean(axis=0)[one.mean(axis=0).argmax()])
    return [
        Row("KPI: macro F1, k = 7, no labels used", "a simple seasonal z 0.67", float(np.mean(at_7)), above(0.8)),
        Row("KPI: macro F1, k = 7, level of p from the other half", "-", float(np.mean(crossed))),
        Row("KPI: macro F1, k = 1", "-", float(np.mean(at_1))),
        Row("KPI: share of segments found, mean over KPIs", "-", float(np.mean(recall)), above(0.9)),
        Row("KPI: flagged points outside, per series-day", "-", float(np.mean(alarms))),
    ]
