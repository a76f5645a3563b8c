import random
from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from agentgauge.analyzer.leaks import leak
from agentgauge.analyzer.report import Row
from agentgauge.analyzer.series import Series, series
from agentgauge.configuration import Analyzer as Settings
from agentgauge.configuration import Signal
from tests.analyzer.synthetic import LATENCY, START, Driven

AGENT = series("agent_duration_p95", [("gen_ai_agent_name", "planner")])
OTHER = series("llm_duration_p95", [("gen_ai_request_model", "calm")])
MEMORY = series("process_memory", [("role", "worker")])
STEPS = [series("workflow_step_time", [("gen_ai_workflow_name", "w"), ("from_state", one)]) for one in "ab"]


def rows(driven: Driven, kind: str) -> list[Row]:
    return [row for row in driven.analyzer.report().findings if row.kind == kind]


def filled(past: Mapping[Series, npt.NDArray[np.float64]], settings: Settings | None = None) -> Driven:
    """An analyzer with a stored past, a value a minute, that has just assessed it."""
    driven = Driven(settings)
    minutes = len(next(iter(past.values())))
    times = START - 60.0 * np.arange(minutes, dtype=np.float64)[::-1]
    driven.source.stored = [(one, times, values) for one, values in past.items()]
    driven.tick({one: float(values[-1]) for one, values in past.items()}, times=3)
    return driven


def test_nothing_found_is_an_empty_report() -> None:
    driven = Driven()
    driven.tick({LATENCY: 1.0}, times=100)
    report = driven.analyzer.report()
    assert (report.version, report.findings, report.time) == (1, (), driven.now - driven.interval)


def test_a_report_is_json() -> None:
    driven = Driven()
    driven.tick({LATENCY: 1.0}, times=100)
    driven.tick({LATENCY: 9.0}, times=10)
    body = msgspec.json.decode(msgspec.json.encode(driven.analyzer.report()))
    (row,) = body["findings"]
    assert (row["kind"], row["labels"]) == ("anomaly", {"gen_ai_tool_name": "search"})
    assert row["evidence"]["value"] == 9.0


def test_what_degrades_together_is_one_group_with_a_cause() -> None:
    chance = random.Random(0)
    driven = Driven()
    for tick in range(420):
        factor = 3.0 if tick >= 400 else 1.0
        wobble = chance.gauss(0, 0.05)
        driven.tick(
            {
                LATENCY: factor * (1 + wobble),
                AGENT: (factor if tick >= 402 else 1.0) * (4 + 4 * wobble + chance.gauss(0, 0.05)),
                OTHER: 1 + chance.gauss(0, 0.05),
            }
        )
    found = {row.signal: row for row in rows(driven, "anomaly")}
    assert found.keys() == {LATENCY.signal, AGENT.signal}
    assert found[AGENT.signal].causes == ('tool_duration_p95{gen_ai_tool_name="search"}',)
    assert found[LATENCY.signal].since == START + 400 * driven.interval
    assert found[LATENCY.signal].evidence["value"] == pytest.approx(3.0, rel=0.2)
    assert 'tool_duration_p95{gen_ai_tool_name="search"} is ' in found[LATENCY.signal].text
    of_agent, of_tool = (driven.analyzer.detail(one.signal, dict(one.labels)) for one in (AGENT, LATENCY))
    assert of_agent is not None
    assert of_tool is not None
    (cause,) = of_agent.related
    assert (cause.row.signal, cause.row.labels, cause.cause) == (LATENCY.signal, dict(LATENCY.labels), 1)
    assert cause.together
    assert cause.row.anomaly
    assert [(one.row.signal, one.together) for one in of_tool.related] == [(AGENT.signal, True)]
    (group,) = rows(driven, "group")
    assert (group.signal, len(group.members)) == (LATENCY.signal, 2)


def test_series_that_move_together_are_told_and_others_are_not() -> None:
    chance = np.random.default_rng(0)
    common = chance.normal(1, 0.1, 300)
    driven = filled({LATENCY: common, AGENT: 4 * common**2, OTHER: chance.normal(1, 0.1, 300)})
    assert driven.gauge("agentgauge_signal_correlation") == pytest.approx(1.0, abs=0.01)
    (family,) = [one for one in driven.analyzer.families() if one.metric.name == "agentgauge_signal_correlation"]
    assert len(family.samples) == 1
    detail = driven.analyzer.detail(LATENCY.signal, dict(LATENCY.labels))
    assert detail is not None
    (moved,) = detail.related
    assert (moved.row.signal, moved.cause, moved.together) == (AGENT.signal, 0, False)
    assert moved.correlation == pytest.approx(1.0, abs=0.01)


def test_memory_that_only_grows_is_a_leak_and_a_sawtooth_is_none() -> None:
    minutes = np.arange(240.0)
    noise = np.random.default_rng(0).normal(0, 1e6, 240)
    sawtooth = 1e8 * (1 + (minutes % 30) / 30) + noise
    driven = filled({MEMORY: sawtooth + 1e6 * minutes})
    (row,) = rows(driven, "leak")
    assert row.labels == {"role": "worker"}
    assert row.evidence["per_hour"] == pytest.approx(6e7, rel=0.3)
    assert driven.gauge("agentgauge_signal_leak", MEMORY) == 1.0
    driven = filled({MEMORY: sawtooth})
    assert rows(driven, "leak") == []
    assert driven.gauge("agentgauge_signal_leak", MEMORY) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_memory_that_warms_up_or_wanders_does_not_leak(seed: int) -> None:
    chance = np.random.default_rng(seed)
    assert leak(1e8 * (1 - np.exp(-np.arange(360) / 20)) + chance.normal(0, 1e5, 360))[0] == 0.0
    assert leak(1e8 + chance.normal(0, 1e6, 360))[0] == 0.0


def test_step_with_most_of_the_time_is_the_bottleneck() -> None:
    grows = np.concatenate([np.full(200, 0.4), np.full(40, 0.9)])
    driven = filled({STEPS[0]: grows, STEPS[1]: np.full(240, 0.5)})
    (row,) = rows(driven, "bottleneck")
    assert row.labels == {"gen_ai_workflow_name": "w", "from_state": "a"}
    assert row.evidence["share"] == pytest.approx(0.9 / 1.4, abs=0.01)
    assert "up from 4" in row.text


def test_threshold_ahead_has_a_time_and_an_interval() -> None:
    queue = Signal("queue", "value", "agentgauge_processes", threshold=370.0, regression_threshold=0.1)
    one = series("queue", [])
    noise = np.random.default_rng(0).normal(0, 2.0, 300)
    driven = filled({one: np.arange(300.0) + 50 + noise}, Settings(signals=(queue,)))
    (row,) = rows(driven, "threshold")
    soonest, eta, latest = (row.evidence[name] for name in ("soonest_seconds", "eta_seconds", "latest_seconds"))
    assert eta == pytest.approx(21 * 60, rel=0.5)
    assert soonest is not None
    assert eta is not None
    assert soonest <= eta
    assert latest is None or eta <= latest
    assert driven.gauge("agentgauge_signal_threshold_eta_soonest_seconds", one) == soonest
    (row,) = rows(driven, "predicted_regression")
    assert row.evidence["in_seconds"] is not None
    assert driven.gauge("agentgauge_signal_predicted_regression", one) == 1.0


def test_level_series_predict_no_regression() -> None:
    driven = filled({LATENCY: np.random.default_rng(0).normal(1, 0.1, 300)})
    assert rows(driven, "predicted_regression") == []
