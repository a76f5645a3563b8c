"""Kinds of record, and the one table by which records become metrics."""

from typing import Final, NamedTuple


class Fold(NamedTuple):
    """How one kind of record feeds one metric.

    Args:
        metric: a name in METRICS.
        amount: the record's amount to add, observe or set; None adds 1. A record without it feeds nothing.
        constants: labels the metric has beyond the record's own.
    """

    metric: str
    amount: str | None = None
    constants: tuple[tuple[str, str], ...] = ()


class Kind(NamedTuple):
    """One kind of record: its label names, its amount names, and what they feed."""

    name: str
    labels: tuple[str, ...]
    amounts: tuple[str, ...]
    folds: tuple[Fold, ...]


_AGENT: Final = ("gen_ai_agent_name", "task_type")
_HOOK: Final = ("hook_system", "hook_event", "hook_name")
_TOKEN_COUNTS: Final = ("input", "output", "cache_read_input", "cache_write_input", "reasoning_output")
_PROCESS_AMOUNTS: Final = (
    "cpu_seconds_total",
    "read_bytes_total",
    "write_bytes_total",
    "ended_total",
    "resident_memory_bytes",
    "unique_memory_bytes",
    "open_fds",
    "threads",
)

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "llm",
            (
                "gen_ai_operation_name",
                "gen_ai_provider_name",
                "gen_ai_request_model",
                "task_type",
                "gen_ai_agent_name",
                "error_type",
                "cost_source",
                "finish_reason",
            ),
            (
                "duration_seconds",
                "time_to_first_chunk_seconds",
                "time_per_output_chunk_seconds",
                *(f"{count}_tokens" for count in _TOKEN_COUNTS),
                "cost_usd",
                "unpriced",
                "saved_input_tokens",
                "responses",
            ),
            (
                Fold("gen_ai_client_operation_duration_seconds", "duration_seconds"),
                Fold("gen_ai_client_operation_time_to_first_chunk_seconds", "time_to_first_chunk_seconds"),
                Fold("gen_ai_client_operation_time_per_output_chunk_seconds", "time_per_output_chunk_seconds"),
                Fold("gen_ai_client_token_usage", "input_tokens", (("gen_ai_token_type", "input"),)),
                Fold("gen_ai_client_token_usage", "output_tokens", (("gen_ai_token_type", "output"),)),
                *(Fold(f"gen_ai_client_inference_usage_{c}_tokens_total", f"{c}_tokens") for c in _TOKEN_COUNTS),
                Fold("agentgauge_llm_cost_usd_total", "cost_usd"),
                Fold("agentgauge_llm_unpriced_calls_total", "unpriced"),
                Fold("agentgauge_llm_saved_input_tokens_total", "saved_input_tokens"),
                Fold("agentgauge_llm_responses_total", "responses"),
            ),
        ),
        Kind(
            "agent",
            (*_AGENT, "error_type", "outcome"),
            ("duration_seconds", "inference_calls", "tool_calls"),
            (
                Fold("gen_ai_invoke_agent_duration_seconds", "duration_seconds"),
                Fold("gen_ai_invoke_agent_inference_calls", "inference_calls"),
                Fold("gen_ai_invoke_agent_tool_calls", "tool_calls"),
                Fold("agentgauge_agent_runs_total"),
            ),
        ),
        Kind(
            "tool",
            ("gen_ai_tool_name", "gen_ai_tool_type", "gen_ai_agent_name", "error_type"),
            ("duration_seconds",),
            (Fold("gen_ai_execute_tool_duration_seconds", "duration_seconds"),),
        ),
        Kind(
            "workflow",
            ("gen_ai_workflow_name", "error_type"),
            ("duration_seconds",),
            (Fold("gen_ai_invoke_workflow_duration_seconds", "duration_seconds"),),
        ),
        Kind(
            "hook",
            (*_HOOK, "outcome", "exit_code_class"),
            ("duration_seconds", "cpu_seconds", "max_resident_memory_bytes", "read_bytes", "write_bytes"),
            (
                Fold("agentgauge_hook_duration_seconds", "duration_seconds"),
                Fold("agentgauge_hook_runs_total"),
                Fold("agentgauge_hook_cpu_seconds_total", "cpu_seconds"),
                Fold("agentgauge_hook_max_resident_memory_bytes", "max_resident_memory_bytes"),
                Fold("agentgauge_hook_read_bytes_total", "read_bytes"),
                Fold("agentgauge_hook_write_bytes_total", "write_bytes"),
            ),
        ),
        Kind("hook_event", ("hook_system", "hook_event"), (), (Fold("agentgauge_hook_events_total"),)),
        Kind("tool_permission", ("gen_ai_tool_name", "decision"), (), (Fold("agentgauge_tool_permissions_total"),)),
        Kind("tests", ("suite", "stage", "outcome"), ("count",), (Fold("agentgauge_tests_total", "count"),)),
        Kind(
            "test_run",
            ("suite", "stage"),
            ("duration_seconds", "selection_ratio", "selected", "deselected", "seconds_saved"),
            (
                Fold("agentgauge_test_run_duration_seconds", "duration_seconds"),
                Fold("agentgauge_test_selection_ratio", "selection_ratio"),
                Fold("agentgauge_tests_selected_total", "selected"),
                Fold("agentgauge_tests_deselected_total", "deselected"),
                Fold("agentgauge_test_seconds_saved_total", "seconds_saved"),
            ),
        ),
        Kind("cache", ("cache", "result"), ("count",), (Fold("agentgauge_cache_requests_total", "count"),)),
        Kind(
            "db_query",
            ("database", "operation"),
            ("duration_seconds",),
            (Fold("agentgauge_db_query_duration_seconds", "duration_seconds"),),
        ),
        Kind(
            "evaluation",
            ("gen_ai_evaluation_name", "gen_ai_agent_name", "task_type", "evaluator"),
            ("score_ratio",),
            (Fold("agentgauge_evaluation_score_ratio", "score_ratio"),),
        ),
        Kind("revisions", _AGENT, ("count",), (Fold("agentgauge_agent_revisions", "count"),)),
        Kind("tool_selection", ("gen_ai_tool_name", "verdict"), (), (Fold("agentgauge_tool_selections_total"),)),
        Kind(
            "transition",
            ("gen_ai_workflow_name", "from_state", "to_state"),
            ("duration_seconds",),
            (Fold("agentgauge_workflow_transition_duration_seconds", "duration_seconds"),),
        ),
        Kind("branch", ("gen_ai_workflow_name", "branch"), (), (Fold("agentgauge_workflow_branches_total"),)),
        Kind(
            "recovery",
            ("gen_ai_workflow_name", "strategy", "outcome"),
            (),
            (Fold("agentgauge_workflow_recoveries_total"),),
        ),
        Kind(
            "process",
            ("role",),
            (*_PROCESS_AMOUNTS, "processes"),
            (
                *(Fold(f"agentgauge_process_{amount}", amount) for amount in _PROCESS_AMOUNTS),
                Fold("agentgauge_processes", "processes"),
            ),
        ),
        Kind(
            "probe",
            ("probe",),
            ("duration_seconds", "success"),
            (
                Fold("agentgauge_probe_duration_seconds", "duration_seconds"),
                Fold("agentgauge_probe_success", "success"),
            ),
        ),
        Kind("read", ("source", "result"), ("count",), (Fold("agentgauge_records_total", "count"),)),
    )
}
