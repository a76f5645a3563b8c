"""The details' row of findings: when levels changed, and which signals move together."""

from grafana.overview.signals import LEGEND, named
from grafana.panels import YELLOW, Panel, Query, flag, graph, table


def _of(name: str) -> str:
    return f'max without (instance, job) (agentgauge_signal_{name}{{signal=~"$signal"}})'


def findings() -> list[Panel]:
    """Return the panels on what the analyzer found beside anomalies."""
    changes = table(
        2701,
        "Levels",
        "Every watched series with its change of level against its baseline, how probable so large a change is by "
        "chance, and when the level last changed; 1970 is never.",
        [
            ("Change of level", named("agentgauge_signal_regression_ratio"), "percentunit"),
            ("p", named("agentgauge_signal_regression_pvalue"), "sci"),
            ("Regression", named("agentgauge_signal_regression"), "short"),
            ("Last change", f"1000 * {named('agentgauge_signal_change_timestamp_seconds')}", "dateTimeAsIso"),
        ],
        [("signal", "Signal"), ("series", "Of")],
        sort_by="Last change",
    )
    flag(changes, "Regression", "regression", YELLOW)
    return [
        changes,
        graph(
            2702,
            "Signals that move together",
            "Rank correlation of two signals' recent changes: 1 is together, -1 is against each other.",
            [Query(_of("correlation"), f"{LEGEND} with {{{{other}}}}")],
            "short",
            width=24,
            minimum=-1,
            maximum=1,
            interval="5s",
        ),
        graph(
            2703,
            "Regressions ahead",
            "1 where even the better end of a series' forecast is worse, before the horizon, than its regression "
            "threshold allows.",
            [Query(_of("predicted_regression"), LEGEND)],
            "short",
            maximum=1,
            interval="5s",
        ),
        graph(
            2704,
            "Leaks",
            "1 where what a series holds grows significantly and is never given back.",
            [Query(_of("leak"), LEGEND)],
            "short",
            maximum=1,
            interval="5s",
        ),
        graph(
            2705,
            "Time until the threshold, bounds",
            "When the forecast's 95 % interval begins to cross the level a signal declares, and when all of it has; "
            "absent where it does not before the horizon.",
            [
                Query(_of("threshold_eta_soonest_seconds"), f"{LEGEND} soonest"),
                Query(_of("threshold_eta_latest_seconds"), f"{LEGEND} latest"),
            ],
            "s",
            interval="5s",
        ),
    ]
