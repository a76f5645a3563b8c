"""The helpers for users' tests say what was recorded, and fail where it was not."""

from collections.abc import Callable

import pytest

import agentgauge as ag
from agentgauge.errors import UsageError
from agentgauge.testing import Recorded, assert_recorded, recorded, recorded_of, recording

__all__ = ["recorded"]  # the fixture, as a user's conftest has it

TOOL = "gen_ai_execute_tool_duration_seconds"
CACHE = "agentgauge_cache_requests_total"


@ag.tool("testing-lookup")
def lookup() -> None:
    pass


def test_the_fixture_starts_from_zero_and_reads(recorded: Callable[..., Recorded]) -> None:
    assert recorded(TOOL, gen_ai_tool_name="testing-lookup") == Recorded(1, 0.0, 0.0)
    lookup()
    lookup()
    assert recorded(TOOL, gen_ai_tool_name="testing-lookup").count == 2
    with recording():
        assert_recorded(TOOL, count=0, gen_ai_tool_name="testing-lookup")


def test_what_was_recorded_is_asserted() -> None:
    with recording():
        lookup()
        cache = ag.cache("testing")
        cache.hit()
        cache.hit()
        assert_recorded(TOOL, gen_ai_tool_name="testing-lookup")
        assert_recorded(TOOL, count=1, gen_ai_tool_name="testing-lookup", error_type="")
        assert_recorded(CACHE, count=2, total=pytest.approx(2), cache="testing", result="hit")
        assert_recorded(CACHE, count=0, cache="testing", result="miss")


@pytest.mark.parametrize(
    "expected",
    [{"count": 1}, {"count": 2, "total": 3}, {"result": "miss"}, {"cache": "another"}],
    ids=["count", "total", "nothing", "no series"],
)
def test_what_was_not_recorded_fails_and_says_what_was(expected: dict[str, float | str]) -> None:
    with recording():
        cache = ag.cache("testing")
        cache.hit()
        cache.hit()
        labels = {"cache": "testing", "result": "hit", **expected}
        with pytest.raises(AssertionError, match=r"recorded:\n(.*\n)*.*'result': 'hit'.*: 2"):
            assert_recorded(CACHE, **labels)  # type: ignore[arg-type]


def test_a_misspelt_metric_or_label_is_told() -> None:
    with pytest.raises(UsageError, match="no metric 'agentgauge_cache'"):
        recorded_of("agentgauge_cache")
    with pytest.raises(UsageError, match="has no label 'name'; it has cache, result"):
        assert_recorded(CACHE, name="testing")
