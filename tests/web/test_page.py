import dataclasses
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.record import Record
from agentgauge.totals import Totals
from agentgauge.web.activity import tally
from agentgauge.web.page import BudgetRow, ProcessRow, SignalRow, Status, Watched, render_page
from tests.web.parsed import HOSTILE, Page

BASE = Status(version="1.2.3", now=2000.0, started=1000.0, ready=True, totals={}, signals=[])


def page(**changes: object) -> Page:
    return Page(render_page(dataclasses.replace(BASE, **changes)))  # type: ignore[arg-type]


def busy(name: str) -> Totals:
    """Count one call of everything, named so."""
    totals = Totals()
    records = [
        ("agent", {"gen_ai_agent_name": name, "task_type": name, "error_type": name, "outcome": "failure"}),
        ("tool", {"gen_ai_tool_name": name, "gen_ai_agent_name": name}),
        ("workflow", {"gen_ai_workflow_name": name}),
        ("hook", {"hook_system": name, "hook_event": name, "hook_name": name, "outcome": "blocked"}),
        ("llm", {"gen_ai_request_model": name, "gen_ai_provider_name": name, "gen_ai_agent_name": name}),
    ]
    for kind, labels in records:
        totals.fold(Record(kind, 1.0, labels, {"duration_seconds": 0.25}))
    amounts = {"input_tokens": 1000.0, "output_tokens": 50.0, "cache_read_input_tokens": 400.0, "cost_usd": 1.5}
    totals.fold(Record("llm", 1.0, records[-1][1], {**amounts, "unpriced": 1.0}))
    return totals


def full(name: str) -> Page:
    counted = tally(busy(name).families())
    return page(
        totals=counted,
        recent=counted,
        recent_seconds=300.0,
        signals=[SignalRow(name, {"a": name, "b": name}, 1.0, 1.0, 0.5, 1.5, 0.1, 0.9, history=[(1, 1), (2, 2)])],
        watched=[Watched(name, name, "good", name, {"accepted": 1.0, name: 2.0}, name)],
        processes=[ProcessRow(name, 1.0, 1e6, 3.0, 4.0)],
        budgets=[BudgetRow(name, "day", 10.0, 0.5)],
        links=[(name, "http://127.0.0.1:9090/?q=" + name)],
        sample=True,
        problem=name,
    )


@pytest.mark.parametrize("hostile", [HOSTILE, "</table></main></body>", "' onmouseover='x", '" style="x', "--><!--"])
def test_hostile_names_are_text(hostile: str) -> None:
    harmless, attacked = full("name"), full(hostile)
    assert attacked.tags == harmless.tags
    assert len(attacked.elements) == len(harmless.elements)
    assert {k for _, attrs in attacked.elements for k in attrs} == {k for _, attrs in harmless.elements for k in attrs}
    assert "script" not in attacked.tags


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_any_name_is_text(name: str) -> None:
    attacked = full(name + "x")
    assert {k for _, attrs in attacked.elements for k in attrs} <= {
        k for _, attrs in full("name").elements for k in attrs
    }


def test_the_page_needs_no_script_and_loads_nothing() -> None:
    shown = full("name")
    assert shown.tags.isdisjoint({"script", "img", "iframe", "object", "form", "base"})
    for tag, attributes in shown.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        if tag == "link":
            assert str(attributes["href"]).startswith("data:image/svg+xml,")
    refresh = [a for tag, a in shown.elements if tag == "meta" and a.get("http-equiv") == "refresh"]
    assert refresh[0]["content"] == "5"
    assert "width=device-width" in str([a.get("content") for tag, a in shown.elements if tag == "meta"])


def test_a_newcomer_is_told_what_to_do() -> None:
    text = page().text
    assert '@ag.agent("researcher")' in text
    assert "agentgauge-hook --system git" in text
    assert "No signal has a value yet" in text


def test_an_exporter_says_where_the_analyzer_is() -> None:
    assert "agentgauge analyzer --prometheus.url" in page(signals=None).text


def test_an_analyzer_shows_signals_alone() -> None:
    text = page(totals=None).text
    assert "No signal has a value yet" in text
    assert "No agent" not in text
    assert "What is watched" not in text


def test_calls_of_late_and_of_all_time() -> None:
    totals = Totals()
    for _ in range(7):
        totals.fold(Record("tool", 1.0, {"gen_ai_tool_name": "grep"}, {"duration_seconds": 0.25}))
    before = tally(totals.families())
    for error in ("", "timeout"):
        totals.fold(Record("tool", 1.0, {"gen_ai_tool_name": "grep", "error_type": error}, {"duration_seconds": 0.25}))
    now = tally(totals.families())
    key = ("grep", "")
    recent = {"tool": {key: now["tool"][key].since(before["tool"][key])}}
    text = page(totals=now, recent=recent, recent_seconds=300.0).text
    assert re.search(r"grep 2 50\s% \S+\sms \S+\sms 9 11\s%", text)
    assert "Last 5 min" in text


def test_anomalies_come_first_then_regressions_then_the_farthest() -> None:
    rows = [
        SignalRow("calm", {}, 1.0, zscore=0.1),
        SignalRow("far", {}, 1.0, zscore=-2.0),
        SignalRow("regressed", {}, 1.0, zscore=0.0, regression=True, regression_ratio=0.42),
        SignalRow("anomalous", {}, 1.0, zscore=9.0, anomaly=True),
        SignalRow("new", {}, 1.0),
        SignalRow("leaking", {}, 1.0, zscore=0.1, leak=True),
        SignalRow("worsening", {}, 1.0, zscore=0.2, predicted_in=1800.0),
    ]
    text = page(signals=rows).text
    places = [text.index(row) for row in ("anomalous", "regressed", "worsening", "leaking", "far", "calm", "new ")]
    assert places == sorted(places)
    assert "1 anomaly, 1 regression" in text
    assert re.search(r"regression \+42\s%", text)
    assert re.search(r"worsening regression in 30\smin", text)
    assert "leaking leak" in text
    assert text.index("learning") > text.index("new ")


@pytest.mark.parametrize(
    ("signal", "value", "shown"),
    [
        ("llm_duration_p95", 1.234, "1.23\u202fs"),
        ("tool_error_ratio", 0.05, "5\u202f%"),
        ("cost_per_run", 0.042, "$0.042"),
        ("token_usage", 1234.5, "1234/s"),
        ("cost_rate", 12.5, "$12.50/h"),
        ("quality_score", 0.93, "93\u202f%"),
    ],
)
def test_a_signal_has_its_unit(signal: str, value: float, shown: str) -> None:
    assert shown in "".join(page(signals=[SignalRow(signal, {}, value)]).words)


@pytest.mark.parametrize("signal", ["llm_duration_p95", "token_usage", "cost_rate", "cost_per_run", "mine"])
def test_values_that_are_not_finite_are_a_dash(signal: str) -> None:
    row = SignalRow(signal, {}, math.inf, -math.inf, math.nan, math.inf, math.inf, math.nan)
    text = page(signals=[row]).text
    assert "inf" not in text
    assert "nan" not in text


def test_sample_rows_have_a_badge_and_others_have_not() -> None:
    counted = {**tally(busy("sample-agent").families())}
    assert page(totals=counted).text.count("sample data") >= 5
    assert "sample data" not in page(totals=tally(busy("resample").families())).text
    assert "--no-sample" in page(sample=True).text


def test_states() -> None:
    def title(**changes: object) -> str:
        return page(**changes).words[1]

    assert title(ready=False).startswith("starting")
    assert title(problem="the disk is full").startswith("needs attention")
    assert title(signals=[SignalRow("a", {}, 1.0)]).startswith("learning")
    assert title(signals=[SignalRow("a", {}, 1.0, zscore=0.2)]).startswith("all as expected")
    assert title().startswith("running")


def test_a_line_is_broken_where_a_value_is_missing() -> None:
    history = [(1.0, 1.0), (2.0, 2.0), (3.0, math.nan), (4.0, 1.0), (5.0, 3.0)]
    lines = [a for tag, a in page(signals=[SignalRow("a", {}, 1.0, history=history)]).elements if tag == "polyline"]
    assert [len(str(line["points"]).split()) for line in lines] == [2, 2]


@given(
    st.lists(st.tuples(st.floats(0, 2e9), st.floats(-1e12, 1e12)), max_size=20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True),
)
@settings(max_examples=50)
def test_any_history_is_drawn_inside_its_frame(history: list[tuple[float, float]], lower: float, upper: float) -> None:
    row = SignalRow("a", {}, 1.0, lower=min(lower, upper), upper=max(lower, upper), history=sorted(history))
    for tag, attributes in page(signals=[row]).elements:
        if tag == "polyline":
            for point in str(attributes["points"]).split():
                x, y = map(float, point.split(","))
                assert 0 <= x <= 150
                assert 0 <= y <= 34


def test_a_budget_that_is_spent_is_said_in_numbers() -> None:
    text = page(budgets=[BudgetRow("team", "month", 200.0, 1.25)]).text
    assert re.search(r"team per month \$250\.00 of \$200\.00 125\s%", text)


def test_more_signals_than_fit_above_are_all_below() -> None:
    rows = [SignalRow(f"signal_{number:02}", {}, 1.0, zscore=number / 10) for number in range(9)]
    rows.append(SignalRow("unusual", {}, 1.0, zscore=0.0, anomaly=True))
    text = page(signals=rows).text
    assert "4 more below" in text
    assert text.count("unusual ") == 3, "in the note and in both tables"
    assert text.count("signal_00") == 1
    assert text.index("All signals") < text.index("signal_00")


def test_many_rows_are_cut_and_counted() -> None:
    totals = Totals()
    for number in range(30):
        totals.fold(Record("tool", 1.0, {"gen_ai_tool_name": f"tool{number}"}, {"duration_seconds": 0.25}))
    assert "and 18 more in" in page(totals=tally(totals.families())).text
