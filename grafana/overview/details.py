"""The overview's collapsed rows on agents' work: tools, workflows, quality."""

from grafana.panels import Panel, Query, graph

_TOOL = 'gen_ai_execute_tool_duration_seconds_count{gen_ai_agent_name=~"$agent"}'
_FAILED_TOOL = 'gen_ai_execute_tool_duration_seconds_count{gen_ai_agent_name=~"$agent", error_type!~"|cancelled"}'
_AGENT_TASK = '{gen_ai_agent_name=~"$agent", task_type=~"$task_type"}'


def _mean(metric: str, by: str, selector: str = _AGENT_TASK) -> str:
    return (
        f"sum by ({by}) (rate({metric}_sum{selector}[$__rate_interval]))"
        f" / (sum by ({by}) (rate({metric}_count{selector}[$__rate_interval])) > 0)"
    )


def _p95(metric: str, by: str, selector: str = "") -> str:
    return f"histogram_quantile(0.95, sum by ({by}, le) (rate({metric}_bucket{selector}[$__rate_interval])))"


def tools() -> list[Panel]:
    """Return rate, errors and duration of calls to tools."""
    by = "sum by (gen_ai_tool_name)"
    return [
        graph(
            801,
            "Tool calls per minute",
            "Calls that ended, by tool.",
            [Query(f"60 * {by} (rate({_TOOL}[$__rate_interval]))", "{{gen_ai_tool_name}}")],
            "short",
            width=6,
        ),
        graph(
            802,
            "Failed tool calls",
            "Share of calls that ended in an error.",
            [
                Query(
                    f"({by} (rate({_FAILED_TOOL}[$__rate_interval])) or 0 * {by} (rate({_TOOL}[$__rate_interval])))"
                    f" / ({by} (rate({_TOOL}[$__rate_interval])) > 0)",
                    "{{gen_ai_tool_name}}",
                )
            ],
            "percentunit",
            width=6,
            maximum=1,
        ),
        graph(
            803,
            "Duration of a tool call",
            "95th percentile by tool.",
            [
                Query(
                    _p95("gen_ai_execute_tool_duration_seconds", "gen_ai_tool_name", '{gen_ai_agent_name=~"$agent"}'),
                    "{{gen_ai_tool_name}}",
                )
            ],
            "s",
            width=6,
        ),
        graph(
            804,
            "Judged choices of a tool",
            "Choices per minute by verdict of those who judge them.",
            [Query("60 * sum by (verdict) (rate(agentgauge_tool_selections_total[$__rate_interval]))", "{{verdict}}")],
            "short",
            width=6,
            stacked=True,
        ),
    ]


def workflows() -> list[Panel]:
    """Return the panels on workflows."""
    return [
        graph(
            901,
            "Workflow runs per minute",
            "Runs that ended, by workflow; those that failed apart.",
            [
                Query(
                    "60 * sum by (gen_ai_workflow_name)"
                    " (rate(gen_ai_invoke_workflow_duration_seconds_count[$__rate_interval]))",
                    "{{gen_ai_workflow_name}}",
                ),
                Query(
                    "60 * sum by (gen_ai_workflow_name) (rate(gen_ai_invoke_workflow_duration_seconds_count"
                    '{error_type!~"|cancelled"}[$__rate_interval]))',
                    "{{gen_ai_workflow_name}} failed",
                ),
            ],
            "short",
            width=6,
        ),
        graph(
            902,
            "Duration of a workflow",
            "95th percentile by workflow.",
            [
                Query(
                    _p95("gen_ai_invoke_workflow_duration_seconds", "gen_ai_workflow_name"),
                    "{{gen_ai_workflow_name}}",
                )
            ],
            "s",
            width=6,
        ),
        graph(
            903,
            "Time in a state",
            "95th percentile of the time a workflow spent in a state before the next.",
            [
                Query(
                    _p95(
                        "agentgauge_workflow_transition_duration_seconds", "gen_ai_workflow_name, from_state, to_state"
                    ),
                    "{{gen_ai_workflow_name}} {{from_state}} → {{to_state}}",
                )
            ],
            "s",
            width=6,
        ),
        graph(
            904,
            "Branches and recoveries",
            "Branches taken and recoveries tried, per minute.",
            [
                Query(
                    "60 * sum by (gen_ai_workflow_name, branch)"
                    " (rate(agentgauge_workflow_branches_total[$__rate_interval]))",
                    "{{gen_ai_workflow_name}} {{branch}}",
                ),
                Query(
                    "60 * sum by (strategy, outcome) (rate(agentgauge_workflow_recoveries_total[$__rate_interval]))",
                    "{{strategy}} {{outcome}}",
                ),
            ],
            "short",
            width=6,
        ),
    ]


def quality() -> list[Panel]:
    """Return the panels on what the work is worth."""
    return [
        graph(
            1001,
            "Evaluation score",
            "Mean score by evaluation and agent.",
            [
                Query(
                    _mean("agentgauge_evaluation_score_ratio", "gen_ai_evaluation_name, gen_ai_agent_name"),
                    "{{gen_ai_evaluation_name}} {{gen_ai_agent_name}}",
                )
            ],
            "percentunit",
            width=6,
            maximum=1,
        ),
        graph(
            1002,
            "Revisions until accepted",
            "Mean revisions of a result, by agent.",
            [Query(_mean("agentgauge_agent_revisions", "gen_ai_agent_name"), "{{gen_ai_agent_name}}")],
            "short",
            width=6,
        ),
        graph(
            1003,
            "Calls in a run",
            "Mean calls to models and to tools in one run, by agent.",
            [
                Query(
                    _mean("gen_ai_invoke_agent_inference_calls", "gen_ai_agent_name"), "{{gen_ai_agent_name}} models"
                ),
                Query(_mean("gen_ai_invoke_agent_tool_calls", "gen_ai_agent_name"), "{{gen_ai_agent_name}} tools"),
            ],
            "short",
            width=6,
        ),
        graph(
            1006,
            "Tokens per successful run",
            "Tokens read and written in an hour, per run that succeeded in it, by task.",
            [Query("task:gen_ai_client_inference_usage_tokens:per_success_1h", "{{task_type}}")],
            "short",
            width=6,
        ),
    ]
