"""Three endpoints that together expose every metric of the catalogue, each value growing from scrape to scrape.

A real exporter reads a spool to which every kind of record is added at each scrape, and watches this very process. What
a service and an analyzer would add is set by hand.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.catalogue import METRICS, SIGNAL_LABELS, Metric
from agentgauge.configuration import Budget, ClaudeCode, Collectors, Configuration, ProcessGroup
from agentgauge.exporter.exporter import Exporter
from agentgauge.exposition import CONTENT_TYPE_TEXT, render
from agentgauge.kinds import KINDS
from agentgauge.record import Record
from agentgauge.totals import Family, Totals
from tests.integration.servers import listening

HORIZON: Final = "2s"
"""What was forecast a horizon ago must be there before a test's patience ends."""

LABELS: Final[dict[str, tuple[str, ...]]] = {
    "error_type": ("", "timeout"),
    "outcome": ("success", "failure", "timeout", "blocked", "error"),
    "result": ("hit", "miss"),
    "gen_ai_agent_name": ("reviewer", "planner"),
    "hook_system": ("git",),
    "exit_code_class": ("0", "1"),
    "kind": ("llm", "agent"),
    "finish_reason": ("stop", "length"),
    "decision": ("granted", "denied"),
}
"""Values of the labels that expressions choose by, or whose number matters; others have one."""

OF_ANALYZER: Final = tuple(
    name for name in METRICS if name.startswith(("agentgauge_signal_", "agentgauge_analyzer_", "agentgauge_health_"))
)
_OF_EXPORTER: Final = {
    "agentgauge_exporter_ready",
    "agentgauge_spool_backlog_bytes",
    "agentgauge_spool_oldest_seconds",
    "agentgauge_spool_size_bytes",
    "agentgauge_spool_limit_bytes",
    "agentgauge_budget_limit_usd",
    "agentgauge_budget_used_ratio",
    "agentgauge_fold_duration_seconds",
    "agentgauge_checkpoint_errors_total",
    "agentgauge_build_info",
} | {fold.metric for kind in KINDS.values() for fold in kind.folds}
OF_SERVICES: Final = tuple(name for name in METRICS if name not in _OF_EXPORTER.union(OF_ANALYZER))
"""What no record feeds: the state of a process that is instrumented."""

VALUES: Final = {
    "agentgauge_oldest_in_flight_seconds": 700.0,
    "agentgauge_health_score_ratio": 0.9,
    "agentgauge_signal_value": 1.3,
    "agentgauge_signal_expected": 0.5,
    "agentgauge_signal_expected_lower": 0.4,
    "agentgauge_signal_expected_upper": 0.6,
    "agentgauge_signal_zscore": 14.2,
    "agentgauge_signal_pvalue": 1e-6,
}
"""Of gauges set by hand; others are 1."""


def label_sets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return itertools.product(*(LABELS.get(name, (f"a-{name}",)) for name in names))


def spool_lines(now: float) -> bytes:
    """A line for every kind of record a spool may hold, in all its label sets, and one that is none."""
    lines = [b"not a record\n"]
    for kind in KINDS.values():
        if kind.name in ("process", "read"):  # the exporter's own
            continue
        amounts = dict.fromkeys(kind.amounts, 0.5)
        for labels in label_sets(kind.labels):
            line = Record(kind.name, now, dict(zip(kind.labels, labels, strict=True)), amounts).to_line()
            lines.append(line.rstrip(b"\n") + b"\n")
    return b"".join(lines)


@contextmanager
def exporting(home: Path) -> Iterator[str]:
    """Serve a real exporter's metrics and yield its address, host:port."""
    pidfile = home / "pid"
    pidfile.write_text(str(os.getpid()))
    processes = (ProcessGroup(role="tests", pidfile=str(pidfile)),)
    collectors = Collectors(claude_code=ClaudeCode(enabled=False), processes=processes)
    configuration = Configuration(collectors=collectors, budgets=(Budget("today", 1e-3),))
    (home / "spool").mkdir()
    exporter = Exporter(configuration, home)

    def families() -> list[Family]:
        with open(home / "spool" / "spool.jsonl", "ab", buffering=0) as spool:
            spool.write(spool_lines(time.time()))
        return exporter.families()

    try:
        with serving(families) as address:
            yield address
    finally:
        exporter.close()


class Written:
    """Metrics by name whose values grow, or stay as VALUES has them."""

    def __init__(self, names: Iterable[str]) -> None:
        self._totals = Totals()
        self._metrics = [METRICS[name] for name in names]

    def families(self) -> list[Family]:
        for metric in self._metrics:
            if SIGNAL_LABELS not in metric.labels:
                for labels in label_sets(metric.labels):
                    if metric.type == "counter":
                        self._totals.increase(metric.name, labels, 3.0)
                    elif metric.type == "histogram":
                        self._totals.observe(metric.name, labels, metric.buckets[1])
                    else:
                        now = time.time() if metric.name.endswith("_timestamp_seconds") else 1.0
                        self._totals.set(metric.name, labels, VALUES.get(metric.name, now))
        signals = (metric for metric in self._metrics if SIGNAL_LABELS in metric.labels)
        return [*self._totals.expose(), *map(_findings, signals)]


def _findings(metric: Metric) -> Family:
    samples: dict[tuple[Any, ...], Any] = {}
    for signal in BUILTIN:
        labels: Mapping[str, str] = dict(zip(signal.by, next(label_sets(signal.by)), strict=True))
        ahead = [("horizon", HORIZON)] if "horizon" in metric.labels else []
        ahead += [("other", "another")] if "other" in metric.labels else []
        samples[("signal", signal.name), *labels.items(), *ahead] = VALUES.get(metric.name, 1.0)
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

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address
