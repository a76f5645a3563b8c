import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.analyzer.statistics import detect

Vector = np.typing.NDArray[np.float64]


def score(values: Vector) -> Vector:
    first: Vector = detect(60.0 * np.arange(values.shape[-1]), values).score[0]
    return first


def noise(seed: int, columns: int) -> Vector:
    return np.random.default_rng(seed).normal(size=columns)


def nearest_before(values: Vector, index: int) -> float:
    return float(np.abs(values[:index] - values[index]).min())


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_only_what_no_earlier_value_is_near_scores(seed: int) -> None:
    values = np.round(noise(seed, 300), 1)
    scores = score(values)
    means = np.convolve(values, np.ones(3) / 3, "valid")
    for index in np.flatnonzero(scores).tolist():
        assert nearest_before(values, index) > 0 or nearest_before(means, index - 2) > 1e-9


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_a_change_of_unit_changes_no_score(seed: int, factor: float, shift: float) -> None:
    values = noise(seed, 200)
    np.testing.assert_allclose(score(factor * (values + shift)), score(values), rtol=1e-5, atol=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(5, 50), st.floats(1.1, 3))
def test_the_farther_from_all_that_was_the_higher(seed: int, distance: float, factor: float) -> None:
    values = noise(seed, 400)
    farthest = np.abs(values[:350]).max()
    values[350] = farthest + distance
    near = score(values)[350]
    values[350] = farthest + distance * factor
    assert score(values)[350] > near > 0


def test_the_most_novel_sample_scores_highest_and_its_event_scores_once() -> None:
    values = np.random.default_rng(0).normal(size=500)
    values[400:420] = 40 + np.random.default_rng(1).normal(size=20)
    scores = score(values)
    assert scores.argmax() == 400
    assert np.count_nonzero(scores[401:420]) == 0


def test_a_value_in_a_gap_between_two_levels_is_novel() -> None:
    values = np.tile([0.0] * 5 + [10.0] * 5, 30) + 0.1 * np.random.default_rng(2).normal(size=300)
    values[250] = 5.0
    assert score(values).argmax() == 250


@pytest.mark.parametrize("seed", range(5))
def test_a_value_on_this_side_of_an_earlier_outlier_is_hardly_novel(seed: int) -> None:
    values = noise(seed, 900)
    values[300], values[800] = 40, 20
    within = score(values)[800]
    values[800] = 60
    assert score(values)[800] > 5 * within > 0


@pytest.mark.parametrize("seed", range(5))
def test_where_outliers_are_usual_one_more_is_worth_less(seed: int) -> None:
    calm = noise(seed, 1900)
    restless = calm.copy()
    restless[150:1800:150] = 25 + 25 * np.arange(11)
    calm[1850] = 25
    restless[1850] = 300
    assert score(restless)[1850] < score(calm)[1850] / 2


@pytest.mark.parametrize("seed", range(5))
def test_two_spikes_in_a_row_are_novel_where_only_lone_ones_were(seed: int) -> None:
    values = np.where(np.arange(1200) % 120 == 60, 20.0, 0.0) + 0.01 * noise(seed, 1200)
    assert score(values)[900:].argmax() != 101
    values[1001:1003] = 20.0
    assert score(values)[900:].argmax() in (101, 102)


def test_missing_samples_and_constants_score_nothing() -> None:
    assert not score(np.full(100, 3.0)).any()
    assert not score(np.full(100, 0.1)).any()
    values = np.random.default_rng(3).normal(size=100)
    values[50:60] = np.nan
    assert not score(values)[50:60].any()
