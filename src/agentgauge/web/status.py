"""What the status page shows, as plain values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from agentgauge.web.activity import Tallies

_NAN = math.nan


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One series of a signal and what the analyzer found about it.

    Args:
        signal: the signal's name.
        labels: the series' other labels.
        value: the last value, in the signal's unit.
        expected: what its past leads to expect.
        lower: the expected band's lower bound.
        upper: its upper bound.
        zscore: robust distance from the expected value.
        pvalue: probability of so large a deviation.
        anomaly: whether the deviation is significant across all signals, and worse.
        regression: whether the level is worse by the threshold, significantly.
        regression_ratio: change of level against the baseline; 0.15 is 15 % up.
        history: (unix seconds, value), ascending, where it is known.
        unusual: times in the history at which the series was anomalous.
        change: unix seconds of the level's last change; 0 or NaN for none known.
        predicted_in: seconds until the level will have regressed, if it goes on so; NaN for not before the horizon.
        leak: whether what is held grows and is never given back.
    """

    signal: str
    labels: Mapping[str, str]
    value: float = _NAN
    expected: float = _NAN
    lower: float = _NAN
    upper: float = _NAN
    zscore: float = _NAN
    pvalue: float = _NAN
    anomaly: bool = False
    regression: bool = False
    regression_ratio: float = _NAN
    history: Sequence[tuple[float, float]] | None = None
    unusual: Sequence[float] = ()
    change: float = _NAN
    predicted_in: float = _NAN
    leak: bool = False


class Expected(NamedTuple):
    """What is expected at a time: of the past a band, of what is to come a forecast with its interval."""

    time: float
    value: float
    lower: float
    upper: float


class Change(NamedTuple):
    """A change of level: when, and the levels around it."""

    time: float
    before: float
    after: float


class Related(NamedTuple):
    """Another series, and what it has to do with the one that is shown.

    Args:
        row: the other.
        cause: its place among the likely causes, 1 for the likeliest; 0 for none.
        correlation: rank correlation of their recent changes, where it is strong; else 0.
        together: whether both became anomalous, or worse, within two minutes.
    """

    row: SignalRow
    cause: int = 0
    correlation: float = 0.0
    together: bool = False


@dataclass(frozen=True, slots=True)
class SignalDetail:
    """Everything the analyzer sees of one series; times are unix seconds, values in the signal's unit.

    Args:
        row: what it finds now.
        worse: "higher", "lower" or "both": the direction that is bad.
        window_seconds: each value is about so much time.
        ticks: (time, value) of late, NaN where there was none.
        band: what was expected at some of these times.
        anomalies: (from, to) of the anomalies among them.
        since: when the present anomaly, or else the level that is a regression, began; NaN for neither.
        steps: (time, mean) over the whole history, NaN where there was none.
        changes: changes of level among them, ascending.
        ahead: the forecast, step by step to the horizon.
        trend: slope per hour.
        regression_pvalue: probability of so large a change of level by chance.
        threshold: the level whose crossing is forecast; NaN for none.
        eta: seconds until the forecast crosses it, until its interval does, and until all of that has; NaN for not
            before the horizon.
        related: other series that may have caused it, or moved with it.
    """

    row: SignalRow
    worse: str
    window_seconds: float
    ticks: Sequence[tuple[float, float]] = ()
    band: Sequence[Expected] = ()
    anomalies: Sequence[tuple[float, float]] = ()
    since: float = _NAN
    steps: Sequence[tuple[float, float]] = ()
    changes: Sequence[Change] = ()
    ahead: Sequence[Expected] = ()
    trend: float = _NAN
    regression_pvalue: float = _NAN
    threshold: float = _NAN
    eta: tuple[float, float, float] = (_NAN, _NAN, _NAN)
    related: Sequence[Related] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """One thing that is watched.

    Args:
        name: what it is, for a reader.
        detail: where or which.
        state: "good", "warn" or "bad".
        summary: a few words on its state.
        counts: what was read from it, by result.
        hint: what to do where there is nothing to see.
    """

    name: str
    detail: str
    state: str
    summary: str
    counts: Mapping[str, float] = field(default_factory=dict)
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """The processes of one role."""

    role: str
    processes: float
    resident_bytes: float
    open_fds: float
    threads: float


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A budget and how much of it is spent in its current period."""

    name: str
    period: str
    limit_usd: float
    used_ratio: float


@dataclass(frozen=True, slots=True)
class Status:
    """Everything the page shows.

    Args:
        version: of agentgauge.
        now: unix seconds.
        started: unix seconds at the process' start.
        ready: whether the first reading is complete.
        watched: collectors.
        processes: roles with a process.
        budgets: as configured.
        totals: what was called in all; None where this process does not count calls.
        recent: what was called in the last ``recent_seconds``.
        recent_seconds: how far back ``recent`` reaches.
        signals: what the analyzer found; None where no analyzer runs in this process.
        links: (text, URL) beside /metrics and health.
        sample: whether a sample agent runs.
        problem: one line on what is wrong with the analyzer's source or the checkpoint, or empty.
    """

    version: str
    now: float
    started: float
    ready: bool
    watched: Sequence[Watched] = ()
    processes: Sequence[ProcessRow] = ()
    budgets: Sequence[BudgetRow] = ()
    totals: Tallies | None = None
    recent: Tallies = field(default_factory=dict)
    recent_seconds: float = 0.0
    signals: Sequence[SignalRow] | None = None
    links: Sequence[tuple[str, str]] = ()
    sample: bool = False
    problem: str = ""
