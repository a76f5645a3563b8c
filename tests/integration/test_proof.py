"""The proof: a workload degrades, and a person is told, and told again when it is over.

Prometheus, Alertmanager, exporter, analyzer and workload are real processes with the shipped configuration and its
intervals; only addresses differ, and the webhook channel is open. The past the analyzer learns from is written into
Prometheus beforehand, for nobody has an hour.
"""

import os
import random
import re
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import requests

from agentgauge.catalogue import METRICS
from agentgauge.exposition import render
from agentgauge.totals import Family, Histogram
from tests.integration import servers, workload
from tests.integration.servers import PROJECT, Inbox, Received, free_port, until

DETECTION_SECONDS = 120
DELIVERY_SECONDS = 30
RESOLUTION_SECONDS = 240

_HISTORY_SECONDS = 45 * 60
_STEP_SECONDS = 5
_DURATION = METRICS["gen_ai_invoke_agent_duration_seconds"]
_RUNS = METRICS["agentgauge_agent_runs_total"]


def _history(until_time: float) -> str:
    """Return the workload's past as OpenMetrics text with timestamps, of an instance that is gone."""
    runs_per_step = workload.THREADS * _STEP_SECONDS / (workload.MEDIAN_SECONDS + workload.PAUSE_SECONDS)
    counts = [0] * (len(_DURATION.buckets) + 1)
    total = runs = 0.0
    lines: dict[str, list[str]] = {_DURATION.name: [], _RUNS.name: []}
    for step in range(_HISTORY_SECONDS // _STEP_SECONDS):
        stamp = until_time - _HISTORY_SECONDS + step * _STEP_SECONDS
        for _ in range(round(random.gauss(runs_per_step, 1))):
            duration = workload.duration(1.0)
            counts[bisect_left(_DURATION.buckets, duration)] += 1
            total, runs = total + duration, runs + 1
        agent = (workload.AGENT, "proof")
        families = [
            Family(_DURATION, {(*agent, ""): Histogram(counts, total)}),
            Family(_RUNS, {(*agent, "success"): runs, (*agent, "failure"): 0.0}),
        ]
        for family in families:
            text = render([family], openmetrics=True, end=False).decode()
            for line in text.splitlines():
                if not line.startswith("#"):
                    named = re.sub(r"\{", '{job="agentgauge-services",instance="history",', line)
                    lines[family.metric.name].append(f"{named} {stamp:.3f}")
    kept = [f"# TYPE {_DURATION.name} histogram", *_by_series(lines[_DURATION.name])]
    kept += [f"# TYPE {_RUNS.name.removesuffix('_total')} counter", *_by_series(lines[_RUNS.name]), "# EOF\n"]
    return "\n".join(kept)


def _by_series(lines: list[str]) -> list[str]:
    return sorted(lines, key=lambda line: line.partition("}")[0])


@contextmanager
def _process(module: str, *arguments: str, home: Path) -> Iterator[IO[str]]:
    """Run one of our programs; yields its standard input."""
    environment = {**os.environ, "AGENTGAUGE_HOME": str(home)}
    with open(home / f"{module}.{arguments[0]}.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            text=True,
        )
    assert process.stdin is not None
    try:
        yield process.stdin
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(servers.PATIENCE)


def _finding(analyzer: str, metric: str, signal: str) -> float | None:
    text = requests.get(f"http://{analyzer}/metrics", timeout=servers.PATIENCE).text
    for line in text.splitlines():
        if line.startswith(f"{metric}{{") and f'signal="{signal}"' in line and workload.AGENT in line:
            return float(line.rpartition(" ")[2])
    return None


def _told(hook: Inbox[Received], signal: str, status: str, seconds: float) -> tuple[float, dict[str, Any]]:
    """Wait for a notification of a signal's anomaly; returns when it came and the alert in it."""

    def alerts(received: Received) -> list[dict[str, Any]]:
        return [
            alert
            for alert in received.json()["alerts"]
            if alert["status"] == status
            and alert["labels"].get("signal") == signal
            and alert["labels"]["alertname"] == "AgentgaugeSignalAnomaly"
        ]

    received = hook.wait_for(lambda received: bool(alerts(received)), seconds)
    return received.time, alerts(received)[0]


def test_degradation_is_detected_told_and_told_to_be_over(
    tmp_path: Path, record_property: pytest.FixtureRequest
) -> None:
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("exporter", "analyzer", "workload")}
    measured: list[str] = []
    with ExitStack() as stack:
        hook = stack.enter_context(servers.webhook_receiver())
        control = stack.enter_context(
            _process("tests.integration.workload", addresses["workload"].rpartition(":")[2], home=tmp_path)
        )
        alertmanager = stack.enter_context(
            servers.alertmanager(tmp_path, servers.shipped_alertmanager(tmp_path, webhook=hook.url))
        )
        config = servers.shipped_prometheus(
            tmp_path,
            exporter=addresses["exporter"],
            analyzer=addresses["analyzer"],
            alertmanager=alertmanager.address,
            services=[addresses["workload"]],
        )
        listen = "--web.listen-address"
        stack.enter_context(_process("agentgauge", "exporter", f"{listen}={addresses['exporter']}", home=tmp_path))
        prometheus = stack.enter_context(servers.prometheus(tmp_path, config, history=_history(time.time())))
        until(lambda: len(prometheus.query('up{job=~"agentgauge-exporter|agentgauge-services"} == 1')) == 2)
        analyzer = (f"--prometheus.url={prometheus.url}", f"{listen}={addresses['analyzer']}")
        stack.enter_context(_process("agentgauge", "analyzer", *analyzer, home=tmp_path))
        until(lambda: len(prometheus.query("up == 1")) == 4)
        until(lambda: _finding(addresses["analyzer"], "agentgauge_signal_expected", "agent_duration_p95"), 60)
        until(lambda: prometheus.get("/api/v1/alertmanagers")["activeAlertmanagers"])
        time.sleep(3 * _STEP_SECONDS)
        assert [a for r in hook.received for a in r.json()["alerts"]] == []

        def degrade(what: str, line: str, signal: str) -> None:
            start = time.time()
            control.write(line)
            control.flush()
            until(lambda: _finding(addresses["analyzer"], "agentgauge_signal_anomaly", signal) == 1, DETECTION_SECONDS)
            detected = time.time()
            told, alert = _told(hook, signal, "firing", DELIVERY_SECONDS)
            assert alert["labels"]["gen_ai_agent_name"] == workload.AGENT
            assert "%" in alert["annotations"]["description"]
            assert alert["annotations"]["dashboard_url"]
            measured.append(
                f"{what}: detected after {detected - start:5.1f} s, told {told - detected:5.1f} s after that\n"
                f"    {alert['annotations']['summary']}"
            )

        degrade("latency × 2 ", "2 0\n", "agent_duration_p95")
        degrade("errors 20 % ", "1 0.2\n", "agent_error_ratio")
        recovered = time.time()
        control.write("1 0\n")
        control.flush()
        for signal in ("agent_duration_p95", "agent_error_ratio"):
            over, _ = _told(hook, signal, "resolved", RESOLUTION_SECONDS)
            measured.append(f"{signal}: told to be over {over - recovered:5.1f} s after the last recovery")
    measured.append(
        "detection waits for a scrape (5 s), the window of the rate (1 min) to fill and a tick (5 s); "
        "delivery for a scrape (5 s), the rule (5 s) and group_wait (5 s)"
    )
    record_property("measured", "\n".join(measured))  # type: ignore[operator]
