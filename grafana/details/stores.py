"""The details' rows of machinery: caches, databases, probes, memory, and the spool."""

from grafana.panels import GREEN, RED, YELLOW, Panel, Query, gauges, graph, number


def _p95(metric: str, by: str) -> str:
    return f"histogram_quantile(0.95, sum by ({by}, le) (rate({metric}_bucket[$__rate_interval])))"


def stores() -> list[Panel]:
    """Return the panels on what agents depend on."""
    return [
        graph(
            2501,
            "Cache hits",
            "Share of requests your caches answered, over five minutes.",
            [Query("cache:agentgauge_cache_requests:hit_ratio_5m", "{{cache}}")],
            "percentunit",
            maximum=1,
        ),
        graph(
            2502,
            "Cache requests",
            "Requests a second by result; evict is an entry that had to go.",
            [
                Query(
                    "sum by (cache, result) (rate(agentgauge_cache_requests_total[$__rate_interval]))",
                    "{{cache}} {{result}}",
                )
            ],
            "reqps",
            stacked=True,
        ),
        graph(
            2503,
            "Memory growth of a call",
            "95th percentile of the growth of resident memory during a call, of calls that measure it.",
            [Query(_p95("agentgauge_call_memory_growth_bytes", "kind, name"), "{{kind}} {{name}}")],
            "bytes",
        ),
        graph(
            2504,
            "Database queries",
            "Queries a second by database and operation.",
            [
                Query(
                    "sum by (database, operation) (rate(agentgauge_db_query_duration_seconds_count[$__rate_interval]))",
                    "{{database}} {{operation}}",
                )
            ],
            "reqps",
        ),
        graph(
            2505,
            "Duration of a query",
            "95th percentile by database and operation.",
            [Query(_p95("agentgauge_db_query_duration_seconds", "database, operation"), "{{database}} {{operation}}")],
            "s",
        ),
        number(
            2506,
            "Probes",
            "Whether the last health check succeeded.",
            [Query("min by (probe) (agentgauge_probe_success)", "{{probe}}", instant=True)],
            "short",
            width=3,
            mappings={"0": ("DOWN", RED), "1": ("UP", GREEN)},
            thresholds=[(None, RED), (1, GREEN)],
            no_value="no probe",
        ).height(8),
        graph(
            2507,
            "Duration of a probe",
            "95th percentile by probe.",
            [Query(_p95("agentgauge_probe_duration_seconds", "probe"), "{{probe}}")],
            "s",
            width=5,
        ),
        graph(
            2508,
            "Memory by role, shared with nobody",
            "What would be free if a role's processes ended.",
            [Query("sum by (role) (agentgauge_process_unique_memory_bytes)", "{{role}}")],
            "bytes",
            width=12,
        ),
        graph(
            2509,
            "Processes ended",
            "Processes of a role that ended, a minute: where they are started again and again, it shows here.",
            [Query("60 * sum by (role) (rate(agentgauge_process_ended_total[$__rate_interval]))", "{{role}}")],
            "short",
            width=12,
        ),
    ]


def spool() -> list[Panel]:
    """Return the panels on the file records wait in."""
    return [
        gauges(
            2601,
            "Spool and disk used",
            "Size of the spool against its limit, at which writers drop their records, and of all that is on the file "
            "system of the exporter's state against its size.",
            [
                Query(
                    "max without (instance, job) (agentgauge_spool_size_bytes / agentgauge_spool_limit_bytes)",
                    "spool",
                    instant=True,
                ),
                Query(
                    "1 - min without (instance, job) (agentgauge_disk_free_bytes / agentgauge_disk_size_bytes)",
                    "disk",
                    instant=True,
                ),
            ],
            "percentunit",
            thresholds=[(None, GREEN), (0.5, YELLOW), (0.9, RED)],
            no_value="no spool",
        ),
        graph(
            2602,
            "Spool, backlog and limit",
            "Size of the file that writers append to, what of the spool is not yet folded, and the size at which "
            "writers drop their records.",
            [
                Query("max(agentgauge_spool_size_bytes)", "size"),
                Query("max(agentgauge_spool_backlog_bytes)", "backlog"),
                Query("max(agentgauge_spool_limit_bytes)", "limit"),
            ],
            "bytes",
        ),
        graph(
            2603,
            "Records lost",
            "Records a minute that were dropped at the limit, or that nobody could read.",
            [
                Query(
                    f'60 * sum(rate(agentgauge_records_total{{result="{result}"}}[$__rate_interval])) or vector(0)',
                    result,
                )
                for result in ("dropped", "invalid")
            ],
            "short",
        ),
    ]
