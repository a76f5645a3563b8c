"""Findings written into a real Prometheus, and withdrawn there."""

import time
from pathlib import Path

from agentgauge.analyzer.remote_write import RemoteWriter
from agentgauge.catalogue import METRICS
from agentgauge.totals import Family
from tests.integration import servers

ANOMALY = METRICS["agentgauge_signal_anomaly"]
SERIES = METRICS["agentgauge_analyzer_series"]
HITS = (("signal", "cache_hit_ratio"), ("cache", 'a "quoted" näme'), ("empty", ""))


def test_findings_arrive_and_end_when_their_series_do(tmp_path: Path) -> None:
    told = [Family(ANOMALY, {HITS: 1.0}), Family(SERIES, {(): 2.0})]
    flags = ["--web.enable-remote-write-receiver"]
    with servers.prometheus(tmp_path, "global: {}\n", flags) as prometheus:
        now = iter([time.time() - 2, time.time() - 1])
        labels = {"job": "agentgauge-analyzer", "instance": "here"}
        writer = RemoteWriter(lambda: told, f"{prometheus.url}/api/v1/write", 5, 10, labels, lambda: next(now))
        assert writer.send()
        (found,) = prometheus.query("agentgauge_signal_anomaly")
        assert found["value"][1] == "1"
        assert found["metric"] == {
            "__name__": "agentgauge_signal_anomaly",
            "signal": "cache_hit_ratio",
            "cache": 'a "quoted" näme',
            **labels,
        }
        del told[0]
        assert writer.send()
        assert prometheus.query("agentgauge_signal_anomaly") == []
        (found,) = prometheus.query("agentgauge_analyzer_series")
        assert found["value"][1] == "2"
