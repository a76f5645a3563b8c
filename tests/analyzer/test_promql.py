import re

import pytest

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.analyzer.promql import EVENTS_LABEL, expression, expression_with_events, selector
from agentgauge.catalogue import METRICS
from agentgauge.configuration import Signal

RUNS = "agentgauge_agent_runs_total"


@pytest.mark.parametrize(
    ("signal", "promql"),
    [
        (
            Signal("s", "p95", "gen_ai_execute_tool_duration_seconds", by=("gen_ai_tool_name",)),
            "histogram_quantile(0.95, sum by (gen_ai_tool_name, le) "
            "(increase(gen_ai_execute_tool_duration_seconds_bucket[60s]))) and (sum by (gen_ai_tool_name) "
            "(increase(gen_ai_execute_tool_duration_seconds_count[60s])) >= 1)",
        ),
        (
            Signal("s", "ratio", RUNS, {"outcome": "failure|timeout"}, by=("gen_ai_agent_name",), minimum_events=3),
            'sum by (gen_ai_agent_name) (increase(agentgauge_agent_runs_total{outcome=~"failure|timeout"}[60s])) or '
            "0 * (W)) / (W)".replace(
                "W", "sum by (gen_ai_agent_name) (increase(agentgauge_agent_runs_total[60s])) >= 3"
            ),
        ),
        (
            Signal("s", "ratio", "gen_ai_execute_tool_duration_seconds", {"error_type": "!"}),
            'increase(gen_ai_execute_tool_duration_seconds_count{error_type!=""}[60s])',
        ),
        (
            Signal("s", "mean", "agentgauge_evaluation_score_ratio", window_seconds=300),
            "sum by () (increase(agentgauge_evaluation_score_ratio_sum[300s])) / "
            "(sum by () (increase(agentgauge_evaluation_score_ratio_count[300s])) >= 1)",
        ),
        (
            Signal("s", "rate", "gen_ai_client_token_usage_sum", scale=3600.0),
            "3600 * ((sum by () (increase(gen_ai_client_token_usage_sum[60s])) >= 1) / 60)",
        ),
        (
            Signal("s", "rate", "agentgauge_tests_total", window_seconds=0.5, minimum_events=0),
            "(sum by () (increase(agentgauge_tests_total[500ms]))) / 0.5",
        ),
        (Signal("s", "value", "agentgauge_processes", by=("role",)), "sum by (role) (agentgauge_processes)"),
        (
            Signal("s", "value", "free_bytes", {"mountpoint": "/"}, per="size_bytes", by=("instance",), scale=100),
            '100 * (sum by (instance) (free_bytes{mountpoint="/"}) / sum by (instance) (size_bytes))',
        ),
        (Signal("s", "promql", expression="up or vector(0)"), "(up or vector(0))"),
    ],
)
def test_expression_of_a_measure(signal: Signal, promql: str) -> None:
    assert promql in expression(signal)


def test_values_are_quoted() -> None:
    where = {"a": 'x"} or up{', "b": "!p.q|r+", "c": "back\\slash"}
    assert selector("m", where) == r'm{a="x\"} or up{", b!~"p\\.q|r\\+", c="back\\slash"}'


@pytest.mark.parametrize("signal", BUILTIN, ids=lambda signal: signal.name)
def test_built_in_expressions_name_only_what_is_exposed(signal: Signal) -> None:
    known = {
        name if metric.type != "histogram" else f"{name}_{part}"
        for name, metric in METRICS.items()
        for part in ("bucket", "sum", "count")
    }
    named = set(re.findall(r"(?:increase\(|\) \()((?:agentgauge|gen_ai)_\w+)", expression(signal)))
    assert named
    assert named <= known


def test_events_come_with_the_values_and_are_told_apart() -> None:
    promql = expression_with_events(
        Signal("s", "p95", "gen_ai_execute_tool_duration_seconds", by=("gen_ai_tool_name",))
    )
    assert promql.endswith(
        ") or label_replace(sum by (gen_ai_tool_name) (increase(gen_ai_execute_tool_duration_seconds_count[60s])), "
        f'"{EVENTS_LABEL}", "1", "", "")'
    )
    rate = Signal("s", "rate", "agentgauge_tests_total")
    assert expression_with_events(rate) == expression(rate)
