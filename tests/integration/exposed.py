"""Every metric of the catalogue as a busy exporter and analyzer would expose it over HTTP, growing at each scrape."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from agentgauge.analyzer.signals import BUILTIN
from agentgauge.catalogue import METRICS, SIGNAL_LABELS, Metric
from agentgauge.exposition import CONTENT_TYPE_TEXT, render
from agentgauge.totals import Family, Totals

HORIZON: Final = "2s"
"""What was forecast a horizon ago must be there before the test's patience ends."""

LABELS: Final[dict[str, tuple[str, ...]]] = {
    "error_type": ("", "timeout"),
    "outcome": ("success", "failure", "timeout", "blocked", "error", "passed"),
    "result": ("hit", "miss", "accepted", "invalid"),
    "gen_ai_token_type": ("input", "output"),
    "gen_ai_agent_name": ("reviewer", "planner"),
    "hook_system": ("git",),
    "exit_code_class": ("0", "1"),
    "kind": ("llm", "agent"),
}
"""Values of the labels whose values are a closed set, or whose number matters; others have one."""

GAUGES: Final = {
    "agentgauge_budget_used_ratio": 1.2,
    "agentgauge_oldest_in_flight_seconds": 700.0,
    "agentgauge_analyzer_source_up": 1.0,
    "agentgauge_health_score_ratio": 0.9,
}

SIGNAL_VALUES: Final = {
    "agentgauge_signal_value": 1.3,
    "agentgauge_signal_expected": 0.5,
    "agentgauge_signal_expected_lower": 0.4,
    "agentgauge_signal_expected_upper": 0.6,
    "agentgauge_signal_zscore": 14.2,
    "agentgauge_signal_pvalue": 1e-6,
    "agentgauge_signal_anomaly": 1.0,
}


def _ours(name: str) -> bool:
    """Whether the analyzer exposes the metric; the exporter exposes the others."""
    return name.startswith(("agentgauge_signal_", "agentgauge_analyzer_", "agentgauge_health_"))


def _label_sets(metric: Metric) -> Iterator[tuple[str, ...]]:
    return itertools.product(*(LABELS.get(label, (f"a-{label}",)) for label in metric.labels))


class Exporter:
    """Counts and observes a little more at each scrape, in every series of the exporter's metrics."""

    def __init__(self, wanted: Callable[[str], bool] = lambda name: not _ours(name)) -> None:
        self._totals = Totals()
        self._metrics = [metric for metric in METRICS.values() if wanted(metric.name)]
        for metric in self._metrics:
            for labels in _label_sets(metric):
                if metric.type != "gauge":
                    self._totals.declare(metric.name, labels)

    def families(self) -> list[Family]:
        for metric in self._metrics:
            for labels in _label_sets(metric):
                if metric.type == "counter":
                    self._totals.increase(metric.name, labels, 3.0)
                elif metric.type == "histogram":
                    self._totals.observe(metric.name, labels, metric.buckets[0])
                    self._totals.observe(metric.name, labels, metric.buckets[-2])
                elif metric.name == "agentgauge_analyzer_last_success_timestamp_seconds":
                    self._totals.set(metric.name, labels, time.time())
                else:
                    self._totals.set(metric.name, labels, GAUGES.get(metric.name, 5.0))
        return self._totals.expose()


class Analyzer(Exporter):
    """Judges every built-in signal, one series each."""

    def __init__(self) -> None:
        super().__init__(lambda name: _ours(name) and SIGNAL_LABELS not in METRICS[name].labels)

    def families(self) -> list[Family]:
        return [*super().families(), *(_findings(m) for m in METRICS.values() if SIGNAL_LABELS in m.labels)]


def _findings(metric: Metric) -> Family:
    samples: dict[tuple[Any, ...], Any] = {}
    for signal in BUILTIN:
        labels = [("signal", signal.name), *((label, LABELS.get(label, (f"a-{label}",))[0]) for label in signal.by)]
        if "horizon" in metric.labels:
            labels.append(("horizon", HORIZON))
        samples[tuple(labels)] = SIGNAL_VALUES.get(metric.name, 0.25)
    return Family(metric, samples)


@contextmanager
def serving(families: Callable[[], list[Family]]) -> Iterator[str]:
    """Serve ``families()`` as /metrics and yield the address, host:port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = render(families())
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_TEXT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
