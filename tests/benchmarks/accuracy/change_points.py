"""Turing Change Point Dataset: F1 with a margin of five, and covering, at default settings."""

from itertools import pairwise

import numpy as np

from agentgauge.analyzer.statistics import change_points

from .series import annotated_series
from .table import Row, above

MARGIN = 5


def matched(truth: set[int], found: set[int]) -> int:
    """Return how many true points have a found one within the margin, each found one used once."""
    left = set(found)
    hits = 0
    for point in sorted(truth):
        near = [other for other in left if abs(point - other) <= MARGIN]
        if near:
            left.discard(min(near, key=lambda other: abs(point - other)))
            hits += 1
    return hits


def f1(annotations: dict[str, list[int]], found: list[int]) -> float:
    """Return F1: precision against the union of the annotators, recall averaged over them, index 0 always in."""
    places = {0, *found}
    each = [{0, *points} for points in annotations.values()]
    precision = matched(set.union(*each), places) / len(places)
    recall = float(np.mean([matched(truth, places) / len(truth) for truth in each]))
    return 2 * precision * recall / (precision + recall)


def covering(annotations: dict[str, list[int]], found: list[int], size: int) -> float:
    """Return how well the found segments cover each annotator's, by the Jaccard index, averaged."""

    def ranges(points: list[int]) -> list[tuple[int, int]]:
        edges = sorted({0, *points, size})
        return list(pairwise(edges))

    ours = ranges(found)
    scores = []
    for points in annotations.values():
        total = 0.0
        for start, end in ranges(points):
            total += (end - start) * max(
                max(0, min(end, stop) - max(start, begin)) / (max(end, stop) - min(start, begin))
                for begin, stop in ours
            )
        scores.append(total / size)
    return float(np.mean(scores))


def measure() -> list[Row]:
    """Return mean F1 and covering over the series, and F1 of saying nothing."""
    scores, covers, nothing = [], [], []
    for series in annotated_series():
        found = [point.index for point in change_points(series.values)[0]]
        scores.append(f1(series.annotations, found))
        covers.append(covering(series.annotations, found, series.values.size))
        nothing.append(f1(series.annotations, []))
    return [
        Row("change points: F1", "BINSEG 0.738 on all 30 series", float(np.mean(scores)), above(0.76)),
        Row("change points: covering", "", float(np.mean(covers))),
        Row("change points: F1 of finding nothing", "0.668 on all 30 series", float(np.mean(nothing))),
    ]
