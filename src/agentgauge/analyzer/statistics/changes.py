"""Change points: where the level of a series moved and stayed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from .grid import matrix

Vector = npt.NDArray[np.float64]

SHORTEST_SEGMENT = 5
PENALTY = 5.0
LARGEST_CORRELATION = 0.95


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A move of the level: the first index after it, the levels around it, its size and its p-value.

    effect: (after - before) in standard deviations of what the level leaves.
    """

    index: int
    before: float
    after: float
    effect: float
    pvalue: float


@dataclass(frozen=True, slots=True)
class Split:
    """The best place to cut a segment in two, and the evidence for it."""

    index: int
    deviation: float
    gain: float
    pvalue: float


def best_split(segment: Vector) -> Split | None:
    """Return the cut that explains most of the segment's variance, or None where it is too short or constant.

    The gain is the squared t of the two means whose sample sizes are reduced by the lag-1 autocorrelation of what the
    cut leaves; the p-value is that t's times the number of cuts tried (Bonferroni).
    """
    size = segment.size
    if size < 2 * SHORTEST_SEGMENT:
        return None
    centred = segment - np.add.reduce(segment) / size
    sums = np.cumsum(centred)[SHORTEST_SEGMENT - 1 : size - SHORTEST_SEGMENT]
    cuts = np.arange(SHORTEST_SEGMENT, size - SHORTEST_SEGMENT + 1, dtype=np.float64)
    place = int((sums**2 / (cuts * (size - cuts))).argmax())
    cut, total = place + SHORTEST_SEGMENT, float(sums[place])
    before, after = total / cut, -total / (size - cut)
    centred[:cut] -= before
    centred[cut:] -= after
    rest = centred
    power = float(rest @ rest)
    variance = power / size
    gap = after - before
    if gap == 0.0:
        return None
    if variance <= (1e-12 * gap) ** 2:
        share = special.comb(size, min(cut, size - cut))
        return Split(cut, 0.0, np.inf, float(min(1.0, size / share)))
    correlation = min(max(float(rest[1:] @ rest[:-1]) / power + 1 / size, 0.0), LARGEST_CORRELATION)
    effective = size * (1 - correlation) / (1 + correlation)
    statistic = abs(gap) * float(np.sqrt(effective * cut * (size - cut) / size**2 / variance))
    freedom = max(effective - 2, 1.0)
    pvalue = min(1.0, 2 * float(special.stdtr(freedom, -statistic)) * cuts.size)
    return Split(cut, float(np.sqrt(variance)), float(statistic**2), pvalue)


def segments_of(series: Vector) -> list[tuple[int, Split]]:
    """Return the significant cuts of a series by binary segmentation, as (start of the segment, cut within it)."""
    found: list[tuple[int, Split]] = []
    penalty = PENALTY * np.log(max(series.size, 2))
    waiting = [(0, series.size)]
    while waiting:
        start, end = waiting.pop()
        split = best_split(series[start:end])
        if split is None or split.gain < penalty:
            continue
        found.append((start, split))
        middle = start + split.index
        waiting += [(start, middle), (middle, end)]
    return sorted(found, key=lambda cut: cut[0] + cut[1].index)


def change_points(values: npt.ArrayLike) -> list[list[ChangePoint]]:
    """Return the change points of each series, in order.

    values: (S, T), NaN where missing. Source: binary segmentation (Scott and Knott 1974; Vostrikova 1981) with a test
    whose sample size allows for autocorrelation, so that a slow wander is not a hundred changes. A cut must gain
    5 log n, more than Schwarz's criterion asks: on annotated series anything from 3 to 12 log n does about as well.
    """
    return [_change_points_of(series) for series in matrix(values)]


def _change_points_of(series: Vector) -> list[ChangePoint]:
    places = np.flatnonzero(~np.isnan(series))
    present = series[places]
    scale = np.abs(present).max(initial=0.0)
    if scale == 0.0:
        return []
    cuts = segments_of(present / scale)
    edges = [0, *(start + split.index for start, split in cuts), present.size]
    points = []
    for number, (start, split) in enumerate(cuts):
        index = start + split.index
        before = float(present[edges[number] : index].mean())
        after = float(present[index : edges[number + 2]].mean())
        deviation = split.deviation * scale
        effect = (after - before) / deviation if deviation > 0 else float(np.copysign(np.inf, after - before))
        points.append(ChangePoint(int(places[index]), before, after, effect, split.pvalue))
    return points
