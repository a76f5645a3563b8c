"""The details' row of test runs: how many, how they end, and what selecting tests saves."""

from grafana.panels import Panel, Query, graph

_BY = "sum by (suite, stage)"
_LEGEND = "{{suite}} {{stage}}"
_SELECTED = f"{_BY} (rate(agentgauge_tests_selected_total[$__rate_interval]))"
_DESELECTED = f"{_BY} (rate(agentgauge_tests_deselected_total[$__rate_interval]))"
_SAVED = f"{_BY} (rate(agentgauge_test_seconds_saved_total[$__rate_interval]))"
_SPENT = f"{_BY} (rate(agentgauge_test_run_duration_seconds_sum[$__rate_interval]))"
_TESTS = "sum by (suite) (rate(agentgauge_tests_total[$__rate_interval]))"
_FAILED = 'sum by (suite) (rate(agentgauge_tests_total{outcome=~"failed|error"}[$__rate_interval]))'


def tests() -> list[Panel]:
    """Return the panels on tests."""
    return [
        graph(
            2401,
            "Test runs per hour",
            "Runs that ended, by suite and stage.",
            [Query(f"3600 * {_BY} (rate(agentgauge_test_run_duration_seconds_count[$__rate_interval]))", _LEGEND)],
            "short",
        ),
        graph(
            2402,
            "Duration of a test run",
            "95th percentile by suite and stage.",
            [
                Query(
                    "histogram_quantile(0.95, sum by (suite, stage, le)"
                    " (rate(agentgauge_test_run_duration_seconds_bucket[$__rate_interval])))",
                    _LEGEND,
                )
            ],
            "s",
        ),
        graph(
            2403,
            "Tests by outcome",
            "Tests run per minute, by suite.",
            [
                Query(
                    "60 * sum by (suite, outcome) (rate(agentgauge_tests_total[$__rate_interval]))",
                    "{{suite}} {{outcome}}",
                )
            ],
            "short",
            stacked=True,
        ),
        graph(
            2404,
            "Failed tests",
            "Share of tests that failed or could not run, by suite.",
            [Query(f"({_FAILED} or 0 * {_TESTS}) / ({_TESTS} > 0)", "{{suite}}")],
            "percentunit",
            maximum=1,
        ),
        graph(
            2405,
            "Tests selected",
            "Share of a suite's known tests that were selected to run, over time and in the last run.",
            [
                Query(f"{_SELECTED} / ({_SELECTED} + {_DESELECTED} > 0)", _LEGEND),
                Query("max by (suite) (agentgauge_test_selection_ratio)", "{{suite}} last run"),
            ],
            "percentunit",
            maximum=1,
        ),
        graph(
            2406,
            "Time saved by selection",
            "Share of a whole suite's time that was not spent: what tests left out took when they last ran, against "
            "that and the time of the runs.",
            [Query(f"{_SAVED} / ({_SAVED} + {_SPENT} > 0)", _LEGEND)],
            "percentunit",
            maximum=1,
        ),
    ]
