"""Findings written into a real Prometheus, and withdrawn there."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from agentgauge.analyzer.remote_write import RemoteWriter
from agentgauge.catalogue import METRICS
from agentgauge.totals import Family
from tests.integration import servers
from tests.integration.servers import until

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


def test_victoria_metrics_takes_findings_and_their_ends_as_well(tmp_path: Path) -> None:
    told = [Family(ANOMALY, {HITS: 1.0}), Family(SERIES, {(): 2.0})]
    with servers.victoria_metrics(tmp_path, ["-search.latencyOffset=0s", "-search.disableCache"]) as victoria:
        now = iter([time.time() - 2, time.time() - 1])
        writer = RemoteWriter(lambda: told, f"{victoria.url}/api/v1/write", 5, 10, {}, lambda: next(now))
        assert writer.send()
        until(lambda: victoria.query('agentgauge_signal_anomaly{signal="cache_hit_ratio"} == 1'))
        del told[0]
        assert writer.send()
        until(lambda: not victoria.query("agentgauge_signal_anomaly"))
        assert victoria.query("agentgauge_analyzer_series == 2")


def test_commands_write_where_the_configuration_says(tmp_path: Path) -> None:
    with servers.prometheus(tmp_path, "global: {}\n", ["--web.enable-remote-write-receiver"]) as prometheus:
        config = tmp_path / "agentgauge.yml"
        config.write_text(f"analyzer: {{interval_seconds: 0.2, remote_write_url: {prometheus.url}/api/v1/write}}\n")
        environment = {**os.environ, "AGENTGAUGE_HOME": str(tmp_path / "home")}
        for command, instance in (("analyzer --shard 1/2", "/1-of-2"), ("serve --no-sample", "")):
            address = f"--web.listen-address=127.0.0.1:{servers.free_port()}"
            arguments = [*command.split(), f"--config.file={config}", f"--prometheus.url={prometheus.url}", address]
            process = subprocess.Popen([sys.executable, "-m", "agentgauge", *arguments], env=environment)
            here = f'instance=~".*[^2]{instance}"'
            query = f"agentgauge_analyzer_source_up{{{here}}} == 1"
            written = f'agentgauge_analyzer_remote_write_samples_total{{result="sent", {here}}} > 0'
            try:
                until(lambda query=query: prometheus.query(query))  # type: ignore[misc]
                until(lambda written=written: prometheus.query(written))  # type: ignore[misc]
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(servers.PATIENCE) == 0
            # It said that it ended.
            assert prometheus.query(query) == []
        assert (tmp_path / "home" / "analyzer" / "state-1-of-2.npz").exists()
