"""What is appended to the spool is counted soon, without a scrape and long before the next look at everything."""

import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from agentgauge.configuration import Collectors, Configuration
from agentgauge.configuration import Exporter as Pace
from agentgauge.exporter.exporter import Exporter
from agentgauge.totals import Histogram
from agentgauge_spool import append


def accepted(exporter: Exporter) -> float:
    (samples,) = [each.samples for each in exporter.totals.families() if each.metric.name == "agentgauge_records_total"]
    count = samples["spool", "accepted"]
    assert not isinstance(count, Histogram)
    return count


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_a_line_is_counted_when_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AGENTGAUGE_HOME", str(tmp_path / "state"))
    configuration = Configuration(Pace(interval_seconds=3600), collectors=Collectors(processes=()))
    stop = threading.Event()
    with closing(Exporter(configuration, tmp_path / "state")) as exporter:
        threads = [threading.Thread(target=run, args=(stop,)) for run in (exporter.run, exporter.follow_spool)]
        for thread in threads:
            thread.start()
        try:
            deadline = time.monotonic() + 60
            for count in (1, 2, 3):
                while not exporter.ready:
                    time.sleep(0.01)
                assert append("hook", hook_name="x")
                while accepted(exporter) < count:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
