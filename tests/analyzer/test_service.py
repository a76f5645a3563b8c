import itertools
import logging
import math
import random
import threading
from pathlib import Path

import numpy as np
import pytest

from agentgauge.analyzer.anomalies import FEWEST_COLUMNS
from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.service import Analyzer
from agentgauge.analyzer.source import QueryError
from agentgauge.analyzer.statistics.judgement import WARM_UP
from agentgauge.configuration import Analyzer as Settings
from agentgauge.configuration import Signal
from agentgauge.errors import ConfigurationError
from agentgauge.exposition import render
from tests.analyzer.synthetic import ERRORS, HITS, INTERVAL, LATENCY, START, Driven, Synthetic

WARM = 240
"""Ticks of quiet: twenty minutes."""

DETECTED_WITHIN = 6
"""Ticks: 30 s."""


class Workload:
    """Values as a one-minute window of calls gives them: each tick's is the mean of the last twelve draws."""

    def __init__(self, seed: int = 0) -> None:
        self.chance = random.Random(seed)
        self.latency, self.errors, self.hits = 1.0, 0.0, 0.9
        self.recent: list[tuple[float, float, float]] = []

    def step(self) -> dict[Series, float]:
        noise = self.chance.gauss(1.0, 0.1)
        errors = self.errors * self.chance.gauss(1.0, 0.1)
        hits = self.hits + self.chance.gauss(0.0, 0.02)
        self.recent = [*self.recent, (self.latency * noise, errors, hits)][-12:]
        means = [sum(column) / len(self.recent) for column in zip(*self.recent, strict=True)]
        # A quantile moves as soon as a twentieth of the calls is slow, a ratio as failures fill its window.
        return dict(zip((LATENCY, ERRORS, HITS), (self.latency * noise, *means[1:]), strict=True))


def warmed(workload: Workload, driven: Driven | None = None, ticks: int = WARM) -> Driven:
    driven = driven or Driven()
    for _ in range(ticks):
        driven.tick(workload.step())
    return driven


def ticks_until(driven: Driven, workload: Workload, of: Series, wanted: float, limit: int) -> int:
    for tick in range(1, limit + 1):
        driven.tick(workload.step())
        if driven.gauge("agentgauge_signal_anomaly", of) == wanted:
            return tick
    pytest.fail(f"{of.signal} not {wanted} within {limit} ticks")


@pytest.mark.parametrize("seed", range(3))
def test_doubled_latency_is_an_anomaly_within_half_a_minute_and_ends(seed: int) -> None:
    workload = Workload(seed)
    driven = warmed(workload)
    assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0
    workload.latency = 2.0
    assert ticks_until(driven, workload, LATENCY, 1.0, DETECTED_WITHIN)
    for _ in range(60):
        driven.tick(workload.step())
        assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 1.0
        assert driven.gauge("agentgauge_signal_expected", LATENCY) == pytest.approx(1.0, abs=0.2)
        zscore, pvalue = (
            driven.gauge("agentgauge_signal_zscore", LATENCY),
            driven.gauge("agentgauge_signal_pvalue", LATENCY),
        )
        assert zscore is not None
        assert pvalue is not None
        assert zscore > 3
        assert pvalue < 0.01
    workload.latency = 1.0
    assert ticks_until(driven, workload, LATENCY, 0.0, DETECTED_WITHIN)


@pytest.mark.parametrize("interval", [1.0, 2.0, 15.0])
def test_other_intervals_detect_as_well(interval: float) -> None:
    workload = Workload()
    driven = warmed(workload, Driven(Settings(interval_seconds=interval)), ticks=int(1200 / interval))
    workload.latency = 2.0
    assert ticks_until(driven, workload, LATENCY, 1.0, max(3, int(30 / interval)))


def test_errors_after_none_are_an_anomaly_within_half_a_minute() -> None:
    workload = Workload()
    driven = warmed(workload)
    workload.errors = 0.2
    assert ticks_until(driven, workload, ERRORS, 1.0, DETECTED_WITHIN)


def test_what_gets_better_is_no_anomaly_and_what_gets_worse_downwards_is() -> None:
    workload = Workload()
    driven = warmed(workload)
    workload.latency, workload.hits = 0.3, 0.2
    assert ticks_until(driven, workload, HITS, 1.0, 2 * DETECTED_WITHIN)
    assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_quiet_noise_is_none(seed: int) -> None:
    workload = Workload(seed)
    driven = warmed(workload)
    for _ in range(500):
        driven.tick(workload.step())
        assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0
        assert driven.gauge("agentgauge_signal_anomaly", ERRORS) == 0.0


def test_significant_but_small_is_no_anomaly() -> None:
    driven = Driven()
    for tick in range(WARM):
        driven.tick({LATENCY: 1.0 + 0.001 * (tick % 3)})
    driven.tick({LATENCY: 1.1}, times=10)
    assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0


def test_one_odd_tick_is_no_anomaly() -> None:
    workload = Workload()
    driven = warmed(workload)
    for value in (30.0, 1.0, 1.0):
        driven.tick({**workload.step(), LATENCY: value})
        assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0


def test_nothing_is_said_before_enough_is_known() -> None:
    driven = Driven()
    driven.tick({LATENCY: 1.0}, times=20)
    driven.tick({LATENCY: 50.0}, times=10)
    assert driven.gauge("agentgauge_signal_value", LATENCY) == 50.0
    assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0
    for name in ("expected", "zscore", "pvalue", "forecast", "regression_ratio", "trend_per_hour"):
        assert driven.gauge(f"agentgauge_signal_{name}", LATENCY) is None


def test_new_level_is_accepted_as_normal_and_told_as_a_regression() -> None:
    workload = Workload()
    driven = warmed(workload, ticks=480)
    workload.latency = 2.0
    ticks_until(driven, workload, LATENCY, 1.0, DETECTED_WITHIN)
    ticks_until(driven, workload, LATENCY, 0.0, 300)
    for _ in range(60):
        driven.tick(workload.step())
    assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0
    assert driven.gauge("agentgauge_signal_regression", LATENCY) == 1.0
    assert driven.gauge("agentgauge_signal_regression_ratio", LATENCY) == pytest.approx(1.0, abs=0.3)


def test_an_accepted_level_is_what_is_expected_from_then_on() -> None:
    workload = Workload()
    driven = warmed(workload, ticks=480)
    workload.latency = 2.0
    ticks_until(driven, workload, LATENCY, 1.0, DETECTED_WITHIN)
    ticks_until(driven, workload, LATENCY, 0.0, 300)
    for _ in range(150):
        driven.tick(workload.step())
        assert driven.gauge("agentgauge_signal_expected", LATENCY) == pytest.approx(2.0, rel=0.2)
        assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0


def test_a_level_that_comes_back_after_it_was_accepted_was_an_outage_and_is_not_learned() -> None:
    workload = Workload()
    driven = warmed(workload, ticks=480)
    workload.latency = 2.0
    ticks_until(driven, workload, LATENCY, 1.0, DETECTED_WITHIN)
    ticks_until(driven, workload, LATENCY, 0.0, 300)
    workload.latency = 1.0
    for _ in range(30):
        driven.tick(workload.step())
    assert driven.gauge("agentgauge_signal_expected", LATENCY) == pytest.approx(1.0, rel=0.2)
    workload.latency = 2.0
    assert ticks_until(driven, workload, LATENCY, 1.0, DETECTED_WITHIN)


def test_missing_series_is_withdrawn_after_a_few_ticks_and_comes_back() -> None:
    workload = Workload()
    driven = warmed(workload)
    only_errors = {ERRORS: 0.0}
    driven.tick(only_errors)
    assert driven.gauge("agentgauge_signal_expected", LATENCY) is not None
    driven.tick(only_errors, times=3)
    assert driven.gauge("agentgauge_signal_.*", LATENCY) is None
    assert driven.gauge("agentgauge_signal_value", ERRORS) == 0.0
    driven.tick(workload.step())
    assert driven.gauge("agentgauge_signal_expected", LATENCY) is not None


@pytest.mark.parametrize("gap", [1, 2, 50, 3000])
def test_late_and_missing_ticks_are_survived(gap: int) -> None:
    workload = Workload()
    driven = warmed(workload)
    driven.now += gap * INTERVAL + 0.3
    for _ in range(100):
        driven.tick(workload.step())
    assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 0.0
    assert driven.gauge("agentgauge_signal_expected", LATENCY) == pytest.approx(1.0, abs=0.2)


def test_clock_that_goes_back_is_survived() -> None:
    workload = Workload()
    driven = warmed(workload)
    driven.now -= 3600.0
    workload.latency = 2.0
    assert ticks_until(driven, workload, LATENCY, 1.0, DETECTED_WITHIN + 1)


def test_source_that_fails_is_told_once_and_findings_are_withdrawn(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    workload = Workload()
    driven = warmed(workload)
    assert driven.gauge("agentgauge_analyzer_source_up") == 1.0
    success = driven.gauge("agentgauge_analyzer_last_success_timestamp_seconds")
    assert caplog.records == []
    driven.source.fails = QueryError("timeout", "http://prometheus: no answer in 5 s")
    driven.tick(times=2)
    assert driven.gauge("agentgauge_analyzer_source_up") == 0.0
    assert driven.gauge("agentgauge_signal_value", LATENCY) is not None
    driven.tick(times=8)
    assert driven.gauge("agentgauge_signal_.*") is None
    assert driven.gauge("agentgauge_health_score_ratio") is None
    assert driven.analyzer.rows() == []
    assert driven.gauge("agentgauge_analyzer_last_success_timestamp_seconds") == success
    assert "no answer in 5 s" in driven.analyzer.problem
    (record,) = caplog.records
    assert "http://prometheus: no answer in 5 s" in record.getMessage()
    assert b'agentgauge_analyzer_source_errors_total{reason="timeout"} 10.0' in render(driven.analyzer.families())

    driven.source.fails = None
    driven.tick(workload.step())
    assert driven.gauge("agentgauge_analyzer_source_up") == 1.0
    assert driven.gauge("agentgauge_signal_expected", LATENCY) is not None
    assert driven.analyzer.problem == ""
    assert len(caplog.records) == 2


def test_error_counters_are_born_at_zero() -> None:
    text = render(Driven().analyzer.families()).decode()
    for reason in ("unreachable", "timeout", "http", "invalid"):
        assert f'agentgauge_analyzer_source_errors_total{{reason="{reason}"}} 0.0' in text


def test_series_beyond_the_limit_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    driven = Driven(Settings(max_series=2))
    driven.tick({LATENCY: 1.0, ERRORS: 0.0, HITS: 1.0}, times=5)
    assert driven.gauge("agentgauge_analyzer_series") == 2.0
    (record,) = caplog.records
    assert "1 series are not watched: analyzer.max_series is 2" in record.getMessage()


def test_restart_costs_no_learning(tmp_path: Path) -> None:
    workload = Workload()
    state = tmp_path / "analyzer" / "state.npz"
    first = warmed(workload, Driven(state_file=state))
    first.analyzer.save()
    second = Driven(state_file=state, start=first.now + 30)
    workload.latency = 2.0
    assert ticks_until(second, workload, LATENCY, 1.0, DETECTED_WITHIN)


def test_what_goes_on_and_what_was_accepted_outlast_a_restart(tmp_path: Path) -> None:
    def restarted(driven: Driven, after: float) -> Driven:
        driven.analyzer.save()
        return Driven(state_file=state, start=driven.now + after)

    workload, state = Workload(), tmp_path / "state.npz"
    driven = warmed(workload, Driven(state_file=state), ticks=480)
    workload.latency = 2.0
    ticks_until(driven, workload, LATENCY, 1.0, DETECTED_WITHIN)
    (began,) = [row.since for row in driven.analyzer.report().findings if row.kind == "anomaly"]
    driven = restarted(driven, 60.0)
    driven.tick(workload.step())
    assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 1.0
    assert [row.since for row in driven.analyzer.report().findings if row.kind == "anomaly"] == [began]
    ticks_until(driven, workload, LATENCY, 0.0, 300)
    driven = restarted(driven, 10.0)
    driven.tick(workload.step(), times=2)
    assert driven.gauge("agentgauge_signal_expected", LATENCY) == pytest.approx(2.0, rel=0.2)
    detail = driven.analyzer.detail(LATENCY.signal, dict(LATENCY.labels))
    assert detail is not None
    assert [span[0] for span in detail.anomalies] == [began]


@pytest.mark.parametrize("after", [0, 60, 400])
def test_a_series_is_judged_after_its_first_four_minutes_however_long_others_are_known(after: int) -> None:
    driven = Driven(Settings(history_seconds=1800.0))
    driven.tick({ERRORS: 0.0}, times=after)
    known: list[float | None] = []
    for tick in range(100):
        driven.tick({LATENCY: 1.0 + 0.01 * (tick * 5 % 7), ERRORS: 0.0})
        known.append(driven.gauge("agentgauge_signal_zscore", LATENCY))
    assert known[: FEWEST_COLUMNS - 1] == [None] * (FEWEST_COLUMNS - 1)
    assert None not in known[FEWEST_COLUMNS - 1 :]


@pytest.mark.parametrize("missing", [1, 2])
def test_a_series_with_gaps_is_judged_once_the_statistics_know_enough_and_no_sooner(missing: int) -> None:
    """Of each four ticks one or two have no value: 48 columns hold more, or fewer, than are needed."""
    driven = Driven()
    for tick in range(FEWEST_COLUMNS + 12):
        values = {LATENCY: 1.0 + 0.01 * (tick * 5 % 7)} if tick % 4 >= missing else {}
        driven.tick({**values, ERRORS: 0.0})
        past = sum(earlier % 4 >= missing for earlier in range(tick))
        enough = tick + 1 - missing >= FEWEST_COLUMNS and past >= WARM_UP
        if values and tick + 1 - missing >= FEWEST_COLUMNS:
            assert (driven.gauge("agentgauge_signal_zscore", LATENCY) is not None) == enough


def test_memory_is_saved_as_time_goes_by(tmp_path: Path) -> None:
    state = tmp_path / "state.npz"
    driven = Driven(state_file=state)
    driven.tick({LATENCY: 1.0}, times=30)
    assert not state.exists()
    driven.tick({LATENCY: 1.0}, times=40)
    assert state.exists()


def test_memory_that_cannot_be_saved_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    driven = Driven(state_file=tmp_path / "file" / "state.npz")
    driven.tick({LATENCY: 1.0}, times=200)
    driven.analyzer.save()
    (record,) = caplog.records
    assert "cannot be saved" in record.getMessage()


def test_past_is_filled_from_what_the_source_has_stored() -> None:
    driven = Driven()
    times = START - 5.0 * np.arange(1.0, 2000.0)
    driven.source.stored = [(LATENCY, times[::-1], 1 + 0.05 * np.sin(times[::-1] * 7))]
    driven.tick({LATENCY: 2.0}, times=2)
    assert driven.gauge("agentgauge_signal_anomaly", LATENCY) == 1.0
    assert driven.gauge("agentgauge_signal_expected", LATENCY) == pytest.approx(1.0, abs=0.1)
    assert {step for _, _, step in driven.source.asked} == {5.0, 60.0}
    asked = len(driven.source.asked)
    driven.tick(times=20)
    assert len(driven.source.asked) == asked


def test_gap_is_filled_once_the_source_answers_again() -> None:
    workload = Workload()
    driven = warmed(workload)
    driven.source.asked.clear()
    driven.source.fails = QueryError("unreachable", "gone")
    driven.tick(times=100)
    assert driven.source.asked == []
    driven.source.fails = None
    gone = START + INTERVAL * WARM
    driven.source.stored = [(LATENCY, gone + INTERVAL * np.arange(100.0), np.full(100, 1.5))]
    driven.tick(workload.step())
    start, end, _ = driven.source.asked[-1]
    assert gone - 2 * INTERVAL <= start <= gone
    assert end == driven.now - 2 * INTERVAL
    (row,) = [row for row in driven.analyzer.rows() if row.signal == LATENCY.signal]
    assert row.history is not None
    assert [value for _, value in row.history].count(1.5) == 100


def test_rows_are_what_the_page_shows() -> None:
    workload = Workload()
    driven = warmed(workload)
    workload.hits = 0.1
    ticks_until(driven, workload, HITS, 1.0, 2 * DETECTED_WITHIN)
    rows = driven.analyzer.rows()
    assert [row.signal for row in rows] == ["cache_hit_ratio", "tool_duration_p95", "tool_error_ratio"]
    assert rows[0].anomaly
    assert rows[0].labels == {"cache": "prompts"}
    assert rows[0].lower <= rows[0].expected <= rows[0].upper
    assert rows[0].history is not None
    assert rows[0].history[-1] == (driven.now - INTERVAL, rows[0].value)


def test_signal_that_can_have_no_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"analyzer\.signals\.x\.metric"):
        Analyzer(Settings(signals=(Signal("x", "rate", "nope"),)), Synthetic())


def test_run_ticks_on_the_grid_until_told_to_stop(tmp_path: Path) -> None:
    stop = threading.Event()
    source = Synthetic()
    ticked: list[float] = []
    clock = iter(np.arange(START + 0.3, START + 1000, 0.02))

    class Watched(Analyzer):
        def tick(self, now: float) -> None:
            ticked.append(now)
            if len(ticked) == 2:
                raise RuntimeError("anything")
            if len(ticked) == 6:
                # Before the tick: one that fails must not keep the test waiting.
                stop.set()
            super().tick(now)

    settings = Settings(interval_seconds=0.02)
    Watched(settings, source, tmp_path / "state.npz", clock=lambda: float(next(clock))).run(stop)
    slots = [round(time / 0.02) for time in ticked]
    assert ticked == pytest.approx([slot * 0.02 for slot in slots])
    assert all(later > earlier for earlier, later in itertools.pairwise(slots))
    assert source.reads == 5
    assert (tmp_path / "state.npz").exists()


def test_findings_of_a_tick_that_hangs_are_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    driven = Driven()
    assert not driven.analyzer.ready
    driven.tick({LATENCY: 1.0})
    assert driven.analyzer.ready
    assert driven.gauge("agentgauge_signal_value", LATENCY) == 1.0
    monkeypatch.setattr("time.monotonic", lambda: math.inf)
    assert driven.gauge("agentgauge_signal_value", LATENCY) is None
    assert driven.analyzer.rows() == []
    assert driven.gauge("agentgauge_analyzer_series") == 1.0


def test_many_series_keep_their_own_findings_as_others_come_and_go() -> None:
    settings = Settings(history_seconds=600.0)
    driven = Driven(settings)
    chance = random.Random(1)
    for tick in range(600):
        agents = range(tick // 60, tick // 60 + 10)
        values = {series("agent_duration_p95", [("gen_ai_agent_name", f"a{n}")]): n + chance.random() for n in agents}
        driven.tick(values)
        for one, value in values.items():
            assert driven.gauge("agentgauge_signal_value", one) == value
    assert driven.gauge("agentgauge_analyzer_series") < 25  # type: ignore[operator]
