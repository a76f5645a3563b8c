import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.analyzer.statistics import change_points


@pytest.mark.parametrize("seed", range(10))
def test_two_steps_are_found_where_they_are(seed: int) -> None:
    values = np.repeat([0.0, 3.0, 1.0], 80) + 0.5 * np.random.default_rng(seed).normal(size=240)
    points = change_points(values)[0]
    assert [abs(point.index - true) <= 3 for point, true in zip(points, (80, 160), strict=True)] == [True, True]
    assert points[0].before == pytest.approx(0, abs=0.3)
    assert points[0].after == pytest.approx(3, abs=0.3)
    assert points[0].effect > 3
    assert points[1].effect < -2


STAIRS_AND_PULSES = {
    "stairs": ([1, 2, 3, 4, 5], [40] * 5),
    "up and down": ([0, 3, 1, 5, 2], [40] * 5),
    "a pulse": ([1, 2, 1], [80, 20, 100]),
    "a pulse in the middle": ([1, 2, 1], [90, 20, 90]),
    "a short pulse": ([1, 2, 1], [93, 7, 100]),
    "two pulses": ([1, 2, 1, 2, 1], [40, 20, 40, 20, 40]),
    "a square wave": ([1, 2] * 6, [25] * 12),
}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("name", STAIRS_AND_PULSES)
def test_steps_that_hide_each_other_are_found_together(name: str, share: float) -> None:
    levels, lengths = STAIRS_AND_PULSES[name]
    values = np.repeat(np.array(levels, float), lengths) + share * np.random.default_rng(3).normal(size=sum(lengths))
    found = [point.index for point in change_points(values)[0]]
    assert len(found) == len(levels) - 1
    assert np.abs(np.array(found) - np.cumsum(lengths)[:-1]).max() <= 1


def test_rare_events_and_a_season_are_no_stairs() -> None:
    random = np.random.default_rng(4)
    rare = (random.random((100, 300)) < 0.05).astype(np.float64)
    season = np.sin(2 * np.pi * np.arange(300) / 24) + 0.1 * random.normal(size=(100, 300))
    assert sum(len(points) for points in change_points(rare)) <= 3
    assert sum(len(points) for points in change_points(season)) <= 3


def test_a_trend_is_no_change() -> None:
    noise = np.random.default_rng(5).normal(size=(50, 300))
    assert sum(len(points) for points in change_points(0.1 * np.arange(300) + noise)) == 0
    both = 0.02 * np.arange(300) + 5.0 * (np.arange(300) >= 150) + 0.5 * noise
    assert all(150 in {point.index for point in points} for points in change_points(both))


def test_noise_and_a_slow_wander_have_no_change() -> None:
    random = np.random.default_rng(1)
    wander = random.normal(size=(100, 300))
    for column in range(1, 300):
        wander[:, column] += 0.8 * wander[:, column - 1]
    assert sum(len(points) for points in change_points(random.normal(size=(100, 300)))) <= 3
    assert sum(len(points) for points in change_points(wander)) <= 15


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(-30, 30), st.permutations(range(3)))
def test_unit_and_order_do_not_matter(seed: int, exponent: int, order: list[int]) -> None:
    values = np.random.default_rng(seed).normal(size=(3, 90)) + np.repeat([0.0, 2.0, 0.0], 30)
    plain = [[point.index for point in points] for points in change_points(values)]
    moved = [[point.index for point in points] for points in change_points(values[order] * 2.0**exponent)]
    assert moved == [plain[series] for series in order]


def test_gaps_keep_the_index_in_the_series() -> None:
    values = np.repeat([0.0, 5.0], 60) + 0.1 * np.random.default_rng(2).normal(size=120)
    values[10:40] = np.nan
    assert [point.index for point in change_points(values)[0]] == [60]


def test_an_exact_step_is_found() -> None:
    assert [point.index for point in change_points(np.repeat([1.0, 2.0], 20))[0]] == [20]
