import numpy as np
import pytest

from agentgauge.analyzer.statistics import rank_causes


def test_the_component_that_moved_most_comes_first_and_the_target_last() -> None:
    random = np.random.default_rng(0)
    values = 10 + random.normal(size=(6, 100))
    values[2, 95:] += 30
    values[4, 96:] += 8
    order = rank_causes(60.0 * np.arange(100), values, 4, 60.0 * 95)
    assert order[0] == 2
    assert order[-1] == 4
    assert sorted(order) == list(range(6))


def test_several_signals_of_a_component_count_by_their_worst() -> None:
    random = np.random.default_rng(1)
    values = 10 + random.normal(size=(4, 3, 60))
    values[3, 1, 55:] = 0
    assert rank_causes(np.arange(60), values, 0, 55)[0] == 3


def test_wrong_arguments_are_errors() -> None:
    with pytest.raises(ValueError, match="target"):
        rank_causes(np.arange(5), np.zeros((2, 5)), 2, 3)
    with pytest.raises(ValueError, match="shape"):
        rank_causes(np.arange(5), np.zeros((2, 4)), 0, 3)
