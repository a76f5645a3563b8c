"""The built-in signals."""

from typing import Final

from agentgauge.configuration import Signal

_LLM: Final = ("gen_ai_provider_name", "gen_ai_request_model", "task_type")
_AGENT: Final = ("gen_ai_agent_name", "task_type")
_HOOK: Final = ("hook_system", "hook_event", "hook_name")
_LLM_SECONDS: Final = "gen_ai_client_operation_duration_seconds"
_TOOL_SECONDS: Final = "gen_ai_execute_tool_duration_seconds"
_AGENT_RUNS: Final = "agentgauge_agent_runs_total"
_FAILED: Final = {"error_type": "!|cancelled"}
_HOOK_RUNS: Final = "agentgauge_hook_runs_total"
_COST: Final = "agentgauge_llm_cost_usd_total"
_CACHE: Final = "agentgauge_cache_requests_total"
_MINUTES_5: Final = 300.0
_MINUTES_15: Final = 900.0
_ANY_MONEY: Final = 1e-6
_ANY_TIME: Final = 1e-3
_FILLS: Final = 1e9
"""Of what only fills or drains neither a value nor a level is unusual; when it is full is the threshold's to say."""
_MODEL: Final = ("gen_ai_provider_name", "gen_ai_request_model")
_STEP_SECONDS: Final = "agentgauge_workflow_transition_duration_seconds"

BUILTIN: Final = (
    Signal("llm_duration_p95", "p95", _LLM_SECONDS, by=_LLM),
    # One failure among very few calls says nothing yet, and a ratio of it says 100 %.
    Signal("llm_error_ratio", "ratio", _LLM_SECONDS, _FAILED, by=_LLM, minimum_events=5),
    Signal("agent_duration_p95", "p95", "gen_ai_invoke_agent_duration_seconds", by=_AGENT),
    Signal(
        "agent_error_ratio",
        "ratio",
        _AGENT_RUNS,
        {"outcome": "failure|timeout|budget"},
        by=_AGENT,
        minimum_events=3,
    ),
    Signal("tool_duration_p95", "p95", _TOOL_SECONDS, by=("gen_ai_tool_name",)),
    Signal("tool_error_ratio", "ratio", _TOOL_SECONDS, _FAILED, by=("gen_ai_tool_name",), minimum_events=5),
    Signal("workflow_duration_p95", "p95", "gen_ai_invoke_workflow_duration_seconds", by=("gen_ai_workflow_name",)),
    # Use follows demand, so only large changes of tokens and of cost per hour are worth a word.
    Signal(
        "token_usage",
        "rate",
        "gen_ai_client_token_usage_sum",
        by=("gen_ai_provider_name", "gen_ai_request_model"),
        window_seconds=_MINUTES_5,
        regression_threshold=0.5,
    ),
    Signal(
        "cost_per_run",
        "ratio",
        _COST,
        per=_AGENT_RUNS,
        by=("gen_ai_agent_name",),
        window_seconds=_MINUTES_5,
    ),
    Signal(
        "cost_rate",
        "rate",
        _COST,
        by=("gen_ai_agent_name",),
        window_seconds=_MINUTES_5,
        scale=3600.0,
        minimum_events=_ANY_MONEY,
        regression_threshold=0.5,
    ),
    Signal("hook_duration_p95", "p95", "agentgauge_hook_duration_seconds", by=_HOOK, window_seconds=_MINUTES_15),
    Signal(
        "hook_error_ratio",
        "ratio",
        _HOOK_RUNS,
        {"outcome": "error|timeout"},
        by=_HOOK,
        window_seconds=_MINUTES_15,
        minimum_events=3,
    ),
    Signal(
        "cache_hit_ratio",
        "ratio",
        _CACHE,
        {"result": "hit"},
        per_where={"result": "hit|miss"},
        by=("cache",),
        window_seconds=_MINUTES_5,
        worse="lower",
        minimum_events=5,
    ),
    Signal(
        "quality_score",
        "mean",
        "agentgauge_evaluation_score_ratio",
        by=("gen_ai_evaluation_name", "gen_ai_agent_name"),
        window_seconds=_MINUTES_5,
        worse="lower",
    ),
    # What a process holds follows its work; that it only ever grows is the leak's to say.
    Signal(
        "process_memory",
        "value",
        "agentgauge_process_resident_memory_bytes",
        by=("role",),
        regression_threshold=0.5,
    ),
    Signal("process_open_fds", "value", "agentgauge_process_open_fds", by=("role",), regression_threshold=0.5),
    # Seconds spent per second, by step: their shares show the bottleneck.
    Signal(
        "workflow_step_time",
        "rate",
        f"{_STEP_SECONDS}_sum",
        by=("gen_ai_workflow_name", "from_state"),
        window_seconds=_MINUTES_5,
        minimum_events=_ANY_TIME,
        regression_threshold=1.0,
    ),
    Signal(
        "agent_tool_time",
        "rate",
        f"{_TOOL_SECONDS}_sum",
        by=("gen_ai_agent_name", "gen_ai_tool_name"),
        window_seconds=_MINUTES_5,
        minimum_events=_ANY_TIME,
        regression_threshold=1.0,
    ),
    Signal(
        "hook_time",
        "rate",
        "agentgauge_hook_duration_seconds_sum",
        by=_HOOK,
        window_seconds=_MINUTES_15,
        minimum_events=_ANY_TIME,
        regression_threshold=1.0,
    ),
    # What is sent to models, and how much of it for the full price.
    Signal(
        "context_tokens",
        "mean",
        "gen_ai_client_token_usage",
        {"gen_ai_token_type": "input"},
        by=_MODEL,
        window_seconds=_MINUTES_5,
        regression_threshold=0.5,
    ),
    Signal(
        "prompt_cache_ratio",
        "ratio",
        "gen_ai_client_inference_usage_cache_read_input_tokens_total",
        per="gen_ai_client_inference_usage_input_tokens_total",
        by=_MODEL,
        window_seconds=_MINUTES_5,
        worse="lower",
        regression_threshold=0.5,
    ),
    Signal(
        "unpriced_ratio",
        "ratio",
        "agentgauge_llm_unpriced_calls_total",
        per=_LLM_SECONDS,
        by=_MODEL,
        window_seconds=_MINUTES_5,
        regression_threshold=1.0,
    ),
    Signal(
        "tool_choice_error_ratio",
        "ratio",
        "agentgauge_tool_selections_total",
        {"verdict": "!correct"},
        by=("gen_ai_tool_name",),
        window_seconds=_MINUTES_15,
        minimum_events=5,
    ),
    Signal(
        "recoveries_per_run",
        "ratio",
        "agentgauge_workflow_recoveries_total",
        per="gen_ai_invoke_workflow_duration_seconds",
        by=("gen_ai_workflow_name",),
        window_seconds=_MINUTES_15,
        regression_threshold=1.0,
    ),
    Signal(
        "test_run_duration",
        "mean",
        "agentgauge_test_run_duration_seconds",
        by=("suite", "stage"),
        window_seconds=_MINUTES_15,
        regression_threshold=0.5,
    ),
    # Capacities, with the level at which they are exhausted.
    Signal(
        "budget_used_ratio",
        "value",
        "agentgauge_budget_used_ratio",
        by=("budget",),
        regression_threshold=_FILLS,
        threshold=1.0,
    ),
    Signal(
        "spool_used_ratio",
        "value",
        "agentgauge_spool_size_bytes",
        per="agentgauge_spool_limit_bytes",
        regression_threshold=_FILLS,
        threshold=1.0,
    ),
    Signal(
        "disk_free_ratio",
        "value",
        "agentgauge_disk_free_bytes",
        per="agentgauge_disk_size_bytes",
        worse="lower",
        regression_threshold=_FILLS,
        threshold=0.05,
    ),
)
