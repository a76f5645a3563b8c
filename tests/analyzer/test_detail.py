import math
import random

import numpy as np
import pytest

from agentgauge.analyzer.acceptance import ACCEPTED_SECONDS
from agentgauge.analyzer.detail import Remembered, detail_of
from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.series import series
from agentgauge.configuration import Analyzer as Settings
from agentgauge.configuration import Signal
from agentgauge.web.status import SignalDetail, SignalRow
from tests.analyzer.synthetic import HITS, INTERVAL, LATENCY, Driven

QUIET = 240
"""Ticks: twenty minutes."""


def driven_by(levels: list[tuple[int, float]], settings: Settings | None = None) -> tuple[Driven, list[float]]:
    """Drive an analyzer through (ticks, level); return it and the values."""
    chance = random.Random(4)
    driven, values = Driven(settings), []
    for ticks, level in levels:
        for _ in range(ticks):
            values.append(level * chance.gauss(1.0, 0.02))
            driven.tick({LATENCY: values[-1], HITS: 0.9})
    return driven, values


def detail(driven: Driven) -> SignalDetail:
    found = driven.analyzer.detail(LATENCY.signal, dict(LATENCY.labels))
    assert found is not None
    return found


def test_the_ticks_are_what_was_read_and_the_band_ends_with_what_is_exposed() -> None:
    driven, values = driven_by([(QUIET, 1.0)])
    found = detail(driven)
    assert [value for _, value in found.ticks] == values
    last = driven.now - INTERVAL
    assert found.ticks[-1][0] == found.band[-1].time == last
    for name in ("expected", "expected_lower", "expected_upper"):
        assert driven.gauge(f"agentgauge_signal_{name}", LATENCY) in found.band[-1]
    inside = [point for point in found.band if point.lower <= 1.0 <= point.upper]
    assert len(inside) > len(found.band) / 2
    assert found.anomalies == []


def test_an_anomaly_is_a_span_from_its_first_tick_and_stays_one_when_it_is_over() -> None:
    driven, _ = driven_by([(QUIET, 1.0), (24, 3.0)])
    began = driven.now - 24 * INTERVAL
    found = detail(driven)
    assert found.row.anomaly
    assert found.since == pytest.approx(began, abs=3 * INTERVAL)
    (span,) = found.anomalies
    assert span == (found.since, driven.now)
    assert found.band[-1].upper < 2.0, "the band is the one from before"
    assert [when for when in found.row.unusual if when < found.since] == []
    for _ in range(30):
        driven.tick({LATENCY: 1.0, HITS: 0.9})
    found = detail(driven)
    assert not found.row.anomaly
    assert found.since != found.since, "nothing lasts"
    assert found.anomalies[0][0] == span[0]


def test_an_anomaly_that_became_the_normal_level_is_shown_all_the_same() -> None:
    ticks = int(ACCEPTED_SECONDS / INTERVAL) + 20
    driven, _ = driven_by([(QUIET, 1.0), (ticks, 3.0)])
    began = driven.now - ticks * INTERVAL
    found = detail(driven)
    assert not found.row.anomaly
    (span,) = found.anomalies
    assert span[0] == pytest.approx(began, abs=3 * INTERVAL)
    assert span[1] - span[0] == pytest.approx(ACCEPTED_SECONDS, abs=3 * INTERVAL)


def test_a_change_of_level_has_its_time_before_and_after_and_the_forecast_goes_on_from_it() -> None:
    driven, _ = driven_by([(60, 1.0), (40, 1.5)], Settings(interval_seconds=60.0))
    when = driven.now - 40 * 60
    found = detail(driven)
    change = found.changes[-1]
    assert change.time == pytest.approx(when, abs=120)
    assert change.before == pytest.approx(1.0, rel=0.05)
    assert change.after == pytest.approx(1.5, rel=0.05)
    assert found.ahead[0].time - found.steps[-1][0] == 60.0
    assert found.ahead[-1].time - found.steps[-1][0] == Settings().horizon_seconds
    assert all(0 <= point.lower <= point.value <= point.upper for point in found.ahead)
    assert found.ahead[-1].value == pytest.approx(1.5, rel=0.2)


def test_a_threshold_ahead_is_reached_first_by_the_interval() -> None:
    signal = Signal(LATENCY.signal, "value", "agentgauge_in_flight", by=("kind",), threshold=1.7)
    settings = Settings(interval_seconds=60.0, signals=(signal,))
    driven, _ = driven_by([(1, 1.0 + at / 200) for at in range(120)], settings)
    found = detail(driven)
    assert found.threshold == 1.7
    gauges = [f"agentgauge_signal_threshold_eta{when}_seconds" for when in ("", "_soonest", "_latest")]
    assert [driven.gauge(name, LATENCY) for name in gauges] == [None if eta != eta else eta for eta in found.eta]
    assert 0 < found.eta[1] <= settings.horizon_seconds
    assert driven.gauge("agentgauge_signal_predicted_regression", LATENCY) == 1.0
    assert 0 < found.row.predicted_in <= settings.horizon_seconds


def test_what_has_just_begun_has_no_band_no_levels_and_no_forecast() -> None:
    driven, values = driven_by([(3, 1.0)])
    found = detail(driven)
    assert len(found.ticks) == len(values)
    assert (found.band, found.changes, found.ahead) == ([], [], [])


def test_what_is_not_watched_or_has_no_value_now_has_none() -> None:
    driven, _ = driven_by([(3, 1.0)])
    assert driven.analyzer.detail(LATENCY.signal, {"gen_ai_tool_name": "another"}) is None
    assert driven.analyzer.detail("another", dict(LATENCY.labels)) is None
    driven.tick({HITS: 0.9}, times=4)
    assert driven.analyzer.detail(LATENCY.signal, dict(LATENCY.labels)) is None


def test_a_regression_whose_change_is_not_found_has_no_beginning() -> None:
    row, finding = SignalRow("value", {}, 1.0, regression=True), Finding(series("value", []), change=0.0)
    none = np.zeros(0)
    past = Remembered(none.astype(int), none, none, none.astype(bool), (), 0, none, none, 60.0)
    found = detail_of(row, finding, Signal("value", "value"), past, 3600.0)
    assert math.isnan(found.since)
    assert (found.ticks, found.steps, found.ahead) == ([], [], [])
