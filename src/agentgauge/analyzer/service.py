"""The analyzer's service: at each tick read, remember, judge, publish."""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from agentgauge.analyzer import anomalies, rounds, state
from agentgauge.analyzer import findings as gauges
from agentgauge.analyzer.anomalies import STALE_TICKS
from agentgauge.analyzer.capacity import of_series
from agentgauge.analyzer.correlation import Pair, correlated
from agentgauge.analyzer.detail import detail_of, remembered
from agentgauge.analyzer.engine import Engine, Local
from agentgauge.analyzer.failures import Failures
from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.levels import correct
from agentgauge.analyzer.related import related
from agentgauge.analyzer.report import Report, report
from agentgauge.analyzer.rows import row_of
from agentgauge.analyzer.series import series
from agentgauge.analyzer.signals import resolve
from agentgauge.analyzer.source import QueryError, Reading, Source
from agentgauge.catalogue import METRICS
from agentgauge.configuration import Analyzer as Settings
from agentgauge.totals import Family
from agentgauge.web.status import SignalDetail, SignalRow

_log: Final = logging.getLogger(__name__)

JUDGED_SECONDS: Final = 5.0
"""Faster ticks are sampled, but not judged more often than about this."""

CORRELATED_SECONDS: Final = 60.0
"""What moved together is looked for this often."""

SAVED_SECONDS: Final = 300.0


class Analyzer:
    """Watches signals.

    Args:
        settings: the configuration's section.
        source: where series come from.
        state_file: where the memory is kept between runs; None keeps it nowhere.
        clock: unix seconds.
        engine: does the per-series work; None does it in this process.

    Raises:
        ConfigurationError: a signal that could never have a value.
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        state_file: Path | None = None,
        clock: Callable[[], float] = time.time,
        engine: Engine | None = None,
    ) -> None:
        self._settings = settings
        self._source = source
        self._clock = clock
        self._engine = engine or Local()
        self._signals = {signal.name: signal for signal in resolve(settings)}
        self._history = History(settings.interval_seconds, settings.history_seconds, settings.max_series)
        self._findings: list[Finding] = []
        self._version = -1
        self._lock = threading.Lock()
        self._owed: float | None = None
        self._judged_every = max(1, int(JUDGED_SECONDS // settings.interval_seconds))
        self._judged: int | None = None
        self._rounds = rounds.Rounds(settings.interval_seconds, settings.horizon_seconds)
        self._failures = Failures()
        self._full = False
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
            self._findings = state.restore(state_file, self._history, self._signals)
            self._align()

    @property
    def ready(self) -> bool:
        """Whether a tick is complete."""
        return self._ticked > -math.inf

    @property
    def problem(self) -> str:
        """What is wrong with the source or the engine now, on one line; empty where nothing is."""
        return "; ".join(filter(None, (self._failures.problem, self._engine.problem)))

    def tick(self, now: float) -> None:
        """Read every signal at one instant (unix seconds) and judge it.

        A source that does not answer is no error: it is said in the metrics and once in the log, and after a few
        such ticks the findings are withdrawn.
        """
        started = time.monotonic()
        reading = self._source.read(list(self._signals.values()), now)
        self._failures.take(reading, asked=bool(self._signals))
        if reading.answered:
            self._fill_gap(now)
            with self._lock:
                self._remember(reading, now)
                anomalies.observe(self._history, self._findings)
            self._work(now)
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
            ("agentgauge_analyzer_source_up", float(self.ready and not self._failures.down)),
            ("agentgauge_analyzer_engine_up", float(self._engine.up)),
        ]
        families = [Family(METRICS[name], {(): value}) for name, value in own]
        errors = {(reason,): float(count) for reason, count in self._failures.errors.items()}
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
            rows = [row_of(self._history, finding) for finding in self._current()]
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
            kind, row, kept = self._signals[signal], row_of(self._history, finding), replace(finding)
            kind = of_series(kind, wanted)
            past = remembered(self._history, self._history.rows[wanted], kept, kind.window_seconds)
            others = related(self._history, self._current(), self._pairs, finding)
        return replace(detail_of(row, kept, kind, past, self._settings.horizon_seconds), related=others)

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
        self._engine.close()

    def save(self) -> None:
        """Keep the memory in the state file, where there is one; a failure is logged once."""
        if self._state_file is None:
            return
        try:
            state.save(self._state_file, self._history, self._findings)
            self._save_failed = False
        except OSError as error:
            if not self._save_failed:
                _log.warning("%s: cannot be saved: %s", self._state_file, error.strerror)
            self._save_failed = True

    def _work(self, now: float) -> None:
        """Judge what was observed. Only this thread changes anything, so that only changes need the lock."""
        with self._lock:
            if self._rounds.over(now):
                self._history.drop_ended()
                self._align()
                self._rounds.begin(now, len(self._findings))
        slot = self._history.slot(now)
        # A clock that went back must not put it off.
        if self._judged is None or not 0 <= slot - self._judged < self._judged_every:
            judging = anomalies.blocks(self._history, self._findings, self._signals)
            parts = self._engine.results(partial(anomalies.judged, block) for block in judging)
            with self._lock:
                anomalies.update(self._history, self._findings, self._signals, parts)
            self._judged = slot
        assessing = self._rounds.due(self._history, self._findings, self._signals)
        results = self._engine.results(partial(rounds.assessed, some) for some in assessing)
        with self._lock:
            for some, found in zip(assessing, results, strict=True):
                rounds.update(self._findings, some, found)
            if not 0 <= now - self._correlated < CORRELATED_SECONDS:
                self._pairs = correlated(self._history, self._current())
                self._correlated = now

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
            self._failures.count(error)
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

    def _current(self) -> list[Finding]:
        slot = self._history.slot(self._now)
        return [finding for finding in self._findings if slot - finding.slot < STALE_TICKS]

    def _is_current(self) -> bool:
        patience = STALE_TICKS * self._settings.interval_seconds + self._settings.timeout_seconds
        return time.monotonic() - self._ticked <= patience
