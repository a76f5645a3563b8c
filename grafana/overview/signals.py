"""The overview's rows of findings: anomalies with their band, regressions, forecasts."""

from grafana.panels import GREEN, RED, YELLOW, Panel, Query, band, flag, graph, link, number, table

# The labels built-in signals are kept by, in the order a reader looks for them.
_BY = (
    "gen_ai_agent_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_tool_name",
    "gen_ai_workflow_name",
    "gen_ai_evaluation_name",
    "hook_system",
    "hook_event",
    "hook_name",
    "task_type",
    "cache",
)
LEGEND = "{{signal}} " + " ".join(f"{{{{{label}}}}}" for label in _BY)


def named(metric: str) -> str:
    """Return a query that puts a series' own labels into one, ``series``, so that every signal fits one table."""
    labels = ", ".join(f'"{label}"' for label in _BY)
    return f'max by (signal, series) (label_join({metric}{{signal=~"$signal"}}, "series", " ", {labels}))'


def _chosen(metric: str, extra: str = "", offset: str = "") -> str:
    return f"max without (instance, job) ({metric}{{${{series:raw}}{extra}}}{offset})"


def anomalies() -> list[Panel]:
    """Return the panels on what deviates now."""
    show = link(
        "Show ${__data.fields.Signal}",
        "/d/agentgauge-overview?${__url_time_range}&${datasource:queryparam}&var-signal=${__data.fields.Signal}",
    )
    signals = table(
        501,
        "Signals now",
        "Every watched series with its last value, what its own past leads to expect, and how far it is off in robust "
        "standard deviations. Significance is corrected across all series, so a large deviation alone is no anomaly.",
        [
            ("Value", named("agentgauge_signal_value"), "short"),
            ("Expected", named("agentgauge_signal_expected"), "short"),
            ("Deviation", named("agentgauge_signal_zscore"), "short"),
            ("p", named("agentgauge_signal_pvalue"), "sci"),
            ("Anomaly", named("agentgauge_signal_anomaly"), "short"),
            ("Change of level", named("agentgauge_signal_regression_ratio"), "percentunit"),
            ("Regression", named("agentgauge_signal_regression"), "short"),
        ],
        [("signal", "Signal"), ("series", "Of")],
        sort_by="Deviation",
    )
    flag(signals, "Anomaly", "anomaly", RED)
    flag(signals, "Regression", "regression", YELLOW)
    signals.data_links([show])
    value = graph(
        502,
        "Value and expected band",
        "The series chosen above, $series: its value, what was expected, and the band that holds 95 % of values in "
        "ordinary times. In the signal's own unit.",
        [
            Query(_chosen("agentgauge_signal_value"), "value"),
            Query(_chosen("agentgauge_signal_expected"), "expected"),
            Query(_chosen("agentgauge_signal_expected_upper"), "upper"),
            Query(_chosen("agentgauge_signal_expected_lower"), "lower"),
        ],
        "short",
        width=12,
        interval="5s",
    )
    return [
        signals,
        band(value, "lower", "upper", "expected"),
        graph(
            503,
            "Deviation",
            "Robust z-score. The dashed lines, 3.9, are where a normal series deviates once in 10,000 samples; the "
            "analyzer calibrates each series on its own tail, so its limit can lie elsewhere.",
            [Query('max without (instance, job) (agentgauge_signal_zscore{signal=~"$signal"})', LEGEND)],
            "short",
            width=12,
            minimum=None,
            thresholds=[(None, RED), (-3.9, GREEN), (3.9, RED)],
            calcs=("min", "max", "lastNotNull"),
            interval="5s",
        ),
    ]


def regressions() -> list[Panel]:
    """Return the panels on lasting changes and on what is to come."""
    ahead = ', horizon="$horizon"'
    forecast = graph(
        602,
        "Forecast, $horizon ahead",
        "The series chosen above: its value; at each instant what is forecast for $horizon later, with the forecast's "
        "95 % interval; and, to compare with the value, what had been forecast $horizon before.",
        [
            Query(_chosen("agentgauge_signal_value"), "value"),
            Query(_chosen("agentgauge_signal_forecast", ahead), "forecast"),
            Query(_chosen("agentgauge_signal_forecast_upper", ahead), "upper"),
            Query(_chosen("agentgauge_signal_forecast_lower", ahead), "lower"),
            Query(_chosen("agentgauge_signal_forecast", ahead, " offset $horizon"), "forecast before"),
        ],
        "short",
        width=12,
        interval="5s",
    )
    return [
        graph(
            601,
            "Change of level",
            "Level of each series against its baseline; 15 % is up. The dashed line is the built-in signals' threshold "
            "for worse; a signal that is bad when it falls regresses below minus 15 %.",
            [
                Query(
                    'max without (instance, job) (agentgauge_signal_regression_ratio{signal=~"$signal"})',
                    LEGEND,
                )
            ],
            "percentunit",
            width=12,
            minimum=None,
            thresholds=[(None, YELLOW), (-0.15, GREEN), (0.15, YELLOW)],
            calcs=("min", "max", "lastNotNull"),
            interval="5s",
        ),
        band(forecast, "lower", "upper", "forecast"),
    ]


def more() -> list[Panel]:
    """Return the details on signals, collapsed at first."""
    return [
        number(
            701,
            "Health",
            "Health of each component from its signals: 100 % is nothing out of the ordinary.",
            [Query("min by (component) (agentgauge_health_score_ratio)", "{{component}}", instant=True)],
            "percentunit",
            width=8,
            thresholds=[(None, RED), (0.7, YELLOW), (0.9, GREEN)],
            decimals=0,
        ).height(8),
        graph(
            702,
            "Trend per hour",
            "Robust slope of each series, in the signal's unit per hour.",
            [
                Query(
                    'max without (instance, job) (agentgauge_signal_trend_per_hour{signal=~"$signal"})',
                    LEGEND,
                )
            ],
            "short",
            minimum=None,
            interval="5s",
        ),
        graph(
            703,
            "Time until the threshold",
            "When the forecast crosses the level a signal declares; absent where it does not.",
            [
                Query(
                    'min without (instance, job) (agentgauge_signal_threshold_eta_seconds{signal=~"$signal"})',
                    LEGEND,
                )
            ],
            "s",
            interval="5s",
        ),
    ]
