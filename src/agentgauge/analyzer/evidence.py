"""Evidence: how sure a value can be, given the number of events it is made of."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv, ndtr

from agentgauge.analyzer.signals import QUANTILES, counts_events, is_share
from agentgauge.catalogue import METRICS
from agentgauge.configuration import Signal

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

BY_CHANCE: Final = 1e-3
"""An anomaly's value is less probable than this, given its number of events."""

DECADES: Final = 3.0
"""Or several values in a row are together: what each is less probable than a tenth adds up, window by window."""

_ORDINARY: Final = 1.0
_CLEAREST: Final = 8.0

SPREAD_SHARE: Final = 0.975

_SPREAD_SIGMAS: Final = 2.24
_CREDIBLE: Final = 0.9
_DOUBT: Final = 4.0
_TINY: Final = 1e-12
_LOST: Final = 0.85
_PER_BUCKET: Final = -math.log(1 - _LOST)
_MOST_LOST: Final = 20.0


def bounds(signal: Signal) -> tuple[float, float]:
    """Return what a signal's value can be at least and at most."""
    if is_share(signal):
        return 0.0, signal.scale
    if signal.measure == "promql" or (signal.measure == "value" and signal.metric not in METRICS):
        return -np.inf, np.inf
    of_ratios = signal.metric.endswith("_ratio") and (signal.measure == "mean" or signal.measure in QUANTILES)
    return 0.0, signal.scale if of_ratios else np.inf


def chances(
    signals: Sequence[Signal], value: Vector, events: Vector, past: Matrix, usual_events: Vector, independent: Vector
) -> Vector:
    """Return the probability (n,) of a value so bad, or worse, given its number of events; NaN where that is unknown.

    Args:
        signals: whose values they are (n,).
        value: the value now (n,).
        events: how many events it is made of (n,), NaN where unknown.
        past: values before (n, m), NaN left out; each row has some.
        usual_events: how many events a value is made of as a rule (n,).
        independent: how many windows the past holds that share no event (n,).
    """
    result = np.full(len(signals), np.nan)
    known = np.array([counts_events(signal) for signal in signals]) & ~np.isnan(events)
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for at in np.flatnonzero(known).tolist():
        signal = signals[at]
        of = signal.metric if signal.measure in QUANTILES and signal.metric in METRICS else ""
        kinds.setdefault((signal.worse, "share" if is_share(signal) else signal.measure, of), []).append(at)
    for (worse, measure, of), places in kinds.items():
        scales = np.array([signals[at].scale for at in places])
        now, before = value[places] / scales, past[places] / scales[:, None]
        given = events[places], usual_events[places], independent[places]
        sides = [side for side in ("higher", "lower") if worse in {side, "both"}]
        chance = np.ones(len(places))
        for side in sides:
            if measure == "share":
                beyond, shares = (now, before) if side == "higher" else (1 - now, 1 - before)
                found = of_share(beyond, shares, *given)
            elif of and side == "higher":
                found = of_share(*shares_beyond(now, before, METRICS[of].buckets, 1 - QUANTILES[measure]), *given)
            else:
                found = of_level(now, before, *given, -1.0 if side == "lower" else 1.0)
            chance = np.minimum(chance, found)
        result[places] = np.minimum(chance * len(sides), 1.0)
    return result


def shares_beyond(value: Vector, past: Matrix, buckets: tuple[float, ...], share: float) -> tuple[Vector, Matrix]:
    """Return the shares of events, now (n,) and before (n, m), that a histogram's quantiles say were beyond a point.

    A quantile is drawn from a bucket by a straight line, so that a few events past a bound make it leap; how many they
    are is what matters. The point is the lower bound of the bucket the quantile is in now, or the past's median where
    that is higher. From one bound to the next all but a seventh of what is beyond is taken to be lost, as of durations
    whose bounds double.

    Args:
        value, past: the quantile now, and before.
        buckets: finite upper bounds, ascending.
        share: of the events beyond the quantile, 0.05 for p95.
    """
    place, lost = _lost(value, buckets)
    point = np.maximum(_lost(quantile(past, 0.5), buckets)[1], place * _PER_BUCKET)
    now = share * np.exp(np.minimum(lost - point, _MOST_LOST))
    before = share * np.exp(np.minimum(_lost(past, buckets)[1] - point[:, None], _MOST_LOST))
    return np.minimum(now, 1.0), np.minimum(before, 1.0)


def _lost(values: Matrix, buckets: tuple[float, ...]) -> tuple[npt.NDArray[np.int64], Matrix]:
    """Return the buckets of values, and the logarithm of how many fewer events are beyond them than in all."""
    edges = np.array((0.0, *buckets))
    place = np.clip(np.searchsorted(edges, values) - 1, 0, len(buckets) - 1).astype(np.int64)
    within = np.clip((values - edges[place]) / (edges[place + 1] - edges[place]), 0.0, 1.0)
    return place, place * _PER_BUCKET - np.log(1 - _LOST * within)


def of_share(value: Vector, past: Matrix, events: Vector, usual_events: Vector, independent: Vector) -> Vector:
    """Return the probability (n,) of a share so high, or higher, among so many events.

    The past's share is uncertain itself: it is taken at the upper end of what its events allow (Jeffreys' interval).
    Shares that vary more than their events explain are taken for shares of fewer events.

    Args:
        value: the share now (n,), in [0, 1].
        past: shares before (n, m), NaN left out.
        events: how many events it is one of (n,).
        usual_events: how many events a share is one of as a rule (n,).
        independent: how many windows the past holds that share no event (n,).
    """
    share = np.clip(np.nanmean(past, axis=1), 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_events = share * (1 - share) / np.maximum(usual_events, 1.0)
        dispersion = (_spread(past, quantile(past, 0.5)) / _SPREAD_SIGMAS) ** 2 / by_events
    dispersion = np.where(np.isfinite(dispersion), np.maximum(dispersion, 1.0), 1.0)
    known, now = usual_events * independent / dispersion, events / dispersion
    highest = betaincinv(share * known + 0.5, (1 - share) * known + 0.5, _CREDIBLE)
    count = np.maximum(value, 0.0) * now
    return np.where(count > 0, betainc(np.maximum(count, _TINY), np.maximum(now - count, 0.0) + 1, highest), 1.0)


def of_level(
    value: Vector, past: Matrix, events: Vector, usual_events: Vector, independent: Vector, side: float = 1.0
) -> Vector:
    """Return the probability (n,) of a positive statistic of events, such as a mean, so high or higher.

    Arguments as for `of_share`; side: -1 for so low, or lower. Its logarithm spreads evenly, more so the fewer events
    there are, and over a past of few windows nobody knows how much.
    """
    logarithms = np.log(np.maximum(past, _TINY))
    centre = quantile(logarithms, 0.5)
    sigma = _spread(logarithms, centre) / _SPREAD_SIGMAS * (1 + _DOUBT / independent)
    sigma *= np.sqrt(np.maximum(usual_events / np.maximum(events, 1.0), 1.0))
    distance = side * (np.log(np.maximum(value, _TINY)) - centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Vector = ndtr(-np.nan_to_num(distance / sigma, nan=0.0))
    return result


def added(decades: float, chance: float, windows: float) -> float:
    """Return the evidence so far, in decades, with one more value's.

    A cumulative sum that ordinary values wear off. Source: Page, Continuous inspection schemes (Biometrika 1954).

    Args:
        decades: the evidence before.
        chance: the value's probability.
        windows: windows since the value before; a fraction for values that share most of their events.
    """
    surprise = min(-math.log10(max(chance, 10.0**-_CLEAREST)), _CLEAREST)
    return min(max(decades + (surprise - _ORDINARY) * windows, 0.0), 2 * DECADES)


def quantile(values: Matrix, share: float) -> Vector:
    """Return a quantile (n,) of each row of (n, m), NaN left out; rows have at least one value."""
    ordered = np.sort(values, axis=1)  # NaN last
    known = (~np.isnan(values)).sum(axis=1)
    place = np.ceil(share * (known - 1)).astype(np.intp)
    result: Vector = ordered[np.arange(len(ordered)), place]
    return result


def _spread(past: Matrix, centre: Vector) -> Vector:
    """Return how far values (n, m) go from their centre (n,), save for one in forty."""
    return quantile(np.abs(past - centre[:, None]), SPREAD_SHARE)
