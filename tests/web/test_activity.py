import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.record import Record
from agentgauge.totals import Family, Totals
from agentgauge.web.activity import WINDOW_SECONDS, Activity, Tally, quantile, tally

BOUNDS = (0.1, 0.2, 0.4)


def call(totals: Totals, agent: str = "writer", outcome: str = "success", error: str = "") -> None:
    labels = {"gen_ai_agent_name": agent, "task_type": "draft", "outcome": outcome, "error_type": error}
    totals.fold(Record("agent", 1.0, labels, {"duration_seconds": 0.3}))


def test_calls_are_added_up_over_the_other_labels() -> None:
    totals = Totals()
    for model, agent, error in (("large", "a", ""), ("large", "b", "timeout"), ("small", "a", "")):
        labels = {"gen_ai_request_model": model, "gen_ai_provider_name": "p", "gen_ai_agent_name": agent}
        amounts = {"duration_seconds": 1.0, "input_tokens": 10.0, "cost_usd": 0.5, "cache_read_input_tokens": 4.0}
        totals.fold(Record("llm", 1.0, {**labels, "error_type": error}, amounts))
    models = tally(totals.families())["model"]
    large = models[("large", "p")]
    assert (large.calls, large.errors, large.seconds) == (2, 1, 2.0)
    assert (large.amount("input"), large.amount("cached"), large.amount("cost")) == (20, 8, 1.0)
    assert models[("small", "p")].calls == 1
    assert tally(totals.families())["agent"][("b",)].amount("cost") == 0.5


def test_a_failed_outcome_counts_once_even_with_an_error_type() -> None:
    totals = Totals()
    call(totals)
    call(totals, outcome="failure", error="ValueError")
    call(totals, outcome="failure")
    call(totals, outcome="cancelled", error="CancelledError")
    row = tally(totals.families())["agent"][("writer",)]
    assert (row.calls, row.errors) == (4, 2)


def test_a_blocked_hook_is_no_failure() -> None:
    totals = Totals()
    for outcome in ("success", "blocked", "error", "timeout"):
        labels = {"hook_system": "git", "hook_event": "pre-commit", "hook_name": "ruff", "outcome": outcome}
        totals.fold(Record("hook", 1.0, labels, {"duration_seconds": 0.3}))
    row = tally(totals.families())["hook"][("ruff", "git", "pre-commit")]
    assert (row.calls, row.errors, row.amount("blocked")) == (4, 2, 1)


def test_recent_is_what_was_added_within_the_window() -> None:
    totals, activity = Totals(), Activity()
    call(totals)
    activity.observe(1000.0, totals.families)
    call(totals, "writer")
    call(totals, "editor", outcome="failure")
    seconds, recent = activity.recent(1060.0, tally(totals.families()))
    assert seconds == 60.0
    assert recent["agent"][("writer",)].calls == 1
    assert (recent["agent"][("editor",)].calls, recent["agent"][("editor",)].errors) == (1, 1)


def test_what_is_older_than_the_window_is_not_recent() -> None:
    totals, activity = Totals(), Activity()
    for minute in range(20):
        call(totals)
        activity.observe(1000.0 + 60 * minute, totals.families)
    seconds, recent = activity.recent(1000.0 + 60 * 19, tally(totals.families()))
    assert seconds == WINDOW_SECONDS
    assert recent["agent"][("writer",)].calls == 5


def test_nothing_is_recent_before_the_first_look_and_after_the_clock_was_set_back() -> None:
    activity = Activity()
    assert activity.recent(1000.0, {}) == (0.0, {})
    activity.observe(1000.0, list)
    assert activity.recent(10.0, {}) == (0.0, {})
    activity.observe(10.0, list)
    assert activity.recent(30.0, {}) == (20.0, {})


def test_looks_close_together_cost_nothing() -> None:
    activity, looks = Activity(), []

    def families() -> list[Family]:
        looks.append(1)
        return []

    for second in range(20):
        activity.observe(1000.0 + second, families)
    assert len(looks) == 2


def test_quantiles() -> None:
    assert quantile(0.5, BOUNDS, (0, 4, 0, 0)) == pytest.approx(0.15)
    assert quantile(0.5, BOUNDS, (2, 0, 2, 0)) == pytest.approx(0.1)
    assert quantile(0.99, BOUNDS, (0, 0, 0, 5)) == 0.4
    assert math.isnan(quantile(0.5, BOUNDS, (0, 0, 0, 0)))


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4), st.floats(0, 1))
def test_a_quantile_is_within_the_bucket_its_rank_falls_into(counts: list[int], share: float) -> None:
    value = quantile(share, BOUNDS, tuple(counts))
    total = sum(counts)
    if not total:
        assert math.isnan(value)
        return
    below = sum(n for n, bound in zip(counts, BOUNDS, strict=False) if bound < value - 1e-12)
    assert 0 <= value <= BOUNDS[-1]
    assert below <= share * total + 1e-9


@given(st.lists(st.integers(0, 9), min_size=3, max_size=3), st.lists(st.integers(0, 9), min_size=3, max_size=3))
def test_since_takes_away_what_was_there(before: list[int], added: list[int]) -> None:
    early = Tally(tuple(before), 1.0, 1.0, (("cost", 2.0),))
    late = Tally(tuple(a + b for a, b in zip(before, added, strict=True)), 3.0, 2.0, (("cost", 5.0), ("input", 7.0)))
    difference = late.since(early)
    assert difference.counts == tuple(added)
    assert (difference.seconds, difference.errors) == (2.0, 1.0)
    assert (difference.amount("cost"), difference.amount("input"), difference.amount("none")) == (3.0, 7.0, 0.0)
    assert late.since(None) == late
