import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.analyzer.source.counters import Counters, histogram_quantile
from agentgauge.totals import Histogram

BOUNDS = (0.1, 1.0, 10.0)


def extrapolated(samples: list[tuple[float, float]], now: float, window: float) -> float:
    """Prometheus' increase(), written from its documentation for one series."""
    inside = [(time, value) for time, value in samples if now - window <= time <= now]
    if len(inside) < 2:
        return math.nan
    (first, low), (last, high) = inside[0], inside[-1]
    increase, covered = high - low, last - first
    average = covered / (len(inside) - 1)
    to_start, to_end = first - (now - window), now - last
    if increase > 0:
        to_start = min(to_start, covered * low / increase)
    reached = covered + (to_start if to_start < 1.1 * average else average / 2)
    reached += to_end if to_end < 1.1 * average else average / 2
    return increase * reached / covered


@given(
    st.lists(st.tuples(st.floats(1, 20), st.floats(0, 1e6)), min_size=1, max_size=30),
    st.floats(0, 1e6),
    st.floats(5, 200),
    st.floats(0, 15),
)
def test_increase_is_prometheus_increase(
    steps: list[tuple[float, float]], base: float, window: float, since: float
) -> None:
    counters = Counters(1, keep_seconds=1000)
    time, value, samples = 1000.0, base, []
    for wait, more in steps:
        time, value = time + wait, value + more
        samples.append((time, value))
        counters.append(time, {("a",): value})
    found = counters.increases(time + since, window)[0, 0]
    assert found == pytest.approx(extrapolated(samples, time + since, window), rel=1e-9, abs=1e-6, nan_ok=True)


def test_series_born_between_samples_counted_nothing_before() -> None:
    counters = Counters(1, 60)
    counters.append(0, {("old",): 100.0})
    counters.append(10, {("old",): 100.0, ("new",): 5.0})
    counters.append(20, {("old",): 100.0, ("new",): 5.0})
    assert counters.increases(20, 20).tolist() == [[0.0], [5.0]]


def test_series_known_from_the_first_sample_on_has_not_just_counted() -> None:
    counters = Counters(1, 60)
    counters.append(0, {("a",): 100.0})
    counters.append(10, {("a",): 100.0})
    assert counters.increases(10, 60)[0, 0] == 0.0


def test_one_sample_is_no_increase() -> None:
    counters = Counters(1, 60)
    counters.append(0, {("a",): 100.0})
    assert np.isnan(counters.increases(0, 60)).all()


def test_absent_series_keeps_its_value() -> None:
    counters = Counters(1, 60)
    for time, samples in enumerate(({("a",): 1.0, ("b",): 1.0}, {("b",): 2.0}, {("a",): 4.0, ("b",): 2.0})):
        counters.append(float(time), dict(samples))
    assert counters.increases(2, 1)[0, 0] == pytest.approx(3.0)


def test_samples_beyond_the_window_are_let_go() -> None:
    counters = Counters(1, 60)
    for time in range(10_000):
        counters.append(float(time), {("a",): float(time)})
    assert len(counters) <= 63


def test_parts_of_a_histogram_are_cumulative_buckets_and_sum() -> None:
    counters = Counters(len(BOUNDS) + 2, 60)
    counters.append(0, {("a",): Histogram([10, 10, 10, 10], 100.0)})
    counters.append(60, {("a",): Histogram([11, 12, 13, 14], 130.0)})
    assert counters.increases(60, 60)[0] == pytest.approx([1, 3, 6, 10, 30])


counts = st.lists(st.integers(0, 1000), min_size=4, max_size=4)


@given(counts, st.floats(0, 1), st.floats(0, 1))
def test_quantile_lies_within_the_bounds_and_grows_with_q(observed: list[int], one: float, other: float) -> None:
    cumulative = np.cumsum([observed], axis=1).astype(float)
    low, high = (histogram_quantile(q, BOUNDS, cumulative)[0] for q in sorted((one, other)))
    if sum(observed):
        assert 0 <= low <= high * (1 + 1e-12) <= BOUNDS[-1] * (1 + 1e-9)
    else:
        assert math.isnan(low)
        assert math.isnan(high)


@pytest.mark.parametrize(
    ("observed", "q", "value"),
    [
        ([0, 10, 0, 0], 0.5, 0.55),
        ([10, 0, 0, 0], 0.5, 0.05),
        ([0, 0, 0, 10], 0.5, 10.0),
        ([5, 0, 5, 0], 0.5, 0.1),
        ([1, 1, 1, 1], 0.75, 10.0),
    ],
)
def test_quantile_is_linear_within_a_bucket(observed: list[int], q: float, value: float) -> None:
    assert histogram_quantile(q, BOUNDS, np.cumsum([observed], axis=1).astype(float))[0] == pytest.approx(value)
