"""The overview's row of hooks: git, pre-commit, Claude Code, CI."""

from grafana.panels import Panel, Query, graph


def hooks() -> list[Panel]:
    """Return the panels on runs of hooks."""
    return [
        graph(
            401,
            "Hook runs by outcome",
            "Runs per minute. Blocked is a hook that did its work and said no; error is one that failed.",
            [
                Query(
                    "60 * sum by (hook_system, outcome) (rate(agentgauge_hook_runs_total[$__rate_interval]))",
                    "{{hook_system}} {{outcome}}",
                )
            ],
            "short",
            stacked=True,
            bars=True,
        ),
        graph(
            402,
            "Hook duration",
            "95th percentile over 15 minutes, because hooks are rare.",
            [
                Query(
                    "hook:agentgauge_hook_duration_seconds:p95_15m",
                    "{{hook_system}} {{hook_event}} {{hook_name}}",
                )
            ],
            "s",
        ),
        graph(
            403,
            "Hook runs blocked or failed",
            "Share of runs over 15 minutes.",
            [
                Query(
                    "hook:agentgauge_hook_runs:blocked_ratio_15m",
                    "{{hook_system}} {{hook_event}} {{hook_name}} blocked",
                ),
                Query(
                    "hook:agentgauge_hook_runs:error_ratio_15m",
                    "{{hook_system}} {{hook_event}} {{hook_name}} failed",
                ),
            ],
            "percentunit",
            maximum=1,
        ),
    ]
