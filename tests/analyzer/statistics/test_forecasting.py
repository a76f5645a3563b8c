import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.analyzer.statistics import forecast


def test_a_season_is_found_and_continued() -> None:
    wave = np.sin(2 * np.pi * np.arange(24 * 20) / 24) * 10 + 50
    noisy = wave + 0.3 * np.random.default_rng(0).normal(size=wave.size)
    ahead = forecast(noisy, 24)
    assert np.abs(ahead.mean[0] - wave[:24]).mean() < 1


def test_a_constant_stays_itself() -> None:
    ahead = forecast(np.full(50, 3.25), 10)
    np.testing.assert_allclose(ahead.mean, 3.25)
    np.testing.assert_allclose(ahead.upper - ahead.lower, 0, atol=1e-9)


def test_the_interval_holds_about_what_it_says() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(200, 220)).cumsum(axis=1) * 0.1 + random.normal(size=(200, 220))
    ahead = forecast(values[:, :200], 20, level=0.9)
    inside = (values[:, 200:] >= ahead.lower) & (values[:, 200:] <= ahead.upper)
    assert 0.82 <= inside.mean() <= 0.97


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(-30, 30), st.permutations(range(3)))
def test_unit_and_order_do_not_matter(seed: int, exponent: int, order: list[int]) -> None:
    values = 10 + np.random.default_rng(seed).normal(size=(3, 80))
    plain, moved = forecast(values, 5), forecast(values[order] * 2.0**exponent, 5)
    np.testing.assert_allclose(moved.mean, plain.mean[order] * 2.0**exponent, rtol=1e-9)


def test_a_wider_level_is_a_wider_interval() -> None:
    values = np.random.default_rng(3).normal(size=100)
    narrow, wide = forecast(values, 8, level=0.5), forecast(values, 8, level=0.99)
    assert ((wide.upper - wide.lower) > (narrow.upper - narrow.lower)).all()


def test_wrong_arguments_are_errors() -> None:
    with pytest.raises(ValueError, match="horizon"):
        forecast(np.zeros(10), 0)
    with pytest.raises(ValueError, match="level"):
        forecast(np.zeros(10), 1, level=1.0)


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_a_round_season_in_noise_is_continued_in_phase(noise: float) -> None:
    day = np.sin(2 * np.pi * np.arange(288 * 8) / 288) * 2 + 50
    noisy = day[: 288 * 7] + noise * np.random.default_rng(4).normal(size=(10, 288 * 7))
    ahead = forecast(noisy, 288)
    assert np.abs(ahead.mean - day[288 * 7 :]).mean() < 0.05 + noise / 2


def test_intervals_are_wide_where_the_day_is_noisy() -> None:
    random = np.random.default_rng(5)
    busy = np.arange(24 * 30) % 24 < 12
    values = 100 + 20 * busy + np.where(busy, 8.0, 1.0) * random.normal(size=(20, 24 * 30))
    ahead = forecast(values, 24, seasons=(24,))
    width = (ahead.upper - ahead.lower).mean(axis=0)
    assert width[:10].mean() > 2 * width[14:22].mean()


def test_many_series_are_forecast_as_each_alone() -> None:
    random = np.random.default_rng(6)
    values = 10 + np.sin(2 * np.pi * np.arange(500) / 24) + 0.2 * random.normal(size=(90, 500))
    together = forecast(values, 30)
    for row in (0, 41, 89):
        alone = forecast(values[row], 30)
        np.testing.assert_array_equal(together.upper[row], alone.upper[0])
