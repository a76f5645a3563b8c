"""The analyzer's service: at each tick read, remember, judge, publish."""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from agentgauge.analyzer import findings as gauges
from agentgauge.analyzer import leaks, state
from agentgauge.analyzer.anomalies import STALE_TICKS, judge, observe
from agentgauge.analyzer.correlation import Pair, correlated
from agentgauge.analyzer.detail import detail_of, remembered
from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.levels import assess, correct
from agentgauge.analyzer.report import Report, report
from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.signals import resolve
from agentgauge.analyzer.source import REASONS, QueryError, Reading, Source
from agentgauge.catalogue import METRICS
from agentgauge.configuration import Analyzer as Settings
from agentgauge.totals import Family
from agentgauge.web.status import SignalDetail, SignalRow

_log: Final = logging.getLogger(__name__)

JUDGED_SECONDS: Final = 5.0
"""Faster ticks are sampled, but not judged more often than about this."""

ASSESSED_SECONDS: Final = 120.0
"""Levels and trends are assessed anew this often, some series each tick."""

CORRELATED_SECONDS: Final = 60.0
"""What moved together is looked for this often."""

FORECAST_EVERY: Final = 3
"""Forecasts are made anew at each so many assessments: what comes in an hour does not change by the minute."""

SAVED_SECONDS: Final = 300.0
HISTORY_SHOWN: Final = 120
"""Ticks of a row's history on the status page."""

_SERIES_AT_ONCE: Final = 32


class Analyzer:
    """Watches signals.

    Args:
        settings: the configuration's section.
        source: where series come from.
        state_file: where the memory is kept between runs; None keeps it nowhere.
        clock: unix seconds.

    Raises:
        ConfigurationError: a signal that could never have a value.
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        state_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._source = source
        self._clock = clock
        self._signals = {signal.name: signal for signal in resolve(settings)}
        self._history = History(settings.interval_seconds, settings.history_seconds, settings.max_series)
        self._findings: list[Finding] = []
        self._version = -1
        self._lock = threading.Lock()
        self._owed: float | None = None
        self._judged_every = max(1, int(JUDGED_SECONDS // settings.interval_seconds))
        self._judged: int | None = None
        self._waiting: list[range] = []
        self._per_tick = 1
        self._assessed = -math.inf
        self._assessments = 0
        self._failing: dict[str, str] = {}
        self._down = False
        self._full = False
        self._errors = dict.fromkeys(REASONS, 0)
        self._duration = 0.0
        self._succeeded = 0.0
        self._ticked = -math.inf
        self._now = 0.0
        self._pairs: list[Pair] = []
        self._correlated = -math.inf
        self._state_file = state_file
        self._saved = -math.inf
        self._save_failed = False
        if state_file is not None:
            state.restore(state_file, self._history, self._signals)

    @property
    def ready(self) -> bool:
        """Whether a tick is complete."""
        return self._ticked > -math.inf

    @property
    def problem(self) -> str:
        """What is wrong with the source now, on one line; empty where nothing is."""
        return next(iter(self._failing.values()), "")

    def tick(self, now: float) -> None:
        """Read every signal at one instant (unix seconds) and judge it.

        A source that does not answer is no error: it is said in the metrics and once in the log, and after a few
        such ticks the findings are withdrawn.
        """
        started = time.monotonic()
        reading = self._source.read(list(self._signals.values()), now)
        self._report(reading)
        if reading.answered:
            self._fill_gap(now)
            with self._lock:
                self._remember(reading, now)
                observe(self._history, self._findings)
                self._judge(self._history.slot(now))
                self._assess(now)
                self._correlate(now)
            self._succeeded = now
        with self._lock:
            self._now = now
            correct(self._current())
        self._ticked = time.monotonic()
        self._duration = self._ticked - started
        if now - self._saved >= SAVED_SECONDS:
            # The first tick only starts the clock: there is nothing new to keep yet.
            if self._saved > -math.inf:
                self.save()
            self._saved = now

    def families(self) -> list[Family]:
        """Return the findings and the analyzer's own state as gauges; a tick that hangs withdraws the findings."""
        own = [
            ("agentgauge_analyzer_tick_duration_seconds", self._duration),
            ("agentgauge_analyzer_series", float(len(self._history.series))),
            ("agentgauge_analyzer_last_success_timestamp_seconds", self._succeeded),
            ("agentgauge_analyzer_source_up", float(self.ready and not self._down)),
        ]
        families = [Family(METRICS[name], {(): value}) for name, value in own]
        errors = {(reason,): float(count) for reason, count in self._errors.items()}
        families.append(Family(METRICS["agentgauge_analyzer_source_errors_total"], {**errors}))
        if self._is_current():
            with self._lock:
                current = self._current()
                families += gauges.families(current, self._settings.horizon_seconds)
                families += gauges.correlations(self._pairs, current)
        return families

    def rows(self) -> list[SignalRow]:
        """Return the findings for the status page, anomalies first."""
        if not self._is_current():
            return []
        with self._lock:
            rows = [self._row(finding) for finding in self._current()]
        return sorted(
            rows, key=lambda row: (not row.anomaly, not row.regression, row.signal, sorted(row.labels.items()))
        )

    def detail(self, signal: str, labels: Mapping[str, str]) -> SignalDetail | None:
        """Return everything about one series, its past judged anew; None where it has no value now."""
        if not self._is_current():
            return None
        wanted = series(signal, labels.items())
        with self._lock:
            finding = next((finding for finding in self._current() if finding.series == wanted), None)
            if finding is None:
                return None
            kind, row, kept = self._signals[signal], self._row(finding), replace(finding)
            past = remembered(self._history, self._history.rows[wanted], kept, kind.window_seconds)
        return detail_of(row, kept, kind, past, self._settings.horizon_seconds)

    def report(self) -> Report:
        """Return what is worth attention now, for ``/api/v1/findings``."""
        with self._lock:
            current = self._current() if self._is_current() else []
            return report(self._history, current, self._pairs, self._now, self._settings.horizon_seconds)

    def run(self, stop: threading.Event) -> None:
        """Tick at each multiple of the interval until told to stop, then save; nothing that happens ends it."""
        interval = self._settings.interval_seconds
        due = math.floor(self._clock() / interval) * interval
        broken = False
        while not stop.is_set():
            try:
                self.tick(due)
                broken = False
            except Exception:  # noqa: BLE001 - whatever it is, it must not silence the monitor
                if not broken:
                    _log.exception("a tick failed; the next is tried all the same")
                broken = True
            # From the clock each time, so that neither a slow tick nor a clock that is set leaves a drift.
            now, last = self._clock(), due
            due = (math.floor(now / interval) + 1) * interval
            if abs(due - last) < interval / 2:
                due += interval  # woken a little early
            stop.wait(due - now)
        self.save()

    def save(self) -> None:
        """Keep the memory in the state file, where there is one; a failure is logged once."""
        if self._state_file is None:
            return
        try:
            state.save(self._state_file, self._history)
            self._save_failed = False
        except OSError as error:
            if not self._save_failed:
                _log.warning("%s: cannot be saved: %s", self._state_file, error.strerror)
            self._save_failed = True

    def _report(self, reading: Reading) -> None:
        """Count failures, and log each change of state once."""
        said = set()
        for error in reading.failed.values():
            # One error object stands for all signals that were not asked after it.
            if id(error) not in said:
                self._errors[error.reason] += 1
            said.add(id(error))
        down = not reading.answered and bool(self._signals)
        if down and not self._down:
            error = next(iter(reading.failed.values()))
            _log.warning("no signal can be read: %s; findings are withdrawn until one can", error)
        elif self._down and not down:
            _log.warning("signals can be read again")
        if not down:
            for name in reading.failed.keys() - (self._failing.keys() if not self._down else set()):
                _log.warning("signal %s cannot be read: %s", name, reading.failed[name])
            for name in self._failing.keys() - reading.failed.keys() if not self._down else ():
                _log.warning("signal %s can be read again", name)
        self._down = down
        self._failing = {name: str(error) for name, error in reading.failed.items()}

    def _fill_gap(self, now: float) -> None:
        """Put what the source has stored where this process has seen nothing."""
        history = self._history
        last = history.fine.slot
        if last is None:
            self._owed = now - self._settings.history_seconds
        elif history.slot(now) - last > STALE_TICKS and self._owed is None:
            self._owed = max(last * history.interval, now - self._settings.history_seconds)
        if self._owed is None:
            return
        signals = list(self._signals.values())
        try:
            for step, points, coarse in (
                (history.coarse_step, history.coarse.points, True),
                (history.interval, history.fine.points, False),
            ):
                end = (math.ceil(now / step - 1e-9) - 1) * step
                start = max(math.ceil(self._owed / step) * step, end - (points - 1) * step)
                for series, times, values in self._source.history(signals, start, end, step):
                    with self._lock:
                        history.begin(now)
                        history.fill(series, times, values, coarse=coarse)
        except QueryError as error:
            self._errors[error.reason] += 1
            return
        self._owed = None

    def _remember(self, reading: Reading, now: float) -> None:
        left_out = self._history.append(now, reading.values, reading.events)
        if left_out and not self._full:
            limit = self._settings.max_series
            _log.warning("%d series are not watched: analyzer.max_series is %d", left_out, limit)
        self._full = bool(left_out)
        self._align()

    def _align(self) -> None:
        """Make the findings one per row of the history."""
        if self._version != self._history.version:
            known = {finding.series: finding for finding in self._findings}
            self._findings = [known.get(series) or Finding(series) for series in self._history.series]
            self._version = self._history.version

    def _judge(self, slot: int) -> None:
        # A clock that went back must not put it off.
        if self._judged is None or not 0 <= slot - self._judged < self._judged_every:
            judge(self._history, self._findings, self._signals)
            self._judged = slot

    def _assess(self, now: float) -> None:
        if not self._waiting and now - self._assessed >= ASSESSED_SECONDS:
            self._history.drop_ended()
            self._align()
            count = len(self._findings)
            self._waiting = [
                range(start, min(start + _SERIES_AT_ONCE, count)) for start in range(0, count, _SERIES_AT_ONCE)
            ]
            ticks = max(1, int(ASSESSED_SECONDS / self._settings.interval_seconds) - 1)
            self._per_tick = math.ceil(len(self._waiting) / ticks)
            self._assessed = now
            self._assessments += 1
        horizon, anew = self._settings.horizon_seconds, self._assessments % FORECAST_EVERY == 0
        for rows in self._waiting[: self._per_tick]:
            assess(self._history, self._findings, self._signals, rows, horizon, anew=anew)
            leaks.assess(self._history, self._findings, self._signals, rows)
        self._waiting = self._waiting[self._per_tick :]

    def _correlate(self, now: float) -> None:
        # A clock that went back must not put it off.
        if not 0 <= now - self._correlated < CORRELATED_SECONDS:
            self._pairs = correlated(self._history, self._current())
            self._correlated = now

    def _current(self) -> list[Finding]:
        slot = self._history.slot(self._now)
        return [finding for finding in self._findings if slot - finding.slot < STALE_TICKS]

    def _is_current(self) -> bool:
        patience = STALE_TICKS * self._settings.interval_seconds + self._settings.timeout_seconds
        return time.monotonic() - self._ticked <= patience

    def _row(self, finding: Finding) -> SignalRow:
        recent, unusual = self._recent(finding.series)
        return SignalRow(
            finding.series.signal,
            dict(finding.series.labels),
            finding.value,
            finding.expected,
            finding.lower,
            finding.upper,
            finding.zscore,
            finding.pvalue,
            finding.anomaly,
            finding.regression,
            finding.regression_ratio,
            recent,
            unusual,
            finding.change,
            finding.predicted_in if finding.predicted == 1 else math.nan,
            finding.leak == 1,
        )

    def _recent(self, wanted: Series) -> tuple[list[tuple[float, float]], list[float]]:
        """Return the last ticks' times and values, and the times of those that are anomalous."""
        fine, interval, row = self._history.fine, self._history.interval, self._history.rows[wanted]
        values = fine.values[row, -HISTORY_SHOWN:].tolist()
        first = (fine.slot or 0) - len(values) + 1
        flags = np.flatnonzero(self._history.excluded.values[row, -len(values) :]).tolist()
        points = [((first + at) * interval, value) for at, value in enumerate(values) if not math.isnan(value)]
        return points, [(first + at) * interval for at in flags]
