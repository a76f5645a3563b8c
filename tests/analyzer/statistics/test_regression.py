import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.analyzer.statistics import Regression, regressions


def step(seed: int, share: float, columns: int = 200, at: int = 120) -> npt.NDArray[np.float64]:
    level = np.where(np.arange(columns) < at, 100.0, 100.0 * (1 + share))
    noisy: npt.NDArray[np.float64] = level * (1 + 0.05 * np.random.default_rng(seed).normal(size=columns))
    return noisy


def found(seed: int, share: float, direction: str) -> Regression | None:
    return regressions(step(seed, share), direction=direction)[0]


@pytest.mark.parametrize("seed", range(10))
def test_a_step_of_a_fifth_is_found_where_it_is(seed: int) -> None:
    regression = found(seed, 0.2, "higher")
    assert regression is not None
    assert abs(regression.index - 120) <= 3
    assert regression.ratio == pytest.approx(1.2, abs=0.05)
    assert regression.pvalue < 1e-6


def test_the_interval_holds_the_ratio_about_as_often_as_it_says() -> None:
    found_all = regressions(np.stack([step(seed, 0.3) for seed in range(100)]), direction="higher", confidence=0.9)
    inside = [one.interval[0] <= 1.3 <= one.interval[1] for one in found_all if one is not None]
    assert len(inside) >= 99
    assert 0.8 <= np.mean(inside) <= 0.99


@pytest.mark.parametrize("seed", range(5))
def test_the_direction_says_which_way_is_worse(seed: int) -> None:
    assert found(seed, 0.3, "lower") is None
    assert found(seed, -0.3, "higher") is None
    assert found(seed, -0.3, "lower") is not None


@pytest.mark.parametrize("seed", range(5))
def test_a_significant_change_that_is_too_small_does_not_count(seed: int) -> None:
    assert found(seed, 0.05, "higher") is None
    assert regressions(step(seed, 0.05), direction="higher", threshold=0.04)[0] is not None


def test_each_series_may_have_its_own_direction() -> None:
    values = np.stack([step(0, 0.3), step(1, 0.3), step(2, -0.3)])
    flagged = [one is not None for one in regressions(values, direction=["higher", "lower", "lower"])]
    assert flagged == [True, False, True]


def test_quiet_series_raise_hardly_an_alarm() -> None:
    random = np.random.default_rng(4)
    wander = random.normal(size=(300, 200))
    for column in range(1, 200):
        wander[:, column] += 0.8 * wander[:, column - 1]
    alarms = sum(one is not None for one in regressions(100 + 10 * wander, direction="higher"))
    assert alarms <= 3


def test_lone_outliers_are_no_regression() -> None:
    values = step(0, 0.0)
    values[[50, 120, 180]] *= 20
    assert regressions(values, direction="higher") == [None]


@pytest.mark.parametrize("seed", range(5))
def test_spikes_all_over_do_not_hide_a_step(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = step(seed, 0.25)
    values[random.random(200) < 0.05] *= 1 + 10 * random.random()
    regression = regressions(values, direction="higher")[0]
    assert regression is not None
    assert abs(regression.index - 120) <= 3


def test_a_burst_at_the_end_is_one_only_when_the_past_had_none_of_it() -> None:
    quiet, restless = step(0, 0.0), step(0, 0.0)
    quiet[-6:] += 25
    restless[40:50] += 25
    restless[-6:] += 25
    assert regressions(quiet, direction="higher")[0] is not None
    assert regressions(restless, direction="higher")[0] is None


def test_a_slow_climb_counts_once_it_has_left_the_past_by_the_threshold() -> None:
    noise = 3 * np.random.default_rng(7).normal(size=240)
    climb = np.clip((np.arange(240) - 120) / 30, 0, 1)
    assert regressions(100 + 14 * climb + noise, direction="higher")[0] is None
    assert regressions(100 + 60 * climb + noise, direction="higher")[0] is not None


def test_what_began_in_the_first_quarter_is_the_level() -> None:
    noise = 3 * np.random.default_rng(8).normal(size=240)
    assert regressions(100 + 25 * (np.arange(240) >= 20) + noise, direction="higher")[0] is None
    assert regressions(100 + 25 * (np.arange(240) >= 70) + noise, direction="higher")[0] is not None


def test_what_began_early_counts_where_nothing_since_comes_near_what_was_before() -> None:
    values = 100 + 30 * (np.arange(240) >= 45) + 3 * np.random.default_rng(9).normal(size=240)
    assert regressions(values, direction="higher")[0] is not None
    values[150:190] -= 25
    assert regressions(values, direction="higher")[0] is None


def test_something_after_nothing_is_infinitely_worse() -> None:
    regression = regressions(np.r_[np.zeros(60), np.full(20, 0.2)], direction="higher")[0]
    assert regression is not None
    assert regression.index == 60
    assert regression.ratio == np.inf


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(-40, 40))
def test_the_unit_does_not_matter(seed: int, exponent: int) -> None:
    values = step(seed, 0.2)
    one, other = regressions(values, direction="higher")[0], regressions(values * 2.0**exponent, direction="higher")[0]
    assert one is not None
    assert other is not None
    assert one.index == other.index
    assert one.ratio == pytest.approx(other.ratio)


def test_gaps_keep_the_index_in_the_series() -> None:
    values = step(3, 0.3)
    values[10:40] = np.nan
    regression = regressions(values, direction="higher")[0]
    assert regression is not None
    assert abs(regression.index - 120) <= 3


def test_an_unknown_direction_is_an_error() -> None:
    with pytest.raises(ValueError, match="not 'sideways'"):
        regressions(np.zeros((1, 20)), direction="sideways")
    with pytest.raises(ValueError, match="1 directions for 2 series"):
        regressions(np.zeros((2, 20)), direction=["higher"])
