"""The overview's first rows: the state of the fleet, and its agents."""

from grafana.panels import BLUE, GREEN, RED, YELLOW, Panel, Query, graph, heatmap, link, number

RUNS = 'agentgauge_agent_runs_total{gen_ai_agent_name=~"$agent", task_type=~"$task_type"}'
FAILED_RUNS = (
    'agentgauge_agent_runs_total{gen_ai_agent_name=~"$agent", task_type=~"$task_type", '
    'outcome=~"failure|timeout|budget"}'
)
DURATION_BUCKETS = 'gen_ai_invoke_agent_duration_seconds_bucket{gen_ai_agent_name=~"$agent", task_type=~"$task_type"}'
COST = (
    'agentgauge_llm_cost_usd_total{gen_ai_agent_name=~"$agent", gen_ai_request_model=~"$model", '
    'task_type=~"$task_type"}'
)


def state() -> list[Panel]:
    """Return the panels that answer "is everything well?"."""
    up = {"0": ("DOWN", RED), "1": ("UP", GREEN)}
    return [
        number(
            101,
            "Up",
            "Whether Prometheus could scrape the exporter and the analyzer. The analyzer is absent where "
            "one process serves both.",
            [
                Query('min(up{job="agentgauge-exporter"})', "Exporter", instant=True),
                Query('min(up{job="agentgauge-analyzer"})', "Analyzer", instant=True),
            ],
            "short",
            width=4,
            mappings=up,
            no_value="absent",
            thresholds=[(None, RED), (1, GREEN)],
        ),
        number(
            102,
            "Runs per minute",
            "Runs of the chosen agents that ended, over the last five minutes or one step of the graph.",
            [Query(f"60 * sum(rate({RUNS}[$__rate_interval]))", "runs")],
            "short",
            thresholds=[(None, BLUE)],
            decimals=1,
            sparkline=True,
        ),
        number(
            103,
            "Failed runs",
            "Share of runs that ended in failure, timeout or over budget. A cancelled run is not a failure.",
            [
                Query(
                    f"(sum(rate({FAILED_RUNS}[$__rate_interval])) or vector(0))"
                    f" / (sum(rate({RUNS}[$__rate_interval])) > 0)",
                    "failed",
                )
            ],
            "percentunit",
            thresholds=[(None, GREEN), (0.02, YELLOW), (0.1, RED)],
            no_value="no runs",
            decimals=1,
            sparkline=True,
        ),
        number(
            104,
            "Cost",
            "USD since midnight UTC, and USD per hour at the pace of the last five minutes. Calls of unknown price "
            "count 0; self-monitoring shows how many there are.",
            [
                Query(f"sum(increase({COST}[$__range]))", "Today", instant=True),
                Query(f"3600 * sum(rate({COST}[5m]))", "Per hour", instant=True),
            ],
            "currencyUSD",
            width=5,
            thresholds=[(None, BLUE)],
            decimals=2,
            no_value="$0",
        )
        .time_from("now/d")
        .hide_time_override(True),
        number(
            105,
            "Anomalies now",
            "Series whose last value is significantly worse than their own past leads to expect.",
            [Query("sum(max without (instance, job) (agentgauge_signal_anomaly))", "anomalies", instant=True)],
            "short",
            thresholds=[(None, GREEN), (1, RED)],
            no_value="no analyzer",
        ),
        number(
            106,
            "Regressions",
            "Series whose level is significantly worse than their baseline, by 15 % or what the signal declares.",
            [Query("sum(max without (instance, job) (agentgauge_signal_regression))", "regressions", instant=True)],
            "short",
            thresholds=[(None, GREEN), (1, YELLOW)],
            no_value="no analyzer",
        ),
        number(
            107,
            "Oldest call",
            "Age of the oldest call that has begun and not ended. A call to a model, tool or hook counts as stuck "
            "after ten minutes, a run or workflow after an hour.",
            [Query("max(agentgauge_oldest_in_flight_seconds)", "oldest", instant=True)],
            "s",
            thresholds=[(None, GREEN), (600, YELLOW), (3600, RED)],
            no_value="idle",
        ),
    ]


def agents() -> list[Panel]:
    """Return rate, errors and duration of each agent's runs."""
    only = link(
        "Only ${__field.labels.gen_ai_agent_name}",
        "/d/agentgauge-overview?${__url_time_range}&${datasource:queryparam}"
        "&var-agent=${__field.labels.gen_ai_agent_name}",
    )
    return [
        graph(
            201,
            "Runs per minute by agent",
            "Runs that ended, whatever their outcome.",
            [
                Query(
                    f"60 * sum by (gen_ai_agent_name) (rate({RUNS}[$__rate_interval]))",
                    "{{gen_ai_agent_name}}",
                )
            ],
            "short",
            width=12,
        ).data_links([only]),
        graph(
            202,
            "Failed runs by agent",
            "Share of runs that ended in failure, timeout or over budget; nothing is drawn where nothing ran.",
            [
                Query(
                    f"(sum by (gen_ai_agent_name) (rate({FAILED_RUNS}[$__rate_interval]))"
                    f" or 0 * sum by (gen_ai_agent_name) (rate({RUNS}[$__rate_interval])))"
                    f" / (sum by (gen_ai_agent_name) (rate({RUNS}[$__rate_interval])) > 0)",
                    "{{gen_ai_agent_name}}",
                )
            ],
            "percentunit",
            width=12,
            maximum=1,
        ).data_links([only]),
        graph(
            203,
            "Duration of a run by agent",
            "Median and 95th percentile, interpolated within the histogram's buckets.",
            [
                Query(
                    f"histogram_quantile({quantile}, sum by (gen_ai_agent_name, le)"
                    f" (rate({DURATION_BUCKETS}[$__rate_interval])))",
                    "{{gen_ai_agent_name}} " + name,
                )
                for quantile, name in ((0.95, "p95"), (0.5, "p50"))
            ],
            "s",
            width=12,
        ).data_links([only]),
        heatmap(
            204,
            "Durations of runs",
            "How many runs a second ended after how long; two bands are two kinds of run.",
            f"sum by (le) (rate({DURATION_BUCKETS}[$__rate_interval]))",
            "s",
            width=12,
        ),
    ]
