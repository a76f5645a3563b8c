"""Regressions: a level that got worse by a share that matters, beyond doubt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from .grid import matrix

Vector = npt.NDArray[np.float64]

WORSE = {"higher": 1.0, "lower": -1.0}
FEWEST_BEFORE = 8
FEWEST_AFTER = 5
FEWEST_POINTS = FEWEST_BEFORE + FEWEST_AFTER
LARGEST_CORRELATION = 0.98


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


def regressions(
    values: npt.ArrayLike,
    *,
    direction: str | Sequence[str],
    threshold: float = 0.15,
    confidence: float = 0.95,
) -> list[Regression | None]:
    """Return each series' regression that lasts until its end, None where there is none.

    values: (S, T), NaN where missing; direction: which way is worse, "higher" or "lower", for all series or one for
    each; threshold: the share of the level before that matters; confidence: of the interval, and 1 - confidence shared
    by the places tried bounds the false alarms. A change counts when it is significant and its interval
    reaches the threshold. Raises ValueError for an unknown direction.
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


def winsorized(series: Vector) -> Vector:
    """Return the series with lone outliers pulled in to the range of their four neighbours either side."""
    padded = np.pad(series, 2, mode="reflect")
    around = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    result: Vector = np.clip(series, around[:, 1], around[:, 3])
    return result


def long_run_variance(rest: Vector) -> float:
    """Return the variance of the mean of residuals times their number, at least that of independent ones.

    The larger of two estimates: an AR(1) of the residuals, and the means of batches of about the square root of n
    (Flegal and Jones, Batch Means and Spectral Variance Estimators, 2010).
    """
    size = rest.size
    variance = float(rest @ rest) / max(size - 2, 1)
    if variance == 0.0:
        return 0.0
    correlation = float(rest[1:] @ rest[:-1]) / float(rest @ rest) + 2 / size
    correlation = min(max(correlation, 0.0), LARGEST_CORRELATION)
    batch = max(int(np.sqrt(size)), 1)
    batches = rest[: size // batch * batch].reshape(-1, batch).mean(axis=1)
    by_batches = batch * float(batches @ batches) / max(batches.size - 2, 1)
    return float(max(variance * (1 + correlation) / (1 - correlation), by_batches))


def _regression_of(series: Vector, worse: float, threshold: float, confidence: float) -> Regression | None:
    places = np.flatnonzero(~np.isnan(series))
    size = places.size
    if size < FEWEST_POINTS:
        return None
    scale = float(np.abs(series[places]).max())
    if scale == 0.0:
        return None
    present = winsorized(series[places] / scale)
    cuts = np.arange(FEWEST_BEFORE, size - FEWEST_AFTER + 1)
    centred = present - present.mean()
    gains = -worse * np.cumsum(centred)[cuts - 1] / np.sqrt(cuts * (size - cuts) / size)
    cut = int(cuts[gains.argmax()])
    before, after = float(np.mean(present[:cut])), float(np.mean(present[cut:]))
    gap = after - before
    if gap * worse <= 0.0:
        return None
    rest = present.copy()
    rest[:cut] -= before
    rest[cut:] -= after
    error = float(np.sqrt(long_run_variance(rest) * (1 / cut + 1 / (size - cut))))
    freedom = max(size / max(long_run_variance(rest) / max(float(np.mean(rest**2)), 1e-300), 1.0) - 2, 2.0)
    if error <= 1e-12 * abs(gap):
        pvalue, quantile = 0.0, 0.0
    else:
        pvalue = min(1.0, 2 * float(special.stdtr(freedom, -abs(gap) / error)) * np.sqrt(cuts.size))
        quantile = float(special.stdtrit(freedom, (1 + confidence) / 2))
    base = abs(before)
    if base <= 1e-12:
        ratio, low, high = (float(np.copysign(np.inf, gap)),) * 3
    else:
        ratio = 1 + gap / base
        low, high = 1 + (gap - quantile * error) / base, 1 + (gap + quantile * error) / base
    reaches = max(worse * (low - 1), worse * (high - 1)) >= threshold
    if pvalue > 1 - confidence or not reaches or worse * (ratio - 1) < threshold / 2:
        return None
    return Regression(int(places[cut]), before * scale, after * scale, ratio, pvalue, (low, high))
