"""Change points: where the level of a series moved and stayed."""

from bisect import bisect
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from .grid import matrix

Vector = npt.NDArray[np.float64]

SHORTEST_SEGMENT = 5
PENALTY = 5.0
LARGEST_CORRELATION = 0.95
RESTLESS = 3.0
DECISIVE = 4.0
ROUNDING = 1e-12
SMALLEST = 1e-300
LARGEST_PVALUE = 0.01


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
    """The best place to cut a segment in two, the evidence for it, and what correlation it leaves."""

    index: int
    deviation: float
    gain: float
    pvalue: float
    correlation: float = 0.0


def best_cut(segment: Vector) -> tuple[int, Vector, float]:
    """Return the cut that explains most of the variance, the centred segment, and the gap of the means."""
    size = segment.size
    centred = segment - np.add.reduce(segment) / size
    sums = np.cumsum(centred)[SHORTEST_SEGMENT - 1 : size - SHORTEST_SEGMENT]
    cuts = np.arange(SHORTEST_SEGMENT, size - SHORTEST_SEGMENT + 1, dtype=np.float64)
    place = int((sums**2 / (cuts * (size - cuts))).argmax())
    cut, total = place + SHORTEST_SEGMENT, float(sums[place])
    centred[:cut] -= total / cut
    centred[cut:] += total / (size - cut)
    return cut, centred, -total / (size - cut) - total / cut


def best_split(segment: Vector) -> Split | None:
    """Return the cut that explains most of the segment's variance, or None where it is too short or constant.

    The gain is the squared t of the two means whose sample sizes are reduced by the lag-1 autocorrelation of what the
    cut leaves; the p-value is that t's times the number of cuts tried (Bonferroni).
    """
    size = segment.size
    if size < 2 * SHORTEST_SEGMENT:
        return None
    cut, rest, gap = best_cut(segment)
    tried = size - 2 * SHORTEST_SEGMENT + 1
    power = float(rest @ rest)
    variance = power / size
    if gap == 0.0:
        return None
    if variance <= (1e-12 * gap) ** 2:
        share = special.comb(size, min(cut, size - cut))
        return Split(cut, 0.0, np.inf, float(min(1.0, size / share)))
    correlation = min(max(float(rest[1:] @ rest[:-1]) / power + 1 / size, 0.0), LARGEST_CORRELATION)
    effective = size * (1 - correlation) / (1 + correlation)
    statistic = abs(gap) * float(np.sqrt(effective * cut * (size - cut) / size**2 / variance))
    freedom = max(effective - 2, 1.0)
    pvalue = min(1.0, 2 * float(special.stdtr(freedom, -statistic)) * tried)
    return Split(cut, float(np.sqrt(variance)), float(statistic**2), pvalue, correlation)


def robust_noise(segment: Vector) -> float:
    """Return the long-run variance of the noise, whatever steps there are.

    Source: Chakar, Lebarbier, Levy-Leduc and Robin, A robust approach for estimating change-points in the mean of an
    AR(1) process (Bernoulli 2017): the median square of differences one and two apart tells variance and correlation.
    """
    # The middle of the sorted is quicker than numpy's median, and it need not be exact.
    near = float(np.sort(np.abs(segment[1:] - segment[:-1]))[segment.size // 2 - 1])
    far = float(np.sort(np.abs(segment[2:] - segment[:-2]))[segment.size // 2 - 1])
    if near == 0.0:
        return 0.0
    correlation = min(max((far / near) ** 2 - 1, 0.0), LARGEST_CORRELATION)
    return (1.4826 * near) ** 2 / 2 / (1 - correlation) * (1 + correlation) / (1 - correlation)


def candidates(segment: Vector, least: float) -> list[int]:
    """Return where the means of two neighbouring windows of some width differ most, by a gain of at least `least`.

    Source: moving sums over several bandwidths, Cho and Kirch, Two-stage data segmentation permitting multiscale
    change points (2022).
    """
    sums = np.concatenate(([0.0], np.cumsum(segment)))
    peaks: list[tuple[float, int]] = []
    width = SHORTEST_SEGMENT
    while 2 * width <= segment.size:
        gains = (sums[2 * width :] - 2 * sums[width:-width] + sums[: -2 * width]) ** 2 / (2 * width)
        place = int(gains.argmax())
        while gains[place] > least:
            peaks.append((float(gains[place]), place + width))
            gains[max(place - width // 2, 0) : place + width // 2 + 1] = 0.0
            place = int(gains.argmax())
        width *= 2
    edges = [0, segment.size]
    for _, place in sorted(peaks, reverse=True):
        at = bisect(edges, place)
        if min(place - edges[at - 1], edges[at] - place) >= SHORTEST_SEGMENT:
            edges.insert(at, place)
    return edges[1:-1]


def hidden_cuts(segment: Vector, penalty: float) -> list[tuple[int, Split]]:
    """Return the cuts of a segment that only show together, since each one's noise is the steps that are left.

    Candidates against the robust noise are cut all at once; of these the weaker ones go, and their neighbours move,
    until all are significant beside what they leave.
    """
    cuts = candidates(segment, penalty / 2 * max(robust_noise(segment), ROUNDING**2))
    moved = set(range(len(cuts)))
    while cuts:
        edges = [0, *cuts, segment.size]
        for place in moved:
            # Where it is best between its neighbours, which are others now.
            start, end = edges[place], edges[place + 2]
            edges[place + 1] = cuts[place] = start + best_cut(segment[start:end])[0]
        tests = tested(segment, cuts)
        gone = weaker([test.gain for test in tests], penalty)
        if not gone:
            return list(zip(cuts, tests, strict=True))
        kept = [place for place in range(len(cuts)) if place not in gone]
        moved = {new for new, place in enumerate(kept) if place - 1 in gone or place + 1 in gone}
        cuts = [cuts[place] for place in kept]
    return []


def weaker(gains: list[float], penalty: float) -> set[int]:
    """Return which cuts gain too little, and no more than their neighbours; of two such neighbours one stays."""
    gone: set[int] = set()
    for place, gain in enumerate(gains):
        around = gains[max(place - 1, 0) : place + 2]
        if gain < penalty and gain <= min(around) and place - 1 not in gone:
            gone.add(place)
    return gone


def tested(segment: Vector, cuts: list[int]) -> list[Split]:
    """Return the evidence for each of several cuts beside its neighbours, given what all of them leave.

    Welch's t, its squared error never less than the pooled one, sample sizes reduced by what correlation is left.
    """
    edges = np.array([0, *cuts, segment.size])
    sizes = np.diff(edges)
    means = np.add.reduceat(segment, edges[:-1]) / sizes
    rest = segment - np.repeat(means, sizes)
    squares = rest**2
    power = float(squares.sum())
    products = rest[1:] * rest[:-1]
    products[edges[1:-1] - 1] = 0.0
    correlation = float(products.sum()) / max(power, SMALLEST) + sizes.size / segment.size
    correlation = min(max(correlation, 0.0), LARGEST_CORRELATION)
    thinned = (1 - correlation) / (1 + correlation)
    each = np.add.reduceat(squares, edges[:-1]) / (sizes - 1) / sizes
    own = each[:-1] + each[1:]
    degrees = own**2 / np.maximum(each[:-1] ** 2 / (sizes[:-1] - 1) + each[1:] ** 2 / (sizes[1:] - 1), SMALLEST)
    left = max(segment.size - sizes.size, 1)
    shared = power / left * (1 / sizes[:-1] + 1 / sizes[1:])
    gaps = np.diff(means)
    gaps[np.abs(gaps) < ROUNDING] = 0.0
    gains = gaps**2 * thinned / np.maximum(np.maximum(own, shared), SMALLEST)
    freedom = np.maximum(np.where(own >= shared, degrees, left) * thinned, 1.0)
    pvalues = np.minimum(2 * special.stdtr(freedom, -np.sqrt(gains)) * segment.size, 1.0)
    gains[pvalues > LARGEST_PVALUE] = 0.0
    deviation = float(np.sqrt(power / left))
    return [
        Split(cut, deviation, float(gain), float(pvalue), correlation)
        for cut, gain, pvalue in zip(cuts, gains, pvalues, strict=True)
    ]


def left_by_line(segment: Vector) -> float:
    """Return the sum of squares that a straight line leaves of a segment."""
    steps = np.arange(segment.size) - (segment.size - 1) / 2
    centred = segment - np.add.reduce(segment) / segment.size
    return max(float(centred @ centred) - float(steps @ centred) ** 2 / float(steps @ steps), 0.0)


def left_by_levels(segment: Vector, cuts: list[tuple[int, Split]]) -> float:
    """Return the sum of squares that the levels between cuts leave, more by Schwarz's criterion for each of them."""
    edges = np.array([0, *(cut for cut, _ in cuts), segment.size])
    sizes = np.diff(edges)
    means = np.add.reduceat(segment, edges[:-1]) / sizes
    rest = segment - np.repeat(means, sizes)
    return float(rest @ rest) * float(segment.size ** ((2 * len(cuts) - 1) / segment.size))


def segments_of(series: Vector) -> list[tuple[int, Split]]:
    """Return the significant cuts of a series by binary segmentation, as (index, evidence)."""
    found: list[tuple[int, Split]] = []
    penalty = PENALTY * np.log(max(series.size, 2))
    waiting = [(0, series.size)]
    while waiting:
        start, end = waiting.pop()
        segment = series[start:end]
        split = best_split(segment)
        if split is None:
            continue
        # What a line explains far better is a trend.
        if split.gain >= penalty and split.deviation**2 * segment.size <= DECISIVE * left_by_line(segment):
            middle = start + split.index
            found.append((middle, split))
            waiting += [(start, middle), (middle, end)]
        elif split.correlation > RESTLESS / np.sqrt(segment.size):
            cuts = hidden_cuts(segment, penalty)
            if cuts and left_by_levels(segment, cuts) <= left_by_line(segment):
                found += [(start + cut, evidence) for cut, evidence in cuts]
    return sorted(found, key=lambda cut: cut[0])


def change_points(values: npt.ArrayLike) -> list[list[ChangePoint]]:
    """Return the change points of each series, in order.

    values: (S, T), NaN where missing. Source: binary segmentation (Scott and Knott 1974; Vostrikova 1981) with a test
    whose sample size allows for autocorrelation, so that a slow wander is not a hundred changes. A cut must gain
    5 log n, more than Schwarz's criterion asks: on annotated series anything from 3 to 12 log n does about as well.
    Where no cut does but the best one leaves much correlation, several together are tried, as in stairs and pulses;
    where a straight line leaves far less, there is a trend and no change.
    """
    return [_change_points_of(series) for series in matrix(values)]


def _change_points_of(series: Vector) -> list[ChangePoint]:
    places = np.flatnonzero(~np.isnan(series))
    present = series[places]
    scale = float(np.abs(present).max(initial=0.0))
    if scale == 0.0:
        return []
    cuts = segments_of(present / scale)
    edges = [0, *(index for index, _ in cuts), present.size]
    points = []
    for number, (index, split) in enumerate(cuts):
        before = float(present[edges[number] : index].mean())
        after = float(present[index : edges[number + 2]].mean())
        deviation = split.deviation * scale
        effect = (after - before) / deviation if deviation > 0 else float(np.copysign(np.inf, after - before))
        points.append(ChangePoint(int(places[index]), before, after, effect, split.pvalue))
    return points
