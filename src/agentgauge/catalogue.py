"""Every metric agentgauge exposes; ``kinds`` says which records feed them.

A metric's names, labels and buckets follow OpenTelemetry's GenAI semantic conventions, in the form
OpenTelemetry's Prometheus exporter prints them, wherever those name it (``origin="otel"``).
"""

from typing import Final, Literal, NamedTuple

MetricType = Literal["counter", "gauge", "histogram"]


class Metric(NamedTuple):
    """One metric family.

    Args:
        name: the full Prometheus name, a counter's ``_total`` included.
        type: counter, gauge or histogram.
        labels: label names, in the order of every tuple of label values.
        help: one sentence.
        buckets: a histogram's finite upper bounds, ascending.
        origin: "otel" (a convention), "otel-draft" (a proposed one) or "own".
    """

    name: str
    type: MetricType
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    origin: str = "own"


def _doubling(first: float, count: int) -> tuple[float, ...]:
    return tuple(round(first * 2**i, 6) for i in range(count))


_OPERATION_SECONDS: Final = _doubling(0.01, 14)
# Long generations and tool calls outlast the convention's 81.92 s; the added bounds keep its own intact.
_CALL_SECONDS: Final = (*_OPERATION_SECONDS, 163.84, 327.68, 655.36)
_AGENT_SECONDS: Final = _doubling(0.1, 13)
_WORKFLOW_SECONDS: Final = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_HOOK_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_QUERY_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TOKENS: Final = tuple(float(4**i) for i in range(14))
_CALLS: Final = tuple(float(2**i) for i in range(8))
_BYTES: Final = (0.0, *(float(4**i) for i in range(8, 17)))
_MEMORY: Final = tuple(float(2**i) for i in range(24, 35))
_TENTHS: Final = tuple(i / 10 for i in range(1, 11))

_LLM: Final = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "task_type")
_LLM_USAGE: Final = ("gen_ai_provider_name", "gen_ai_request_model", "task_type")
_COST: Final = ("gen_ai_provider_name", "gen_ai_request_model", "gen_ai_agent_name", "task_type", "cost_source")
_AGENT: Final = ("gen_ai_agent_name", "task_type")
_HOOK: Final = ("hook_system", "hook_event", "hook_name")

_RECORDED: Final = (
    Metric(
        "gen_ai_client_operation_duration_seconds",
        "histogram",
        (*_LLM, "error_type"),
        "Duration of a call to a model.",
        _CALL_SECONDS,
        "otel",
    ),
    Metric(
        "gen_ai_client_operation_time_to_first_chunk_seconds",
        "histogram",
        _LLM,
        "Time until the first chunk of a streamed response.",
        _OPERATION_SECONDS,
        "otel",
    ),
    Metric(
        "gen_ai_client_operation_time_per_output_chunk_seconds",
        "histogram",
        _LLM,
        "Mean time between the chunks of a streamed response.",
        _OPERATION_SECONDS,
        "otel",
    ),
    Metric(
        "gen_ai_client_token_usage",
        "histogram",
        (*_LLM, "gen_ai_token_type"),
        "Tokens of a call to a model; input includes cached tokens.",
        _TOKENS,
        "otel",
    ),
    *(
        Metric(
            f"gen_ai_client_inference_usage_{kind}_tokens_total",
            "counter",
            _LLM_USAGE,
            help_text,
            origin="otel-draft",
        )
        for kind, help_text in (
            ("input", "Input tokens, cached ones included."),
            ("output", "Output tokens, reasoning included."),
            ("cache_read_input", "Input tokens read from the provider's cache."),
            ("cache_write_input", "Input tokens written to the provider's cache."),
            ("reasoning_output", "Output tokens spent on reasoning."),
        )
    ),
    Metric("agentgauge_llm_cost_usd_total", "counter", _COST, "Cost of calls to models in USD."),
    Metric(
        "agentgauge_llm_unpriced_calls_total", "counter", _COST, "Calls to models of unknown price; they cost 0 here."
    ),
    Metric(
        "agentgauge_llm_saved_input_tokens_total",
        "counter",
        _LLM_USAGE,
        "Input tokens that compressing prompts saved; they are no part of the input.",
    ),
    Metric(
        "agentgauge_llm_responses_total",
        "counter",
        (*_LLM_USAGE, "finish_reason"),
        "Responses of models by why they ended: stop, length, tool_call, content_filter, error, other.",
    ),
    Metric(
        "gen_ai_invoke_agent_duration_seconds",
        "histogram",
        (*_AGENT, "error_type"),
        "Duration of an agent's run.",
        _AGENT_SECONDS,
        "otel",
    ),
    Metric(
        "gen_ai_invoke_agent_inference_calls",
        "histogram",
        (*_AGENT, "error_type"),
        "Calls to models in one run of an agent.",
        _CALLS,
        "otel",
    ),
    Metric(
        "gen_ai_invoke_agent_tool_calls",
        "histogram",
        (*_AGENT, "error_type"),
        "Calls to tools in one run of an agent.",
        _CALLS,
        "otel",
    ),
    Metric(
        "agentgauge_agent_runs_total",
        "counter",
        (*_AGENT, "outcome"),
        "Runs of an agent by outcome: success, failure, cancelled, timeout, budget.",
    ),
    Metric(
        "agentgauge_agent_revisions",
        "histogram",
        _AGENT,
        "Revisions until a run's result was accepted.",
        (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0),
    ),
    Metric(
        "agentgauge_evaluation_score_ratio",
        "histogram",
        ("gen_ai_evaluation_name", "gen_ai_agent_name", "task_type", "evaluator"),
        "Score of an evaluation, 0 to 1.",
        _TENTHS,
    ),
    Metric(
        "gen_ai_execute_tool_duration_seconds",
        "histogram",
        ("gen_ai_tool_name", "gen_ai_tool_type", "gen_ai_agent_name", "error_type"),
        "Duration of a call to a tool.",
        _CALL_SECONDS,
        "otel",
    ),
    Metric(
        "agentgauge_tool_selections_total",
        "counter",
        ("gen_ai_tool_name", "verdict"),
        "Judged choices of a tool: correct, wrong, unnecessary, missing, bad_arguments.",
    ),
    Metric(
        "gen_ai_invoke_workflow_duration_seconds",
        "histogram",
        ("gen_ai_workflow_name", "error_type"),
        "Duration of a workflow's run.",
        _WORKFLOW_SECONDS,
        "otel",
    ),
    Metric(
        "agentgauge_workflow_transition_duration_seconds",
        "histogram",
        ("gen_ai_workflow_name", "from_state", "to_state"),
        "Time a workflow spent in a state before it went to the next.",
        _WORKFLOW_SECONDS,
    ),
    Metric(
        "agentgauge_workflow_branches_total", "counter", ("gen_ai_workflow_name", "branch"), "Branches a workflow took."
    ),
    Metric(
        "agentgauge_workflow_recoveries_total",
        "counter",
        ("gen_ai_workflow_name", "strategy", "outcome"),
        "Recoveries of a workflow by strategy and outcome.",
    ),
    Metric(
        "agentgauge_hook_duration_seconds",
        "histogram",
        _HOOK,
        "Duration of a hook's run.",
        _HOOK_SECONDS,
    ),
    Metric(
        "agentgauge_hook_runs_total",
        "counter",
        (*_HOOK, "outcome", "exit_code_class"),
        "Runs of a hook by outcome: success, blocked, error, timeout, cancelled; exit code: 0, 1, 2, other, signal.",
    ),
    Metric(
        "agentgauge_hook_events_total",
        "counter",
        ("hook_system", "hook_event"),
        "Events of agents' sessions, as the agents told them to the exporter.",
    ),
    Metric(
        "agentgauge_tool_permissions_total",
        "counter",
        ("gen_ai_tool_name", "decision"),
        "Calls to tools decided upon: granted or refused when asked, denied by a rule, blocked before they ran.",
    ),
    Metric(
        "agentgauge_hook_cpu_seconds_total",
        "counter",
        _HOOK,
        "CPU time of a hook's command and of all it started and waited for.",
    ),
    Metric(
        "agentgauge_hook_max_resident_memory_bytes",
        "histogram",
        _HOOK,
        "Peak resident memory of the largest process of a hook's run.",
        _MEMORY,
    ),
    Metric("agentgauge_hook_read_bytes_total", "counter", _HOOK, "Bytes a hook's command read from storage."),
    Metric("agentgauge_hook_write_bytes_total", "counter", _HOOK, "Bytes a hook's command wrote to storage."),
    Metric("agentgauge_tests_total", "counter", ("suite", "stage", "outcome"), "Tests run, by outcome."),
    Metric(
        "agentgauge_test_run_duration_seconds",
        "histogram",
        ("suite", "stage"),
        "Duration of a test run.",
        _WORKFLOW_SECONDS,
    ),
    Metric("agentgauge_tests_selected_total", "counter", ("suite", "stage"), "Tests selected to run."),
    Metric(
        "agentgauge_tests_deselected_total",
        "counter",
        ("suite", "stage"),
        "Tests of a suite that were known and not selected.",
    ),
    Metric(
        "agentgauge_test_seconds_saved_total",
        "counter",
        ("suite", "stage"),
        "Time saved by not selecting tests: what they took when they last ran.",
    ),
    Metric("agentgauge_test_selection_ratio", "gauge", ("suite",), "Share of a suite's tests the last run selected."),
    Metric("agentgauge_cache_requests_total", "counter", ("cache", "result"), "Requests to a cache: hit, miss, evict."),
    Metric(
        "agentgauge_db_query_duration_seconds",
        "histogram",
        ("database", "operation"),
        "Duration of a database query.",
        _QUERY_SECONDS,
    ),
    Metric("agentgauge_process_cpu_seconds_total", "counter", ("role",), "CPU time of a role's processes."),
    Metric("agentgauge_process_read_bytes_total", "counter", ("role",), "Bytes a role's processes read from storage."),
    Metric("agentgauge_process_write_bytes_total", "counter", ("role",), "Bytes a role's processes wrote to storage."),
    Metric("agentgauge_process_ended_total", "counter", ("role",), "Processes of a role that were seen and ended."),
    Metric("agentgauge_process_resident_memory_bytes", "gauge", ("role",), "Resident memory of a role's processes."),
    Metric(
        "agentgauge_process_unique_memory_bytes",
        "gauge",
        ("role",),
        "Memory of a role's processes that would be free if they ended: what each shares with no other.",
    ),
    Metric("agentgauge_process_open_fds", "gauge", ("role",), "Open file descriptors of a role's processes."),
    Metric("agentgauge_process_threads", "gauge", ("role",), "Threads of a role's processes."),
    Metric("agentgauge_processes", "gauge", ("role",), "Processes running in a role."),
    Metric("agentgauge_probe_success", "gauge", ("probe",), "Whether the last health check succeeded."),
    Metric(
        "agentgauge_probe_duration_seconds", "histogram", ("probe",), "Duration of a health check.", _OPERATION_SECONDS
    ),
    Metric(
        "agentgauge_records_total",
        "counter",
        ("source", "result"),
        "Records read, by source and result: accepted, duplicate, invalid, dropped.",
    ),
)

_STATE: Final = (
    Metric(
        "agentgauge_call_memory_growth_bytes",
        "histogram",
        ("kind", "name"),
        "Growth of the process's resident memory during a call, 0 where it shrank; of calls marked memory=True.",
        _BYTES,
    ),
    Metric(
        "agentgauge_quality_weight",
        "gauge",
        ("gen_ai_evaluation_name",),
        "Weight of an evaluation in the composite quality score, as configured.",
    ),
    Metric("agentgauge_in_flight", "gauge", ("kind", "name"), "Calls begun and not ended."),
    Metric("agentgauge_oldest_in_flight_seconds", "gauge", ("kind", "name"), "Age of the oldest call not ended, or 0."),
    Metric("agentgauge_budget_limit_usd", "gauge", ("budget",), "A budget's limit for its period in USD."),
    Metric("agentgauge_budget_used_ratio", "gauge", ("budget",), "Share of a budget spent in its current period."),
    Metric(
        "agentgauge_exporter_ready",
        "gauge",
        (),
        "Whether the exporter has read everything once; until then it exposes only what it says of itself.",
    ),
    Metric("agentgauge_spool_backlog_bytes", "gauge", (), "Bytes in the spool not yet folded."),
    Metric("agentgauge_spool_oldest_seconds", "gauge", (), "Age of the oldest spool data not yet folded; 0 for none."),
    Metric("agentgauge_spool_size_bytes", "gauge", (), "Size of the file that writers append to."),
    Metric("agentgauge_spool_limit_bytes", "gauge", (), "Size of that file at which writers drop their records."),
    Metric("agentgauge_disk_free_bytes", "gauge", (), "Room on the file system of the exporter's state, for its user."),
    Metric("agentgauge_disk_size_bytes", "gauge", (), "Size of that file system."),
    Metric(
        "agentgauge_label_values_capped_total",
        "counter",
        ("metric",),
        "Records whose label values became 'other' because the metric has its most label sets.",
    ),
    Metric("agentgauge_build_info", "gauge", ("version", "python"), "1, with the versions as labels."),
    Metric("agentgauge_fold_duration_seconds", "gauge", (), "Duration of the exporter's last fold."),
    Metric("agentgauge_checkpoint_errors_total", "counter", (), "Checkpoints that could not be saved."),
)

SIGNAL_LABELS: Final = "*"
"""The place of a signal's own labels, which only its declaration knows."""

_SIGNALS: Final = tuple(
    Metric(f"agentgauge_signal_{name}", "gauge", labels, help_text)
    for name, labels, help_text in (
        ("value", ("signal", SIGNAL_LABELS), "A signal's last value."),
        ("expected", ("signal", SIGNAL_LABELS), "The value a signal's own past leads to expect."),
        ("expected_lower", ("signal", SIGNAL_LABELS), "Lower bound of the expected band."),
        ("expected_upper", ("signal", SIGNAL_LABELS), "Upper bound of the expected band."),
        ("zscore", ("signal", SIGNAL_LABELS), "Robust distance from the expected value in standard deviations."),
        ("pvalue", ("signal", SIGNAL_LABELS), "Probability of so large a deviation in the signal's own past."),
        ("anomaly", ("signal", SIGNAL_LABELS), "1 where the deviation is significant across all signals, and worse."),
        ("regression_ratio", ("signal", SIGNAL_LABELS), "Change of level against the baseline; 0.15 is 15 % up."),
        ("regression_pvalue", ("signal", SIGNAL_LABELS), "Probability of so large a change of level by chance."),
        ("regression", ("signal", SIGNAL_LABELS), "1 where the level is worse by the threshold, significantly."),
        ("change_timestamp_seconds", ("signal", SIGNAL_LABELS), "When the level last changed; 0 for never."),
        ("trend_per_hour", ("signal", SIGNAL_LABELS), "Robust slope per hour."),
        ("forecast", ("signal", SIGNAL_LABELS, "horizon"), "The value expected after the horizon."),
        ("forecast_lower", ("signal", SIGNAL_LABELS, "horizon"), "Lower bound of the forecast's 95 % interval."),
        ("forecast_upper", ("signal", SIGNAL_LABELS, "horizon"), "Upper bound of the forecast's 95 % interval."),
        ("threshold_eta_seconds", ("signal", SIGNAL_LABELS), "Time until the forecast crosses the threshold."),
        (
            "threshold_eta_soonest_seconds",
            ("signal", SIGNAL_LABELS),
            "Time until the forecast's 95 % interval crosses the threshold at the soonest.",
        ),
        (
            "threshold_eta_latest_seconds",
            ("signal", SIGNAL_LABELS),
            "Time until all of the forecast's 95 % interval has crossed the threshold.",
        ),
        (
            "predicted_regression",
            ("signal", SIGNAL_LABELS),
            "1 where even the better end of the forecast is worse by the threshold before the horizon.",
        ),
        ("leak", ("signal", SIGNAL_LABELS), "1 where what is held grows significantly and is never given back."),
        (
            "correlation",
            ("signal", SIGNAL_LABELS, "other"),
            "Rank correlation of two signals' recent changes, where it is strong.",
        ),
    )
)

_ANALYZER: Final = (
    Metric("agentgauge_health_score_ratio", "gauge", ("component",), "Health of a component from its signals, 0 to 1."),
    Metric("agentgauge_analyzer_tick_duration_seconds", "gauge", (), "Duration of the analyzer's last tick."),
    Metric("agentgauge_analyzer_series", "gauge", (), "Series the analyzer watches."),
    Metric("agentgauge_analyzer_last_success_timestamp_seconds", "gauge", (), "When the signals were last judged."),
    Metric("agentgauge_analyzer_source_up", "gauge", (), "Whether the source of series answered the last tick."),
    Metric(
        "agentgauge_analyzer_engine_up",
        "gauge",
        (),
        "Whether the engine does the work; 0 while this process does it in a cluster's place.",
    ),
    Metric(
        "agentgauge_analyzer_source_errors_total",
        "counter",
        ("reason",),
        "Queries the source did not answer with series: unreachable, timeout, http, invalid.",
    ),
    Metric(
        "agentgauge_analyzer_remote_write_samples_total",
        "counter",
        ("result",),
        "Samples of findings written elsewhere: sent, failed (given up), retried (each time again).",
    ),
)

METRICS: Final[dict[str, Metric]] = {metric.name: metric for metric in (*_RECORDED, *_STATE, *_SIGNALS, *_ANALYZER)}
