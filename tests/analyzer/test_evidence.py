import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.analyzer.evidence import added, bounds, chances
from agentgauge.configuration import Signal

SECONDS = "gen_ai_execute_tool_duration_seconds"
RATIO = Signal("errors", "ratio", SECONDS, {"error_type": "!"})
HITS = Signal("hits", "ratio", "agentgauge_cache_requests_total", {"result": "hit"}, worse="lower")
P95 = Signal("slow", "p95", SECONDS)
MEAN = Signal("mean", "mean", SECONDS)


def chance(signal: Signal, value: float, past: np.ndarray, events: float, usual: float = 180.0) -> float:
    found = chances([signal], np.array([value]), np.array([events]), past[None, :], np.array([usual]), np.array([60.0]))
    return float(found[0])


def past_shares(share: float, events: int = 180) -> np.ndarray:
    return np.random.default_rng(0).binomial(events, share, 60) / events


@pytest.mark.parametrize(
    ("signal", "metric", "expected"),
    [
        (RATIO, SECONDS, (0.0, 1.0)),
        (P95, SECONDS, (0.0, math.inf)),
        (Signal("q", "mean", "agentgauge_evaluation_score_ratio"), "", (0.0, 1.0)),
        (Signal("m", "value", "agentgauge_process_open_fds"), "", (0.0, math.inf)),
        (Signal("t", "value", "my_temperature"), "", (-math.inf, math.inf)),
        (Signal("x", "promql", expression="up"), "", (-math.inf, math.inf)),
        (Signal("c", "ratio", "agentgauge_llm_cost_usd_total", per="agentgauge_agent_runs_total"), "", (0.0, math.inf)),
    ],
)
def test_bounds_are_what_a_measure_can_be(signal: Signal, metric: str, expected: tuple[float, float]) -> None:
    assert bounds(signal) == expected


def test_the_same_share_of_more_events_is_less_probable() -> None:
    past = past_shares(0.02)
    few, many = chance(RATIO, 0.1, past, 20, usual=20), chance(RATIO, 0.1, past, 200)
    assert few > 0.01
    assert many < 1e-5


def test_one_failure_of_few_after_none_is_no_wonder_and_many_are() -> None:
    none = np.zeros(60)
    assert chance(RATIO, 1 / 18, none, 18, usual=18) > 1e-3
    assert chance(RATIO, 18 / 180, none, 180) < 1e-12


def test_a_share_that_is_worse_downwards_is_judged_downwards() -> None:
    past = past_shares(0.9)
    assert chance(HITS, 0.5, past, 180) < 1e-9
    assert chance(HITS, 1.0, past, 180) > 0.5


def test_a_quantile_that_leaps_over_a_bound_of_a_bucket_by_a_few_events_is_no_wonder() -> None:
    # Half the windows' p95 is just below 0.64 s; nine of 180 calls are beyond any p95.
    past = 0.60 + 0.03 * np.random.default_rng(0).random(60)
    assert chance(P95, 0.75, past, 180) > 1e-4
    assert chance(P95, 1.25, past, 180) < 1e-6


def test_a_quantile_of_few_events_is_one_slow_call() -> None:
    past = 0.5 + 0.1 * np.random.default_rng(0).random(60)
    assert chance(P95, 1.4, past, 18, usual=18) > 1e-4


def test_a_mean_is_less_sure_of_fewer_events_than_usual() -> None:
    past = np.random.default_rng(0).normal(1.0, 0.05, 60)
    assert chance(MEAN, 1.4, past, 180) < 1e-6 < chance(MEAN, 1.4, past, 10)


def test_what_is_not_counted_has_no_chance() -> None:
    assert math.isnan(chance(P95, 1.0, np.ones(60), math.nan))
    assert math.isnan(chance(Signal("r", "rate", SECONDS), 1.0, np.ones(60), 10.0))


@given(
    st.sampled_from([RATIO, HITS, P95, MEAN]),
    st.floats(0, 1e15),
    st.floats(0, 1e9),
    st.lists(st.one_of(st.floats(0, 1e15), st.just(math.nan)), min_size=2, max_size=40),
    st.floats(0, 1e9),
)
def test_a_chance_is_a_probability(
    signal: Signal, value: float, events: float, past: list[float], usual: float
) -> None:
    known = np.array([1.0, *past])
    if signal.measure == "ratio":
        value, known = min(value, 1.0), np.minimum(known, 1.0)
    assert 0.0 <= chance(signal, value, known, events, usual) <= 1.0


def test_evidence_adds_up_window_by_window_and_wears_off() -> None:
    decades = 0.0
    for _ in range(24):
        decades = added(decades, 1e-3, 1 / 12)
    assert decades == pytest.approx(4.0)
    for _ in range(200):
        decades = added(decades, 0.5, 1 / 12)
    assert decades == 0.0
