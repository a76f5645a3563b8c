"""The report: everything found that is worth a reader's or a machine's attention, one row each."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agentgauge.analyzer.bottlenecks import bottlenecks
from agentgauge.analyzer.correlation import Pair, causes, grouped, since
from agentgauge.analyzer.findings import Finding, duration
from agentgauge.analyzer.findings import text as name
from agentgauge.analyzer.history import History
from agentgauge.analyzer.opportunities import opportunities

VERSION: Final = 1

EXPLAINED: Final = 20
"""Anomalies and regressions whose likely causes are ranked: beyond, it is everything, and no cause is one."""


class Row(Struct, frozen=True):
    """One thing found.

    Args:
        kind: anomaly, regression, predicted_regression, threshold, leak, bottleneck, opportunity or group.
        signal: of which signal; of a group, of the member that began first.
        labels: the series' labels.
        since: unix seconds; null where it has no beginning.
        evidence: numbers by name; null for what is not known.
        text: one sentence.
        causes: the series that may have caused it, the likeliest first.
        members: of a group, its series, the one that began first first.
        name: of an opportunity, which one.
    """

    kind: str
    signal: str
    labels: dict[str, str]
    since: float | None
    evidence: dict[str, float | None]
    text: str
    causes: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    name: str = ""


class Report(Struct, frozen=True):
    """What ``/api/v1/findings`` answers: its version, when it holds, and the rows."""

    version: int
    time: float
    findings: tuple[Row, ...]


def report(history: History, findings: Sequence[Finding], pairs: Sequence[Pair], now: float, horizon: float) -> Report:
    """Return what is found.

    Args:
        history: what the findings are of.
        findings: those that hold now.
        pairs: the correlated ones among them.
        now: the tick's unix seconds.
        horizon: seconds ahead of the forecasts.
    """
    interval = history.interval
    bad = [finding for finding in findings if finding.anomaly or finding.regression]
    ranked = {
        finding.series: tuple(name(cause.series) for cause in causes(history, findings, finding))
        for finding in bad[:EXPLAINED]
        if len(bad) > 1
    }
    rows = [_group(members, interval) for members in grouped(findings, pairs, interval)]
    for finding in findings:
        rows += _rows(finding, interval, horizon, ranked.get(finding.series, ()))
    for found in bottlenecks(history, findings):
        growth = f", up from {found.before:.0%}" if found.grows else ""
        text = (
            f"{name(found.finding.series)} holds {found.share:.0%} of the time of {found.whole or 'its whole'}"
            f"{growth}: it is where a gain counts most."
        )
        evidence = {"share": found.share, "share_before": found.before, "steps": float(found.steps)}
        rows.append(_row("bottleneck", found.finding, None, evidence, text))
    for chance in opportunities(history, findings):
        row = _row("opportunity", chance.finding, None, chance.evidence, chance.text)
        rows.append(replace(row, name=chance.name))
    return Report(VERSION, now, tuple(rows))


def _rows(finding: Finding, interval: float, horizon: float, likely: tuple[str, ...]) -> Iterable[Row]:
    what = name(finding.series)
    if finding.anomaly:
        evidence = {
            field: getattr(finding, field) for field in ("value", "expected", "lower", "upper", "zscore", "pvalue")
        }
        lasts = _time((finding.slot * interval) - since(finding, interval))
        text = (
            f"{what} is {finding.value:.4g} where {finding.lower:.4g} to {finding.upper:.4g} was expected, for {lasts}."
        )
        yield _row("anomaly", finding, since(finding, interval), evidence, text, likely)
    if finding.regression:
        change = finding.change if finding.change > 0 else None
        evidence = {"ratio": finding.regression_ratio, "pvalue": finding.regression_pvalue, "value": finding.value}
        direction = "above" if finding.regression_ratio > 0 else "below"
        text = f"The level of {what} is {abs(finding.regression_ratio):.0%} {direction} what it was."
        yield _row("regression", finding, change, evidence, text, likely)
    ahead = {"forecast": finding.forecast, "lower": finding.forecast_lower, "upper": finding.forecast_upper}
    if finding.predicted == 1 and not finding.regression:
        text = (
            f"{what} will have regressed in {_time(finding.predicted_in)}, if it goes on: "
            f"{finding.forecast_lower:.4g} to {finding.forecast_upper:.4g} in {duration(horizon)}, "
            f"now {finding.value:.4g}."
        )
        yield _row("predicted_regression", finding, None, {"in_seconds": finding.predicted_in, **ahead}, text)
    if not math.isnan(finding.eta):
        soonest, latest = finding.eta_soonest, finding.eta_latest
        end = f"in {_time(latest)} at the latest" if not math.isnan(latest) else "perhaps not before the forecast ends"
        begin = f"in {_time(soonest)} at the soonest, " if not math.isnan(soonest) else ""
        text = f"{what} crosses its threshold in {_time(finding.eta)}: {begin}{end}."
        evidence = {"eta_seconds": finding.eta, "soonest_seconds": soonest, "latest_seconds": latest}
        yield _row("threshold", finding, None, {**evidence, **ahead}, text)
    if finding.leak == 1:
        text = f"{what} only grows, by {finding.trend:.4g} an hour: it looks like a leak."
        evidence = {"per_hour": finding.trend, "pvalue": finding.leak_pvalue, "value": finding.value}
        yield _row("leak", finding, None, evidence, text)


def _group(members: Sequence[Finding], interval: float) -> Row:
    names = tuple(name(member.series) for member in members)
    begins = since(members[0], interval)
    text = f"{len(members)} series degraded together, {names[0]} first."
    evidence = {"members": float(len(members)), "within_seconds": since(members[-1], interval) - begins}
    row = _row("group", members[0], begins, evidence, text)
    return replace(row, members=names)


def _row(
    kind: str,
    finding: Finding,
    begins: float | None,
    evidence: dict[str, float],
    text: str,
    likely: tuple[str, ...] = (),
) -> Row:
    known = {field: number if math.isfinite(number) else None for field, number in evidence.items()}
    return Row(kind, finding.series.signal, dict(finding.series.labels), begins, known, text, likely)


def _time(seconds: float) -> str:
    """Return a duration for a reader: 40 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
