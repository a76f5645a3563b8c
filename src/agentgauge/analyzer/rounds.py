"""Rounds: every series' level, trend and forecast assessed anew once in a while, some series each tick."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Final, NamedTuple

from agentgauge.analyzer import leaks, levels
from agentgauge.analyzer.capacity import of_series
from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.configuration import Signal

ASSESSED_SECONDS: Final = 120.0
"""Levels and trends are assessed anew this often."""

FORECAST_EVERY: Final = 3
"""Forecasts are made anew at each so many rounds: what comes in an hour does not change by the minute."""

_SERIES_AT_ONCE: Final = 32

_JUDGED: Final = frozenset(
    {"series", "slot", "judged", "decades", "value", "expected", "lower", "upper", "zscore", "pvalue"}
    | {"anomaly", "episode", "accepted"}
)
_ASSESSED: Final = tuple(field.name for field in fields(Finding) if field.name not in _JUDGED)


class Some(NamedTuple):
    """Some series: all it takes to assess them, here or elsewhere.

    Args:
        rows: of the history.
        past: what is judged.
        findings: copies of what is known of each.
        signals: whose series they are.
        horizon: seconds to forecast.
        anew: forecast all of them, not only those without a forecast.
    """

    rows: range
    past: levels.Past
    findings: list[Finding]
    signals: list[Signal]
    horizon: float
    anew: bool


def assessed(some: Some) -> list[Finding]:
    """Return the findings with what their past says."""
    levels.assess(some.past, some.findings, some.signals, some.horizon, anew=some.anew)
    leaks.assess(some.past.values, some.findings, some.signals)
    return some.findings


def update(findings: Sequence[Finding], some: Some, found: Sequence[Finding]) -> None:
    """Take over what was found of some series."""
    for row, new in zip(some.rows, found, strict=True):
        for name in _ASSESSED:
            setattr(findings[row], name, getattr(new, name))


class Rounds:
    """Says which series are due.

    Args:
        interval: seconds between ticks.
        horizon: seconds to forecast.
    """

    def __init__(self, interval: float, horizon: float) -> None:
        self._ticks = max(1, int(ASSESSED_SECONDS / interval) - 1)
        self._horizon = horizon
        self._waiting: list[range] = []
        self._per_tick = 1
        self._begun = -math.inf
        self._count = 0

    def over(self, now: float) -> bool:
        """Return whether it is time for a new round."""
        return not self._waiting and now - self._begun >= ASSESSED_SECONDS

    def begin(self, now: float, count: int) -> None:
        """Begin a round of so many series."""
        starts = range(0, count, _SERIES_AT_ONCE)
        self._waiting = [range(start, min(start + _SERIES_AT_ONCE, count)) for start in starts]
        self._per_tick = math.ceil(len(self._waiting) / self._ticks)
        self._begun = now
        self._count += 1

    def due(self, history: History, findings: Sequence[Finding], signals: Mapping[str, Signal]) -> list[Some]:
        """Return the series to assess at this tick."""
        due, self._waiting = self._waiting[: self._per_tick], self._waiting[self._per_tick :]
        anew = self._count % FORECAST_EVERY == 0
        result = []
        for rows in due:
            # Copies: what is assessed elsewhere must not change meanwhile.
            few = [replace(findings[row], episode=None) for row in rows]
            kinds = [of_series(signals[finding.series.signal], finding.series) for finding in few]
            result.append(Some(rows, levels.past(history, rows), few, kinds, self._horizon, anew))
        return result
