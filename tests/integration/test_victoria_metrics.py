"""The analyzer, unchanged, against VictoriaMetrics: what it reads and finds there is what it does with Prometheus."""

import random
import time
from pathlib import Path

import pytest
import requests

from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.service import Analyzer
from agentgauge.analyzer.source.prometheus import PrometheusSource
from agentgauge.configuration import Analyzer as Settings
from agentgauge.configuration import Signal
from agentgauge.exposition import render
from agentgauge.record import Record
from agentgauge.totals import Totals
from tests.integration import servers
from tests.integration.servers import until

STEP = 5.0
STEPS = 400
SLOW_FROM = 380
CALLS = 30
"""A step and tool: an increase without extrapolation is a step short of one with it at most."""

SIGNALS = (
    Signal("slow", "p95", "gen_ai_execute_tool_duration_seconds", by=("gen_ai_tool_name",)),
    Signal("failed", "ratio", "gen_ai_execute_tool_duration_seconds", {"error_type": "!"}, by=("gen_ai_tool_name",)),
    Signal("mean", "mean", "gen_ai_execute_tool_duration_seconds", by=("gen_ai_tool_name",)),
    Signal("calls", "rate", "gen_ai_execute_tool_duration_seconds", by=("gen_ai_tool_name",)),
    Signal("up", "promql", expression="vector(1)"),
)
SETTINGS = Settings(prometheus_url="http://given", signals=SIGNALS, builtin_signals=False)
SLOW = series("slow", [("gen_ai_tool_name", "search")])


def recorded(begin: float) -> dict[str, list[str]]:
    """Return the tools' samples by series, as text with timestamps in seconds; one of two becomes slow at the end."""
    chance = random.Random(0)
    totals = Totals()
    lines: dict[str, list[str]] = {}
    for step in range(STEPS):
        now = begin + STEP * step
        for tool in ("search", "read"):
            slower = 3.0 if tool == "search" and step >= SLOW_FROM else 1.0
            for _ in range(CALLS):
                error = "timeout" if chance.random() < 0.1 else ""
                labels = {"gen_ai_tool_name": tool, "error_type": error}
                totals.fold(Record("tool", now, labels, {"duration_seconds": slower * chance.lognormvariate(0, 0.3)}))
        for line in render(totals.families(), openmetrics=True, end=False).decode().splitlines():
            if not line.startswith("#"):
                lines.setdefault(line.rpartition(" ")[0], []).append(f"{line} {now:.3f}")
    return lines


def findings(url: str, end: float) -> tuple[dict[Series, float], dict[Series, bool]]:
    """Return the values at the end, and which series are anomalous to an analyzer that has seen the last minute."""
    source = PrometheusSource(url, servers.PATIENCE)
    analyzer = Analyzer(SETTINGS, source)
    for tick in range(12, -1, -1):
        analyzer.tick(end - tick * STEP)
    assert analyzer.problem == ""
    rows = {series(row.signal, row.labels.items()): row for row in analyzer.rows()}
    return {one: row.value for one, row in rows.items()}, {one: row.anomaly for one, row in rows.items()}


def test_victoria_metrics_and_prometheus_give_the_same_findings(tmp_path: Path) -> None:
    begin = float(int(time.time() / STEP) * STEP) - STEP * STEPS
    end = begin + STEP * (STEPS - 1)
    lines = recorded(begin)
    name = "gen_ai_execute_tool_duration_seconds"
    body = [f"# TYPE {name} histogram", *(line for of_one in lines.values() for line in of_one), "# EOF\n"]
    with servers.prometheus(tmp_path, "global: {}\n", history="\n".join(body)) as prometheus:
        expected, anomalous = findings(prometheus.url, end)
    stamped = [f"{line.rpartition(' ')[0]} {float(line.rpartition(' ')[2]) * 1000:.0f}" for line in body[1:-1]]
    flags = ["-search.latencyOffset=0s", "-search.disableCache", "-retentionPeriod=100y"]
    with servers.victoria_metrics(tmp_path, flags) as victoria:
        answer = requests.post(f"{victoria.url}/api/v1/import/prometheus", "\n".join(stamped), timeout=servers.PATIENCE)
        assert answer.ok, answer.text
        until(lambda: victoria.get("/api/v1/query", query=f"{name}_count", time=str(end))["result"])
        values, found = findings(victoria.url, end)
    assert values.keys() == expected.keys()
    assert len(values) == 9
    assert values == pytest.approx(expected, rel=0.1)
    assert found == anomalous
    assert [one for one, anomaly in found.items() if anomaly] == [series("mean", SLOW.labels), SLOW]
