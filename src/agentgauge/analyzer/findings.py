"""Findings: what was found about each series, and its form as gauges."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from agentgauge.analyzer.series import Series
from agentgauge.catalogue import METRICS
from agentgauge.totals import Family, Histogram

_NAN: Final = math.nan

_COMPONENTS: Final = {
    "gen_ai_agent_name": "agent",
    "gen_ai_tool_name": "tool",
    "gen_ai_workflow_name": "workflow",
    "hook_name": "hook",
    "cache": "cache",
    "gen_ai_request_model": "model",
    "role": "process",
    "budget": "budget",
    "suite": "tests",
}
_ANOMALY_WEIGHT: Final = 0.6
_REGRESSION_WEIGHT: Final = 0.4


@dataclass(slots=True)
class Episode:
    """An anomaly that lasts, or the suspicion of one.

    Args:
        expected, lower, upper: what was expected before it began; its own values are not learned from.
        sigma: the usual deviation then.
        least: the deviation it takes to begin; less than half of it ends it.
        began: slot of its first tick.
        confirmed: judgements in a row that confirmed it, until it is an anomaly.
        calm: judgements in a row that ended it, once it is.
    """

    expected: float
    lower: float
    upper: float
    sigma: float
    least: float
    began: int
    confirmed: int = 0
    calm: int = 0


@dataclass(slots=True)
class Accepted:
    """An anomaly that became the normal level.

    Args:
        began, ended: slots of its first tick, and of the one it was accepted at.
        before, after: the levels.
        least: the deviation it took to begin; less than half of it is a return.
        calm: judgements in a row that found the level of before again.
    """

    began: int
    ended: int
    before: float
    after: float
    least: float
    calm: int = 0


@dataclass(slots=True)
class Finding:
    """What is known of one series now; NaN is not known.

    Args:
        series: which.
        slot: tick of the last value; ``judged`` the one judged last.
        decades: evidence that values of late are no chance, added up.
        value: the last value.
        expected, lower, upper: what its past leads to expect, and the 95 % band.
        zscore, pvalue: how far and how improbable.
        anomaly: significant, large and worse; ``episode`` is its memory.
        accepted: the anomalies that became the normal level, the latest ones.
        regression: the level is worse by the threshold, significantly; by ``regression_ratio`` (0.15 is 15 % up).
        change: unix seconds of the level's last change, 0 for never.
        trend: slope per hour.
        forecast, forecast_lower, forecast_upper: the value after the horizon, and its 95 % interval.
        eta: seconds until the forecast crosses the threshold, and when its interval does at the soonest and latest.
        predicted: even the better end of the forecast is worse, before the horizon, than the regression threshold
            allows, and than nearly all of the past (1 or 0); in ``predicted_in`` seconds.
        leak: what is held and never given back grows (1 or 0).
    """

    series: Series
    slot: int = 0
    judged: int = 0
    decades: float = 0.0
    value: float = _NAN
    expected: float = _NAN
    lower: float = _NAN
    upper: float = _NAN
    zscore: float = _NAN
    pvalue: float = _NAN
    anomaly: bool = False
    episode: Episode | None = None
    accepted: tuple[Accepted, ...] = ()
    regression: bool = False
    regression_ratio: float = _NAN
    regression_pvalue: float = _NAN
    change: float = _NAN
    trend: float = _NAN
    forecast: float = _NAN
    forecast_lower: float = _NAN
    forecast_upper: float = _NAN
    eta: float = _NAN
    eta_soonest: float = _NAN
    eta_latest: float = _NAN
    predicted: float = _NAN
    predicted_in: float = _NAN
    leak: float = _NAN
    leak_pvalue: float = _NAN


_GAUGES: Final = (
    ("agentgauge_signal_value", "value"),
    ("agentgauge_signal_expected", "expected"),
    ("agentgauge_signal_expected_lower", "lower"),
    ("agentgauge_signal_expected_upper", "upper"),
    ("agentgauge_signal_zscore", "zscore"),
    ("agentgauge_signal_pvalue", "pvalue"),
    ("agentgauge_signal_anomaly", "anomaly"),
    ("agentgauge_signal_regression_ratio", "regression_ratio"),
    ("agentgauge_signal_regression_pvalue", "regression_pvalue"),
    ("agentgauge_signal_regression", "regression"),
    ("agentgauge_signal_change_timestamp_seconds", "change"),
    ("agentgauge_signal_trend_per_hour", "trend"),
    ("agentgauge_signal_threshold_eta_seconds", "eta"),
    ("agentgauge_signal_threshold_eta_soonest_seconds", "eta_soonest"),
    ("agentgauge_signal_threshold_eta_latest_seconds", "eta_latest"),
    ("agentgauge_signal_predicted_regression", "predicted"),
    ("agentgauge_signal_leak", "leak"),
)
_FORECASTS: Final = (
    ("agentgauge_signal_forecast", "forecast"),
    ("agentgauge_signal_forecast_lower", "forecast_lower"),
    ("agentgauge_signal_forecast_upper", "forecast_upper"),
)


def families(findings: Iterable[Finding], horizon: float) -> list[Family]:
    """Return the findings as gauges; what is not known has no sample.

    Args:
        findings: those that hold now.
        horizon: seconds ahead of the forecast, for its label.
    """
    rows = [(finding, (("signal", finding.series.signal), *finding.series.labels)) for finding in findings]
    ahead = (("horizon", duration(horizon)),)
    result = []
    for gauges, more in ((_GAUGES, ()), (_FORECASTS, ahead)):
        for name, field in gauges:
            samples: dict[tuple[object, ...], float | Histogram] = {}
            for finding, labels in rows:
                value = float(getattr(finding, field))
                if not math.isnan(value):
                    samples[(*labels, *more)] = value
            if samples:
                result.append(Family(METRICS[name], samples))
    health = health_scores(finding for finding, _ in rows)
    if health:
        result.append(
            Family(METRICS["agentgauge_health_score_ratio"], {(name,): score for name, score in health.items()})
        )
    return result


def correlations(pairs: Iterable[tuple[Finding, Finding, float]], findings: Iterable[Finding]) -> list[Family]:
    """Return the correlated pairs, of findings that hold now, as gauges."""
    current = {finding.series for finding in findings}
    samples: dict[tuple[object, ...], float | Histogram] = {
        (("signal", one.series.signal), *one.series.labels, ("other", text(other.series))): strength
        for one, other, strength in pairs
        if one.series in current and other.series in current
    }
    return [Family(METRICS["agentgauge_signal_correlation"], samples)] if samples else []


def text(series: Series) -> str:
    """Return a series as PromQL writes one."""
    labels = ", ".join(f'{label}="{value}"' for label, value in series.labels)
    return f"{series.signal}{{{labels}}}" if labels else series.signal


def health_scores(findings: Iterable[Finding]) -> Mapping[str, float]:
    """Return each component's health, 0 to 1.

    A signal scores 1, less 0.6 while it is anomalous, less 0.4 while it has regressed. A component scores the mean
    of its signals' mean and its worst signal, so that one bad signal shows and several show more.
    """
    scores: dict[str, list[float]] = {}
    for finding in findings:
        lost = _ANOMALY_WEIGHT * finding.anomaly + _REGRESSION_WEIGHT * finding.regression
        scores.setdefault(component(finding.series), []).append(1.0 - lost)
    return {name: (min(values) + sum(values) / len(values)) / 2 for name, values in scores.items()}


def component(series: Series) -> str:
    """Return what a series is a property of, as ``agent/NAME``; its signal's name where no label says."""
    labels = dict(series.labels)
    for label, kind in _COMPONENTS.items():
        if label in labels:
            return f"{kind}/{labels[label]}"
    return series.signal


def duration(seconds: float) -> str:
    """Return a duration as Prometheus writes it, in one unit: 1h, 90s."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:g}s"
