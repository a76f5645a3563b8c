"""The details' row of hooks: what they cost a machine, what agents told, and what was allowed."""

from grafana.panels import Panel, Query, graph

_BY = "hook_system, hook_event, hook_name"
_LEGEND = "{{hook_system}} {{hook_event}} {{hook_name}}"


def _rate(metric: str) -> str:
    return f'sum by ({_BY}) (rate({metric}{{hook_name=~"$hook"}}[$__rate_interval]))'


def hooks() -> list[Panel]:
    """Return the panels on hooks, sessions' events and permissions."""
    return [
        graph(
            2301,
            "CPU time of a hook's run",
            "Mean CPU time of a run and of all it started, where the system tells it.",
            [
                Query(
                    f"{_rate('agentgauge_hook_cpu_seconds_total')} / ({_rate('agentgauge_hook_runs_total')} > 0)",
                    _LEGEND,
                )
            ],
            "s",
        ),
        graph(
            2302,
            "Memory of a hook's run",
            "95th percentile of the peak resident memory of a run's largest process.",
            [
                Query(
                    f"histogram_quantile(0.95, sum by ({_BY}, le)"
                    ' (rate(agentgauge_hook_max_resident_memory_bytes_bucket{hook_name=~"$hook"}[$__rate_interval])))',
                    _LEGEND,
                )
            ],
            "bytes",
        ),
        graph(
            2303,
            "Disk of hooks",
            "Bytes a second hooks read from storage and wrote to it.",
            [
                Query(_rate("agentgauge_hook_read_bytes_total"), f"{_LEGEND} read"),
                Query(_rate("agentgauge_hook_write_bytes_total"), f"{_LEGEND} write"),
            ],
            "Bps",
        ),
        graph(
            2304,
            "Events of sessions",
            "Events per minute, as agents told them to the exporter.",
            [
                Query(
                    "60 * sum by (hook_system, hook_event) (rate(agentgauge_hook_events_total[$__rate_interval]))",
                    "{{hook_system}} {{hook_event}}",
                )
            ],
            "short",
            width=12,
            stacked=True,
        ),
        graph(
            2305,
            "Permissions",
            "Calls to tools decided upon, per minute: granted or refused when asked, denied by a rule, or blocked "
            "before they ran.",
            [
                Query(
                    "60 * sum by (gen_ai_tool_name, decision)"
                    " (rate(agentgauge_tool_permissions_total[$__rate_interval]))",
                    "{{gen_ai_tool_name}} {{decision}}",
                )
            ],
            "short",
            width=12,
            stacked=True,
        ),
    ]
