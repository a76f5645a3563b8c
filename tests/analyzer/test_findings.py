import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.analyzer.findings import Finding, component, duration, families, health_scores
from agentgauge.analyzer.series import Series, series
from agentgauge.exposition import render

LABELS = [("gen_ai_tool_name", "search"), ("gen_ai_agent_name", "a")]


def finding(signal: str = "s", *, anomaly: bool = False, regression: bool = False, **values: float) -> Finding:
    found = Finding(series(signal, LABELS), anomaly=anomaly, regression=regression)
    for name, value in values.items():
        setattr(found, name, value)
    return found


def test_what_is_known_is_exposed_with_the_signals_labels() -> None:
    text = render(families([finding(value=1.5, anomaly=True, forecast=2.0)], 3600.0)).decode()
    labels = 'signal="s",gen_ai_agent_name="a",gen_ai_tool_name="search"'
    samples = {line for line in text.splitlines() if not line.startswith("#")}
    assert samples == {
        f"agentgauge_signal_value{{{labels}}} 1.5",
        f"agentgauge_signal_anomaly{{{labels}}} 1.0",
        f"agentgauge_signal_regression{{{labels}}} 0.0",
        f'agentgauge_signal_forecast{{{labels},horizon="1h"}} 2.0',
        'agentgauge_health_score_ratio{component="agent/a"} 0.4',
    }


def test_no_findings_are_no_families() -> None:
    assert families([], 3600.0) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3600, "1h"), (7200, "2h"), (5400, "90m"), (60, "1m"), (90, "90s"), (86400, "1d"), (0.5, "0.5s")],
)
def test_duration_has_one_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        ([("gen_ai_agent_name", "a"), ("gen_ai_tool_name", "t")], "agent/a"),
        ([("gen_ai_tool_name", "t")], "tool/t"),
        ([("gen_ai_provider_name", "p"), ("gen_ai_request_model", "m")], "model/m"),
        ([("hook_system", "git"), ("hook_name", "ruff")], "hook/ruff"),
        ([("role", "worker")], "process/worker"),
        ([("suite", "unit"), ("stage", "ci")], "tests/unit"),
        ([("other", "x")], "s"),
    ],
)
def test_component_is_what_the_labels_name(labels: list[tuple[str, str]], name: str) -> None:
    assert component(series("s", labels)) == name


flags = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=8)


@given(flags)
def test_health_is_1_when_all_is_well_0_when_nothing_is_and_never_better_for_a_finding(
    found: list[tuple[bool, bool]],
) -> None:
    def health(flags: list[tuple[bool, bool]]) -> float:
        (score,) = health_scores([finding(anomaly=a, regression=r) for a, r in flags]).values()
        return score

    score = health(found)
    assert 0 <= score <= 1
    assert (score == 1) == (not any(a or r for a, r in found))
    assert (score < 1e-9) == all(a and r for a, r in found)
    assert health([(True, found[0][1]), *found[1:]]) <= score
    assert health([(found[0][0], True), *found[1:]]) <= score


def test_series_without_labels_is_its_signals_name() -> None:
    assert component(Series("cost_rate", ())) == "cost_rate"
