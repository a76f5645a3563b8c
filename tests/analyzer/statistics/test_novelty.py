import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.analyzer.statistics import detect


def score(values: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    first: np.typing.NDArray[np.float64] = detect(60.0 * np.arange(values.shape[-1]), values).score[0]
    return first


def nearest_before(values: np.typing.NDArray[np.float64], index: int) -> float:
    earlier = values[:index]
    return float(np.abs(earlier - values[index]).min() / (earlier.max() - earlier.min()))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_score_is_the_distance_to_the_nearest_earlier_value_over_their_range(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=90)
    scores = score(values)
    for index in np.flatnonzero(scores):
        assert scores[index] == pytest.approx(nearest_before(values, int(index)))
    highest = 12 + int(np.argmax([nearest_before(values, index) for index in range(12, 90)]))
    assert scores.argmax() == highest


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


def test_missing_samples_and_constants_score_nothing() -> None:
    assert not score(np.full(100, 3.0)).any()
    values = np.random.default_rng(3).normal(size=100)
    values[50:60] = np.nan
    assert not score(values)[50:60].any()
