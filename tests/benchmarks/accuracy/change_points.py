"""Turing Change Point Dataset: F1 with a margin of five, and covering, at default settings."""

import importlib
from itertools import pairwise

import numpy as np

from agentgauge.analyzer.statistics import change_points

from .series import AnnotatedSeries, Vector, annotated_series
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


def by_ruptures(values: Vector) -> list[int]:
    """Return the change points of ruptures' binary segmentation with the usual 3 log n penalty."""
    ruptures = importlib.import_module("ruptures")
    spread = 1.4826 * float(np.median(np.abs(np.diff(values) - np.median(np.diff(values))))) / np.sqrt(2)
    search = ruptures.Binseg(model="l2", min_size=5, jump=1).fit(values / max(spread, 1e-12))
    found: list[int] = search.predict(pen=3 * np.log(values.size))[:-1]
    return found


def by_otava(values: Vector) -> list[int]:
    """Return the change points of apache-otava at its defaults, in an environment of its own."""
    analysis = importlib.import_module("otava.analysis")
    return [point.index for point in analysis.compute_change_points(values.tolist())[0]]


def beside(every: list[AnnotatedSeries]) -> str:
    """Return the opponents' mean F1."""
    said = []
    for name, search in {"ruptures Binseg": by_ruptures, "otava": by_otava}.items():
        try:
            found = [search(series.values[~np.isnan(series.values)]) for series in every]
        except ImportError:
            said.append(f"{name} is not installed")
        else:
            scores = [f1(series.annotations, cuts) for series, cuts in zip(every, found, strict=True)]
            said.append(f"{name} {np.mean(scores):.3f}")
    return ", ".join(said)


def measure() -> list[Row]:
    """Return mean F1 and covering over the series, and F1 of saying nothing."""
    scores, covers, nothing = [], [], []
    every = list(annotated_series())
    for series in every:
        found = [point.index for point in change_points(series.values)[0]]
        scores.append(f1(series.annotations, found))
        covers.append(covering(series.annotations, found, series.values.size))
        nothing.append(f1(series.annotations, []))
    return [
        Row("change points: F1", f"{beside(every)}; BINSEG 0.738 on all 30", float(np.mean(scores)), above(0.76)),
        Row("change points: covering", "", float(np.mean(covers))),
        Row("change points: F1 of finding nothing", "0.668 on all 30", float(np.mean(nothing))),
    ]
