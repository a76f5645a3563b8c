"""The overview's collapsed rows on machinery: processes, and agentgauge itself."""

from grafana.panels import Panel, Query, graph


def processes() -> list[Panel]:
    """Return the panels on saturation."""
    return [
        graph(
            1101,
            "CPU by role",
            "Cores in use by a role's processes.",
            [
                Query(
                    "sum by (role) (rate(agentgauge_process_cpu_seconds_total[$__rate_interval]))",
                    "{{role}}",
                )
            ],
            "short",
            width=6,
        ),
        graph(
            1102,
            "Memory by role",
            "Resident memory of a role's processes.",
            [Query("sum by (role) (agentgauge_process_resident_memory_bytes)", "{{role}}")],
            "bytes",
            width=6,
            stacked=True,
        ),
        graph(
            1103,
            "Processes, threads, files by role",
            "Processes running, their threads and their open file descriptors.",
            [
                Query("sum by (role) (agentgauge_processes)", "{{role}} processes"),
                Query("sum by (role) (agentgauge_process_threads)", "{{role}} threads"),
                Query("sum by (role) (agentgauge_process_open_fds)", "{{role}} files"),
            ],
            "short",
            width=6,
        ),
        graph(
            1105,
            "Disk by role",
            "Bytes a second a role's processes read from storage and wrote to it.",
            [
                Query("sum by (role) (rate(agentgauge_process_read_bytes_total[$__rate_interval]))", "{{role}} read"),
                Query("sum by (role) (rate(agentgauge_process_write_bytes_total[$__rate_interval]))", "{{role}} write"),
            ],
            "Bps",
            width=6,
        ),
    ]


def itself() -> list[Panel]:
    """Return the panels on agentgauge's own work."""
    return [
        graph(
            1201,
            "Records read",
            "Records a second by source and result; whatever is not accepted or duplicate is missing in every count.",
            [Query("source:agentgauge_records:rate_5m", "{{source}} {{result}}")],
            "short",
        ),
        graph(
            1202,
            "Spool not yet read",
            "Bytes that wait in the spool.",
            [Query("sum(agentgauge_spool_backlog_bytes)", "backlog")],
            "bytes",
        ),
        graph(
            1203,
            "How late",
            "Age of the oldest line in the spool, time since the signals were last judged, duration of the exporter's "
            "last fold and of the analyzer's last tick.",
            [
                Query("max(agentgauge_spool_oldest_seconds)", "spool"),
                Query("time() - max(agentgauge_analyzer_last_success_timestamp_seconds)", "last judged"),
                Query("max(agentgauge_fold_duration_seconds)", "fold"),
                Query("max(agentgauge_analyzer_tick_duration_seconds)", "tick"),
            ],
            "s",
        ),
        graph(
            1204,
            "Series watched",
            "Series the analyzer judges, whether its source answers, whether its engine does the work, and whether the "
            "exporter has caught up.",
            [
                Query("sum(agentgauge_analyzer_series)", "series"),
                Query("min(agentgauge_analyzer_source_up)", "source up"),
                Query("min(agentgauge_analyzer_engine_up)", "engine up"),
                Query("min(agentgauge_exporter_ready)", "exporter ready"),
            ],
            "short",
        ),
        graph(
            1205,
            "Losses",
            "Per minute: queries without an answer, findings not written, checkpoints not saved, label values folded "
            "into 'other', calls of unknown price.",
            [
                Query(
                    "60 * sum by (reason) (rate(agentgauge_analyzer_source_errors_total[$__rate_interval]))",
                    "source {{reason}}",
                ),
                Query(
                    "60 * sum by (result) "
                    '(rate(agentgauge_analyzer_remote_write_samples_total{result!="sent"}[$__rate_interval]))',
                    "written {{result}}",
                ),
                Query("60 * sum(rate(agentgauge_checkpoint_errors_total[$__rate_interval]))", "checkpoint"),
                Query(
                    "60 * sum by (metric) (rate(agentgauge_label_values_capped_total[$__rate_interval]))",
                    "capped {{metric}}",
                ),
                Query(
                    "60 * sum by (gen_ai_request_model) (rate(agentgauge_llm_unpriced_calls_total[$__rate_interval]))",
                    "unpriced {{gen_ai_request_model}}",
                ),
            ],
            "short",
        ),
        graph(
            1206,
            "Calls in flight",
            "Calls begun and not ended.",
            [Query("sum by (kind, name) (agentgauge_in_flight)", "{{kind}} {{name}}")],
            "short",
        ),
    ]
