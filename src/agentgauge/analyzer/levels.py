"""Levels: over minutes and hours, where a series came from and where it goes."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.anomalies import scale, worsening
from agentgauge.analyzer.evidence import bounds
from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.leaks import HELD
from agentgauge.analyzer.statistics import Regression, change_points, forecast, regressions
from agentgauge.analyzer.statistics.significance import false_discoveries_controlled
from agentgauge.analyzer.trends import Line, line
from agentgauge.configuration import Signal

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]

FEWEST_STEPS: Final = 12
"""Coarse steps before a level, a trend or a forecast is spoken of."""

RECENT_STEPS: Final = 5
"""Coarse steps that are the level now."""

CONFIDENCE: Final = 0.95

BEGINS_ANEW: Final = frozenset({"agentgauge_budget_used_ratio"})
"""Metrics of what is used of a period's amount: before the last time it began anew they say nothing."""

_LARGEST_CHANGE: Final = 100.0
_LEAST_SHARE: Final = 0.01
_OFTEN: Final = 0.975


class Past(NamedTuple):
    """What is judged of some series: complete coarse steps (n, m), when the last one ended, and seconds a step."""

    values: Matrix
    end: float
    step: float


def past(history: History, rows: range) -> Past:
    """Return a copy of some rows' coarse history; its newest column is not complete, and left out."""
    values = history.coarse.values[rows.start : rows.stop, :-1].copy()
    return Past(values, ((history.coarse.slot or 0) - 1) * history.coarse_step, history.coarse_step)


def assess(
    past: Past, findings: Sequence[Finding], signals: Sequence[Signal], horizon: float, *, anew: bool = True
) -> None:
    """Update findings' regression, change, trend and forecast.

    Args:
        past: of as many series.
        findings: one per series.
        signals: whose series they are.
        horizon: seconds ahead.
        anew: forecast all of them, not only those without a forecast.
    """
    chosen = np.flatnonzero((~np.isnan(past.values)).sum(axis=1) >= FEWEST_STEPS)
    if not chosen.size:
        return
    values = past.values[chosen]
    # Columns before the first value of any of them are no past.
    values = np.ascontiguousarray(values[:, np.flatnonzero(~np.isnan(values).all(axis=0))[0] :])
    some = [findings[at] for at in chosen.tolist()]
    kinds = [signals[at] for at in chosen.tolist()]
    _changes(some, values, past.end, past.step)
    _regressions(some, kinds, values, past.step)
    _trends(some, values, past.step)
    ahead = [at for at, finding in enumerate(some) if anew or np.isnan(finding.forecast)]
    if ahead:
        chosen_kinds = [kinds[at] for at in ahead]
        _forecasts([some[at] for at in ahead], chosen_kinds, values[ahead], past.step, horizon)


def correct(findings: Sequence[Finding]) -> None:
    """Withdraw regressions that are not significant among all series (Benjamini-Hochberg)."""
    regressed = [finding for finding in findings if finding.regression]
    if regressed:
        pvalues = np.array([f.regression_pvalue for f in findings if not np.isnan(f.regression_pvalue)])
        held = false_discoveries_controlled(pvalues[:, None], 1 - CONFIDENCE)[:, 0]
        largest = pvalues[held].max(initial=-1.0)
        for finding in regressed:
            finding.regression = finding.regression_pvalue <= largest


def _changes(findings: list[Finding], values: Matrix, end: float, step: float) -> None:
    for finding, points in zip(findings, change_points(values), strict=True):
        # The level is new from the start of the step on, and a step is known by its end.
        finding.change = end - (values.shape[1] - points[-1].index) * step if points else 0.0


def _regressions(findings: list[Finding], signals: list[Signal], values: Matrix, step: float) -> None:
    recent = _medians(values[:, -RECENT_STEPS:])
    before = np.empty(len(findings))
    found: list[Regression | None] = [None] * len(findings)
    kinds = [(signal.regression_threshold, signal.baseline_seconds) for signal in signals]
    for threshold, baseline in set(kinds):
        alike = [at for at, kind in enumerate(kinds) if kind == (threshold, baseline)]
        steps = values.shape[1] if baseline is None else max(round(baseline / step), FEWEST_STEPS)
        before[alike] = _medians(values[alike, -steps - RECENT_STEPS : -RECENT_STEPS])
        for direction in ("higher", "lower"):
            places = [at for at in alike if signals[at].worse in {direction, "both"}]
            if not places:
                continue
            compared = values[places, -steps - RECENT_STEPS :]
            some = regressions(compared, direction=direction, threshold=threshold, confidence=CONFIDENCE)
            for at, regression in zip(places, some, strict=True):
                known = found[at]
                if regression is not None and (known is None or regression.pvalue < known.pvalue):
                    found[at] = regression
    for at, (finding, signal, regression) in enumerate(zip(findings, signals, found, strict=True)):
        finding.regression, finding.regression_pvalue = False, 1.0
        finding.regression_ratio = relative(signal, before[at], recent[at])
        if regression is None:
            continue
        least = signal.regression_threshold * scale(signal, regression.before)
        # A level that has come back is no regression, however bad it was meanwhile.
        if worsening(signal, recent[at] - regression.before) >= least:
            finding.regression, finding.regression_pvalue = True, regression.pvalue
            finding.regression_ratio = relative(signal, regression.before, regression.after)


def relative(signal: Signal, before: float, after: float) -> float:
    """Return the change of a level as a share of what it was: a hundredfold at most, and of a ratio's hundredth."""
    least = _LEAST_SHARE if signal.measure == "ratio" else 0.0
    base = max(abs(before), abs(after) / _LARGEST_CHANGE, least)
    return float((after - before) / base) if base != 0 else 0.0


def _trends(findings: list[Finding], values: Matrix, step: float) -> None:
    """Set the slopes: the median slope of pairs half the history apart.

    Source: Theil, A rank-invariant method of linear and polynomial regression analysis (1950), the incomplete method.
    """
    half = values.shape[1] // 2
    slopes = (values[:, -half:] - values[:, :half]) / ((values.shape[1] - half) * step) * 3600.0
    for finding, slope in zip(findings, _medians(slopes), strict=True):
        finding.trend = float(slope)


def _forecasts(findings: list[Finding], signals: list[Signal], values: Matrix, step: float, horizon: float) -> None:
    """Set the forecasts, and what they cross."""
    ahead = forecast(values, max(1, round(horizon / step)))
    for at, (finding, signal) in enumerate(zip(findings, signals, strict=True)):
        mean, lower, upper = continued(signal, values[at], (ahead.mean[at], ahead.lower[at], ahead.upper[at]))
        finding.forecast = float(mean[-1])
        finding.forecast_lower, finding.forecast_upper = float(lower[-1]), float(upper[-1])
        latest = upper if signal.worse == "lower" else lower
        if signal.threshold is not None:
            _crossings(finding, signal, signal.threshold, _far(signal, values[at]) or (mean, lower, upper), step)
        finding.predicted_in = _prediction(signal, values[at], latest, step) if signal.worse != "both" else np.nan
        finding.predicted = float(not np.isnan(finding.predicted_in))


def continued(signal: Signal, past: Vector, paths: tuple[Vector, Vector, Vector]) -> list[Vector]:
    """Return how a signal's past (m,) goes on: mean, lower and upper (n,), within what the signal can be.

    What has a capacity and fills or drains steadily goes on along its line; all else as forecast, which are `paths`.
    """
    steady = _steady(signal, past)
    floor, ceiling = bounds(signal)
    return [np.clip(path, floor, ceiling) for path in (steady.paths(len(paths[0])) if steady else paths)]


def _steady(signal: Signal, past: Vector) -> Line | None:
    """Return the line a signal's past (m,) goes along, of what has a capacity and fills or drains steadily."""
    if signal.threshold is None and signal.metric not in HELD:
        return None
    if signal.metric in BEGINS_ANEW:
        known = np.flatnonzero(~np.isnan(past))
        falls = np.flatnonzero(past[known][1:] < past[known][:-1] / 2)
        past = past[known[falls[-1] + 1] :] if falls.size else past
    return line(past)


def _far(signal: Signal, past: Vector) -> tuple[Vector, Vector, Vector] | None:
    """Return a steady line and its interval's ends as far ahead as the past (m,) reaches back, None for none."""
    steady = _steady(signal, past)
    return steady and steady.paths(len(past))


def _crossings(
    finding: Finding, signal: Signal, threshold: float, paths: tuple[Vector, Vector, Vector], step: float
) -> None:
    mean, lower, upper = paths
    finding.eta = _crossing(signal, finding.value, mean, threshold, step)
    # The interval's worse end crosses first; where both directions are bad, neither end is the worse one.
    if signal.worse != "both":
        soonest, latest = (lower, upper) if signal.worse == "lower" else (upper, lower)
        finding.eta_soonest = _crossing(signal, finding.value, soonest, threshold, step)
        finding.eta_latest = _crossing(signal, finding.value, latest, threshold, step)


def _crossing(signal: Signal, value: float, path: Vector, threshold: float, step: float) -> float:
    """Return the seconds until a path (n,) that begins at a value is beyond a threshold, NaN for not within it."""
    beyond = worsening_path(signal, np.concatenate([[value], path]) - threshold) >= 0
    return float(np.argmax(beyond) * step) if beyond.any() else np.nan


def _prediction(signal: Signal, past: Vector, path: Vector, step: float) -> float:
    """Return the seconds until a path (n,), the forecast's better end, has regressed from its past (m,), else NaN."""
    known = past[~np.isnan(past)]
    level = float(np.median(known[-RECENT_STEPS:]))
    least = signal.regression_threshold * scale(signal, level)
    # What the past has often been is a season, no regression.
    limit = max(level + least, np.quantile(known, _OFTEN))
    if signal.worse == "lower":
        limit = min(level - least, np.quantile(known, 1 - _OFTEN))
    beyond = worsening_path(signal, path - limit) > 0
    return float((np.argmax(beyond) + 1) * step) if beyond.any() else np.nan


def worsening_path(signal: Signal, path: Matrix) -> Matrix:
    """Return by how much a path, relative to a threshold, lies beyond it on the bad side."""
    if signal.worse == "both":
        # Whichever side the path starts on, the other is beyond.
        return -path * np.sign(path[0]) if path[0] else path * 0
    return path if signal.worse == "higher" else -path


def _medians(values: Matrix) -> npt.NDArray[np.float64]:
    """Return each row's median, NaN of rows without a value."""
    ordered = np.sort(values, axis=1)
    known = (~np.isnan(values)).sum(axis=1)
    rows = np.arange(len(values))
    low, high = ordered[rows, np.maximum(known - 1, 0) // 2], ordered[rows, np.minimum(known // 2, values.shape[1] - 1)]
    result: npt.NDArray[np.float64] = (low + high) / 2
    return result
