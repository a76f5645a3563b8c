import numpy as np
import pytest

from agentgauge.analyzer.acceptance import corrected
from agentgauge.analyzer.findings import Accepted
from agentgauge.configuration import Signal

SECONDS = Signal("s", "p95", "gen_ai_execute_tool_duration_seconds")
SHARE = Signal("s", "ratio", "agentgauge_cache_requests_total", {"result": "hit"}, worse="lower", window_seconds=10.0)
SLOTS = np.arange(100, 140)
INTERVAL = 5.0


def accepted(before: float, after: float, began: int = 110, ended: int = 125) -> Accepted:
    return Accepted(began, ended, before, after, 0.3)


def test_what_was_before_is_at_the_new_level_and_as_far_from_it_as_before() -> None:
    values = np.where(SLOTS < 110, 1.0 + 0.1 * (SLOTS % 3), 4.0)
    result = corrected(values, SLOTS, [accepted(1.1, 4.4)], SECONDS, INTERVAL)
    np.testing.assert_allclose(result[:10], 4 * values[:10])
    # A window of a minute: for so long values hold some of the time before.
    assert np.isnan(result[10:22]).all()
    np.testing.assert_array_equal(result[22:], values[22:])
    assert values[0] == 1.1, "a copy"


def test_a_share_moves_as_a_whole_and_stays_one() -> None:
    values = np.where(SLOTS < 110, 0.9 + 0.05 * (SLOTS % 2), 0.2)
    result = corrected(values, SLOTS, [accepted(0.9, 0.2)], SHARE, INTERVAL)
    np.testing.assert_allclose(result[:10], values[:10] - 0.7)
    up = corrected(1 - values, SLOTS, [accepted(0.1, 0.98)], SHARE, INTERVAL)
    assert np.nanmax(up) <= 1.0


def test_a_level_from_nothing_moves_as_a_whole() -> None:
    result = corrected(np.where(SLOTS < 110, 0.0, 3.0), SLOTS, [accepted(0.0, 3.0)], SECONDS, INTERVAL)
    assert set(result[~np.isnan(result)].tolist()) == {3.0}


def test_one_level_after_the_other() -> None:
    values = np.select([SLOTS < 105, SLOTS < 120], [1.0, 2.0], 6.0)
    twice = [accepted(1.0, 2.0, 105, 119), accepted(2.0, 6.0, 120, 139)]
    result = corrected(values, SLOTS, twice, SHARE.__class__("s", "mean", "m", window_seconds=5.0), INTERVAL)
    assert result[~np.isnan(result)] == pytest.approx(6.0)


def test_the_newest_value_is_never_left_out() -> None:
    slow = Signal("s", "p95", "gen_ai_execute_tool_duration_seconds", window_seconds=3600.0)
    result = corrected(np.ones(40), SLOTS, [accepted(1.0, 2.0, 100, 139)], slow, INTERVAL)
    assert np.isnan(result[:-1]).all()
    assert result[-1] == 1.0
