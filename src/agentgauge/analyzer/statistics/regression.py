"""Regressions: a level that got worse by a share that matters, beyond doubt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from .grid import matrix
from .levels import median_of_5

Vector = npt.NDArray[np.float64]

WORSE = {"higher": 1.0, "lower": -1.0}
FEWEST_BEFORE = 8
FEWEST_AFTER = 5
FEWEST_POINTS = FEWEST_BEFORE + FEWEST_AFTER
LONGEST_MEMORY = 8
POINTS_PER_WEIGHT = 15
OUTLIER = 4.0
REFINEMENTS = 2
ROUNDING = 1e-12
DOUBT = 0.01
LEAST_OF_THRESHOLD = 0.8
LEAST_OTHERWISE = 0.5
WIDER = 2.0
SHARE_BEFORE = 8
BASELINE_SHARE = 4
AT_ONCE = 3
STRETCH = 15
BURST = 10


@dataclass(frozen=True, slots=True)
class Regression:
    """A level that got worse: the first index after it, the levels around it and how sure it is.

    ratio: 1 + (after - before) / |before|; interval: the confidence interval of the ratio.
    """

    index: int
    before: float
    after: float
    ratio: float
    pvalue: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Step:
    """The likeliest step of a series: first index after it, level before, height, its standard error and p-value."""

    cut: int
    before: float
    height: float
    error: float
    freedom: float
    pvalue: float


def regressions(
    values: npt.ArrayLike,
    *,
    direction: str | Sequence[str],
    threshold: float = 0.15,
    confidence: float = 0.95,
) -> list[Regression | None]:
    """Return each series' regression that lasts until its end, None where there is none.

    values: (S, T), NaN where missing; direction: which way is worse, "higher" or "lower", for all series or one for
    each; threshold: the share of the level before that matters; confidence: of the interval, and 1 - confidence
    shrunk a hundredfold, since real noise is rarely normal, bounds the p-value. A step counts when it is
    significant, its height is at least four fifths of the threshold, its doubled interval reaches the threshold, and
    the plain series tells the same story. What began in the first quarter of a series is its level, unless nothing
    since comes near what was before.
    Raises ValueError for an unknown direction.
    """
    samples = matrix(values)
    directions = [direction] * len(samples) if isinstance(direction, str) else list(direction)
    if len(directions) != len(samples):
        raise ValueError(f"{len(directions)} directions for {len(samples)} series")
    unknown = sorted(set(directions) - WORSE.keys())
    if unknown:
        raise ValueError(f"direction must be 'higher' or 'lower', not {unknown[0]!r}")
    return [
        _regression_of(series, WORSE[which], threshold, confidence)
        for series, which in zip(samples, directions, strict=True)
    ]


def running_medians(series: Vector, width: int) -> Vector:
    """Return the median of each stretch of `width` points (N - width + 1,)."""
    result: Vector = np.median(np.lib.stride_tricks.sliding_window_view(series, width), axis=1)
    return result


def without_outliers(series: Vector) -> Vector:
    """Return the series with lone outliers pulled in to three deviations around the median of five (Hampel's filter).

    The deviation is the usual one of the series from that median, by the median, or the mean where that is zero.
    """
    padded = np.pad(series, 2, mode="reflect")
    middle = median_of_5(*(padded[lag : lag + series.size] for lag in range(5)))
    apart = np.abs(series - middle)
    limit = OUTLIER * (1.4826 * float(np.median(apart)) or float(apart.mean()))
    result: Vector = np.clip(series, middle - limit, middle + limit)
    return result


def memory_weights(rest: Vector) -> Vector:
    """Return the weights of an autoregression of residuals, by Yule and Walker's equations (Levinson's recursion)."""
    order = min(LONGEST_MEMORY, rest.size // POINTS_PER_WEIGHT)
    power = float(rest @ rest)
    if order == 0 or power == 0.0:
        return np.zeros(0)
    correlation = np.array([float(rest[lag:] @ rest[: rest.size - lag]) for lag in range(order + 1)]) / power
    # Taking out the levels pulls every autocorrelation down by about one point's worth.
    correlation[1:] += 2 / rest.size
    weights = np.empty(order)
    error = 1.0
    for lag in range(1, order + 1):
        known = weights[: lag - 1]
        reflection = (correlation[lag] - known @ correlation[lag - 1 : 0 : -1]) / max(error, ROUNDING)
        reflection = min(max(reflection, -0.98), 0.98)
        known -= reflection * known[::-1]
        weights[lag - 1] = reflection
        error *= 1 - reflection**2
    return weights


def whitened(series: Vector, weights: Vector) -> Vector:
    """Return what an autoregression leaves of a series, its first points as far as their own past goes."""
    left = series.copy()
    for lag, weight in enumerate(weights, start=1):
        left[lag:] -= weight * series[:-lag]
    return left


def likeliest_step(series: Vector, worse: float) -> Step | None:
    """Return the step of greatest likelihood in the worse direction, None where none goes that way.

    Source: generalised least squares of a step under autoregressive errors; with little memory it compares the
    means, with long memory the jump itself, so that a slow wander is not a step. Fox, Outliers in Time Series (1972);
    Chen and Liu, Joint Estimation of Model Parameters and Outlier Effects (1993), the level shift.
    """
    size = series.size
    cuts = np.arange(max(FEWEST_BEFORE, size // SHARE_BEFORE), size - FEWEST_AFTER + 1)
    centred = series - series.mean()
    gains = -worse * np.cumsum(centred)[cuts - 1] / np.sqrt(cuts * (size - cuts) / size)
    cut, error, weights = int(cuts[gains.argmax()]), 0.0, np.zeros(0)
    before = float(series[:cut].mean())
    height = float(series[cut:].mean()) - before
    for _ in range(REFINEMENTS):
        rest = series - before
        rest[cut:] -= height
        weights = memory_weights(rest)
        cut, before, height, error = _fit(series, weights, cuts, worse)
    if height * worse <= 0.0:
        return None
    freedom = max(size - 2.0 - 2 * weights.size, 2.0)
    if error <= ROUNDING * abs(height):
        return Step(cut, before, height, 0.0, freedom, 0.0)
    pvalue = min(1.0, float(special.stdtr(freedom, -abs(height) / error)) * cuts.size)
    return Step(cut, before, height, error, freedom, pvalue)


def _fit(series: Vector, weights: Vector, cuts: npt.NDArray[np.int64], worse: float) -> tuple[int, float, float, float]:
    """Fit level and step at every cut; return the best cut, the level, the height and the height's error."""
    size = series.size
    white = whitened(series, weights)
    ones = whitened(np.ones(size), weights)
    white_after = _overlap(white, ones, weights.size, cuts)
    ones_after = _overlap(ones, ones, weights.size, cuts)
    step_power = np.cumsum(ones**2)[size - cuts - 1]
    level_power, level_white = float(ones @ ones), float(white @ ones)
    room = np.maximum(level_power * step_power - ones_after**2, ROUNDING * level_power * step_power)
    heights = (level_power * white_after - ones_after * level_white) / room
    gains = worse * heights * np.sqrt(room)
    best = int(gains.argmax())
    cut, height = int(cuts[best]), float(heights[best])
    before = (level_white - height * float(ones_after[best])) / level_power
    left = white - before * ones
    left[cut:] -= height * ones[: size - cut]
    variance = float(left @ left) / max(size - 2 - weights.size, 1)
    return cut, before, height, float(np.sqrt(variance * level_power / room[best]))


def _overlap(white: Vector, step: Vector, memory: int, cuts: npt.NDArray[np.int64]) -> Vector:
    """Return the product of white with the whitened step at each cut, which is constant after `memory` points."""
    constant, first, last = step[memory], int(cuts[0]), int(cuts[-1]) + 1
    padded = np.concatenate([white, np.zeros(memory)])
    result: Vector = constant * np.cumsum(white[::-1])[::-1][cuts]
    for lag in range(memory):
        # The cuts are adjacent.
        result += (step[lag] - constant) * padded[first + lag : last + lag]
    return result


def _regression_of(series: Vector, worse: float, threshold: float, confidence: float) -> Regression | None:
    places = np.flatnonzero(~np.isnan(series))
    if places.size < FEWEST_POINTS:
        return None
    scale = float(np.abs(series[places]).max())
    if scale == 0.0:
        return None
    present = series[places] / scale
    step = likeliest_step(without_outliers(present), worse)
    if step is None or step.pvalue > (1 - confidence) * DOUBT:
        return None
    reach = float(special.stdtrit(step.freedom, (1 + confidence) / 2)) * step.error
    base = abs(step.before)
    if base <= ROUNDING:
        ratio, reach = float(np.copysign(np.inf, step.height)), 0.0
    else:
        ratio, reach = 1 + step.height / base, reach / base
    # The interval is that of a step in stationary noise; real noise misses by twice as much.
    if (
        worse * (ratio - 1) + WIDER * reach < threshold
        or worse * (ratio - 1) < LEAST_OF_THRESHOLD * threshold
        or not is_seen(worse * present, step.cut, threshold * base)
    ):
        return None
    before, after = step.before * scale, (step.before + step.height) * scale
    return Regression(int(places[step.cut]), before, after, ratio, step.pvalue, (ratio - reach, ratio + reach))


def is_seen(series: Vector, cut: int, least: float) -> bool:
    """Return whether a step up of a plain series that matters, `least`, is to be seen in medians too.

    Half of it must remain between the levels of both sides, since a burst after the step is not a level, and arrive
    at once, since a slow climb is a trend: unless the level leaves all that the past has been by as much as matters.
    A few points at the end are a burst until they do; what began in the first quarter is the level itself, unless the
    series never came back as near to what it was before.
    """
    before, after = series[:cut], series[cut:]
    level, base = float(np.median(after)), float(np.median(before))
    half = LEAST_OTHERWISE * least
    if level - base < half:
        return False
    width = min(STRETCH, after.size, cut)
    if cut * BASELINE_SHARE < series.size and running_medians(after, width).min() - base < least:
        return False
    if level - running_medians(before, width).max() >= least:
        return True
    at_once = float(np.median(after[:AT_ONCE]) - np.median(before[-AT_ONCE:])) >= half
    return at_once and after.size > BURST
