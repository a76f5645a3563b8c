import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.configuration import Budget
from agentgauge.errors import SpoolError
from agentgauge.exporter.budgets import Budgets
from agentgauge.record import Delta, Record


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = at("2026-03-31T23:30:00")


def call(cost: float, when: float = NOW, agent: str = "writer", model: str = "large") -> Record:
    labels = {"gen_ai_agent_name": agent, "gen_ai_request_model": model}
    return Record("llm", when, labels, {"cost_usd": cost})


def used(budgets: Budgets, now: float = NOW) -> dict[str, float]:
    return {budget.name: ratio for budget, ratio in budgets.used(now)}


def test_the_share_of_the_limit() -> None:
    budgets = Budgets([Budget("all", 10.0)])
    budgets.spend(call(2.5), NOW)
    budgets.spend(call(1.0), NOW)
    assert used(budgets) == {"all": 0.35}
    families = {family.metric.name: family.samples for family in budgets.families(NOW)}
    assert families == {
        "agentgauge_budget_limit_usd": {("all",): 10.0},
        "agentgauge_budget_used_ratio": {("all",): 0.35},
    }


def test_without_budgets_there_is_nothing_to_show() -> None:
    budgets = Budgets([])
    budgets.spend(call(2.5), NOW)
    assert budgets.families(NOW) == []


def test_only_calls_to_models_cost() -> None:
    budgets = Budgets([Budget("all", 10.0)])
    budgets.spend(Record("tool", NOW, {}, {"duration_seconds": 3.0}), NOW)
    budgets.spend(Record("llm", NOW, {}, {"duration_seconds": 3.0}), NOW)
    budgets.spend(Delta("agentgauge_cache_requests_total", ("a", "hit"), 3.0), NOW)
    assert used(budgets) == {"all": 0.0}


def test_agents_and_models_match_as_a_whole() -> None:
    budgets = Budgets(
        [
            Budget("writers", 1.0, agent="writer|editor"),
            Budget("large", 1.0, model="large.*"),
            Budget("both", 1.0, agent="writer", model="large"),
        ]
    )
    budgets.spend(call(0.1, agent="writer", model="large-2"), NOW)
    budgets.spend(call(0.2, agent="ghostwriter", model="large"), NOW)
    assert used(budgets) == pytest.approx({"writers": 0.1, "large": 0.3, "both": 0.0})


def test_what_other_processes_counted_costs_too() -> None:
    budgets = Budgets([Budget("writer", 1.0, agent="writer")])
    for agent in ("writer", "other"):
        labels = ("provider", "large", agent, "", "list")
        budgets.spend(Delta("agentgauge_llm_cost_usd_total", labels, 0.4), NOW)
    assert used(budgets) == {"writer": 0.4}


@pytest.mark.parametrize(
    ("period", "before", "after"),
    [
        ("hour", "2026-03-31T22:59:59", "2026-04-01T00:00:00"),
        ("day", "2026-03-30T23:59:59", "2026-04-01T00:00:00"),
        ("month", "2026-02-28T23:59:59", "2026-04-01T00:00:00"),
    ],
)
def test_a_period_starts_anew_in_utc(period: str, before: str, after: str) -> None:
    budgets = Budgets([Budget("b", 1.0, period=period)])  # type: ignore[arg-type]
    budgets.spend(call(0.5, at(before)), NOW)
    assert used(budgets) == {"b": 0.0}, "what was spent in the last period is not of this one"
    budgets.spend(call(0.25, NOW), NOW)
    budgets.spend(call(0.5, at(before)), NOW)
    assert used(budgets) == {"b": 0.25}
    assert used(budgets, at(after)) == {"b": 0.0}


def test_a_clock_that_is_ahead_spends_now() -> None:
    budgets = Budgets([Budget("b", 1.0, period="month")])
    budgets.spend(call(0.5, 1e300), NOW)
    assert used(budgets) == {"b": 0.5}


def test_a_restart_continues_and_counts_nothing_twice() -> None:
    budgets = Budgets([Budget("b", 1.0)])
    budgets.spend(call(0.5), NOW)
    state = json.loads(json.dumps(budgets.state()))
    again = Budgets([Budget("b", 1.0), Budget("new", 1.0)])
    again.restore(state)
    again.restore(state)
    assert used(again) == {"b": 0.5, "new": 0.0}


def test_another_limit_keeps_what_is_spent_and_another_filter_does_not() -> None:
    budgets = Budgets([Budget("b", 1.0)])
    budgets.spend(call(0.5), NOW)
    larger, filtered = Budgets([Budget("b", 2.0)]), Budgets([Budget("b", 1.0, agent="writer")])
    larger.restore(budgets.state())
    filtered.restore(budgets.state())
    assert used(larger) == {"b": 0.25}
    assert used(filtered) == {"b": 0.0}


@pytest.mark.parametrize("state", [None, [], {"b": None}, {"b": {}}, {"b": {"of": ["day", None, None], "start": "x"}}])
def test_a_state_that_is_none_is_refused(state: object) -> None:
    with pytest.raises(SpoolError):
        Budgets([Budget("b", 1.0)]).restore(state)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(NOW - 200_000, NOW)), max_size=30), st.integers(0, 30))
def test_a_restart_anywhere_makes_no_difference(spent: list[tuple[float, float]], at_call: int) -> None:
    whole = Budgets([Budget("b", 3.0)])
    parts = Budgets([Budget("b", 3.0)])
    for index, (cost, when) in enumerate(spent):
        if index == at_call:
            restarted = Budgets([Budget("b", 3.0)])
            restarted.restore(json.loads(json.dumps(parts.state())))
            parts = restarted
        whole.spend(call(cost, when), NOW)
        parts.spend(call(cost, when), NOW)
    assert used(parts) == used(whole)
    today = sum(cost for cost, when in spent if when >= at("2026-03-31T00:00:00"))
    assert used(whole)["b"] * 3.0 == pytest.approx(today)
