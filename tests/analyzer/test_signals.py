import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.analyzer.signals import accepts, resolve, resolved_metric
from agentgauge.configuration import Analyzer, Signal
from agentgauge.errors import ConfigurationError

PROMETHEUS = "http://127.0.0.1:9090"


def test_names_of_built_in_signals_are_what_rules_and_dashboards_use() -> None:
    assert [signal.name for signal in BUILTIN] == [
        "llm_duration_p95",
        "llm_error_ratio",
        "agent_duration_p95",
        "agent_error_ratio",
        "tool_duration_p95",
        "tool_error_ratio",
        "workflow_duration_p95",
        "token_usage",
        "cost_per_run",
        "cost_rate",
        "hook_duration_p95",
        "hook_error_ratio",
        "cache_hit_ratio",
        "quality_score",
        "process_memory",
        "process_open_fds",
        "workflow_step_time",
        "agent_tool_time",
        "hook_time",
        "context_tokens",
        "prompt_cache_ratio",
        "unpriced_ratio",
        "tool_choice_error_ratio",
        "recoveries_per_run",
        "test_run_duration",
        "budget_used_ratio",
        "spool_used_ratio",
        "disk_free_ratio",
    ]


def test_built_in_signals_are_valid_without_a_prometheus() -> None:
    assert resolve(Analyzer()) == BUILTIN
    assert resolve(Analyzer(signals=BUILTIN, builtin_signals=False)) == BUILTIN


def test_users_signal_replaces_the_built_in_one_of_its_name() -> None:
    own = Signal("cost_rate", "rate", "agentgauge_llm_cost_usd_total", scale=60.0)
    resolved = resolve(Analyzer(signals=(own,)))
    assert [signal for signal in resolved if signal.name == "cost_rate"] == [own]
    assert len(resolved) == len(BUILTIN)


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (Signal("s", "promql"), "s.expression: empty"),
        (Signal("s", "promql", expression="up"), "s.measure: promql needs analyzer.prometheus_url"),
        (Signal("s", "rate", "agentgauge_llm_cost_usd_total", expression="up"), "s.expression: only measure promql"),
        (Signal("s", "rate", "no such"), "s.metric: 'no such' is not a metric's name"),
        (Signal("s", "rate", "http_requests_total"), "s.metric: 'http_requests_total' is not agentgauge's"),
        (Signal("s", "p95", "agentgauge_llm_cost_usd_total"), "s.metric: measure p95 needs a histogram"),
        (Signal("s", "p95", "gen_ai_client_token_usage_sum"), "s.metric: measure p95 needs a histogram"),
        (Signal("s", "value", "agentgauge_llm_cost_usd_total"), "s.metric: measure value needs a gauge"),
        (Signal("s", "rate", "agentgauge_processes"), "s.metric: measure rate needs a counter or histogram"),
        (Signal("s", "rate", "agentgauge_tests_total", by=("model",)), "has no label 'model'; it has suite, stage"),
        (Signal("s", "rate", "agentgauge_tests_total", {"model": "x"}), "has no label 'model'; it has suite, stage"),
        (Signal("s", "rate", "agentgauge_tests_total", per="agentgauge_tests_total"), "s.per: only measures ratio and"),
        (Signal("s", "ratio", "agentgauge_tests_total", per="agentgauge_processes"), "s.per: measure ratio needs"),
        (Signal("s", "ratio", "agentgauge_tests_total", per_where={"x": "y"}), "s.per: agentgauge_tests_total has no"),
        (Signal("s", "rate", "agentgauge_tests_total", by=("signal",)), "s.by: the label 'signal' is the analyzer's"),
    ],
)
def test_signal_that_could_never_have_a_value_is_refused(signal: Signal, message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        resolve(Analyzer(signals=(signal,)))
    assert message in str(error.value)
    assert str(error.value).startswith("analyzer.signals.s.")
    assert "\n" not in str(error.value)


def test_with_a_prometheus_foreign_metrics_and_expressions_are_watched() -> None:
    own = (
        Signal("requests", "p99", "http_request_duration_seconds", by=("path",)),
        Signal("up", "promql", expression="up"),
    )
    assert resolve(Analyzer(prometheus_url=PROMETHEUS, signals=own, builtin_signals=False)) == own


def test_labels_of_foreign_metrics_must_be_names() -> None:
    own = Signal("requests", "rate", "http_requests_total", by=("a) or vector(1",))
    with pytest.raises(ConfigurationError, match="not a label's name"):
        resolve(Analyzer(prometheus_url=PROMETHEUS, signals=(own,)))


@pytest.mark.parametrize(
    ("name", "metric", "part"),
    [
        ("gen_ai_client_token_usage", "gen_ai_client_token_usage", "count"),
        ("gen_ai_client_token_usage_count", "gen_ai_client_token_usage", "count"),
        ("gen_ai_client_token_usage_sum", "gen_ai_client_token_usage", "sum"),
        ("agentgauge_tests_total", "agentgauge_tests_total", "value"),
        ("a_foreign_sum", "a_foreign_sum", "value"),
    ],
)
def test_name_of_a_part_of_a_histogram(name: str, metric: str, part: str) -> None:
    assert resolved_metric(name) == (metric, part)


@given(st.lists(st.text(st.characters(exclude_characters="|!")), min_size=1), st.text())
def test_exclusion_is_the_opposite_of_a_condition(alternatives: list[str], value: str) -> None:
    condition = "|".join(alternatives)
    assert accepts(condition, value) == (value in alternatives)
    assert accepts(f"!{condition}", value) != accepts(condition, value)
