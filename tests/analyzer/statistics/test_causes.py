import numpy as np
import pytest

from agentgauge.analyzer.statistics import rank_causes


def test_the_component_that_moved_most_comes_first_and_the_target_last() -> None:
    random = np.random.default_rng(0)
    values = 10 + random.normal(size=(6, 100))
    values[2, 95:] += 30
    values[4, 95:] += 8
    values[5, 80:85] += 50
    order = rank_causes(60.0 * np.arange(100), values, 4, 60.0 * 95)
    assert order[0] == 2
    assert order[-1] == 4
    assert sorted(order) == list(range(6))


def test_of_several_signals_the_one_that_moved_at_the_target_counts() -> None:
    random = np.random.default_rng(1)
    values = 10 + random.normal(size=(4, 3, 60))
    values[3, 1, 55:] = 0
    values[0, 1, 55:] = 5
    values[2, 0, 55:] = 90
    assert rank_causes(np.arange(60), values, 0, 55)[0] == 3


def test_wrong_arguments_are_errors() -> None:
    with pytest.raises(ValueError, match="target"):
        rank_causes(np.arange(5), np.zeros((2, 5)), 2, 3)
    with pytest.raises(ValueError, match="shape"):
        rank_causes(np.arange(5), np.zeros((2, 4)), 0, 3)
