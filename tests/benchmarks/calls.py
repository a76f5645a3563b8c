"""What a decorated call costs beside the same facts recorded with prometheus_client and OpenTelemetry.

The facts are those of a tool's call: its duration with the tool's, the agent's and the error's label, and the number
in flight. Ours includes folding what was recorded.
"""

import statistics
import time
from collections.abc import Callable

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, Gauge, Histogram

import agentgauge as ag
from agentgauge.catalogue import METRICS
from agentgauge.cells import CELLS
from tests.benchmarks.figure import Figure, paired, ratio

CALLS = 20_000
_METRIC = METRICS["gen_ai_execute_tool_duration_seconds"]
_LABELS = ("lookup", "function", "", "")
_ATTRIBUTES = dict(zip(_METRIC.labels, _LABELS, strict=True))


def _work() -> None:
    return None


def _prometheus_bound() -> Callable[[], None]:
    registry = CollectorRegistry()
    duration = Histogram("duration", "d", _METRIC.labels, buckets=_METRIC.buckets, registry=registry).labels(*_LABELS)
    flying = Gauge("flying", "f", ("kind", "name"), registry=registry).labels("tool", "lookup")

    def call() -> None:
        flying.inc()
        start = time.perf_counter()
        try:
            _work()
        finally:
            duration.observe(time.perf_counter() - start)
            flying.dec()

    return call


def _prometheus_labels() -> Callable[[], None]:
    registry = CollectorRegistry()
    duration = Histogram("duration", "d", _METRIC.labels, buckets=_METRIC.buckets, registry=registry)
    flying = Gauge("flying", "f", ("kind", "name"), registry=registry)

    def call() -> None:
        flying.labels("tool", "lookup").inc()
        start = time.perf_counter()
        try:
            _work()
        finally:
            duration.labels(*_LABELS).observe(time.perf_counter() - start)
            flying.labels("tool", "lookup").dec()

    return call


def _opentelemetry() -> Callable[[], None]:
    meter = MeterProvider(metric_readers=[InMemoryMetricReader()]).get_meter("bench")
    duration = meter.create_histogram("duration", explicit_bucket_boundaries_advisory=_METRIC.buckets)
    flying = meter.create_up_down_counter("flying")
    name = {"kind": "tool", "name": "lookup"}

    def call() -> None:
        flying.add(1, name)
        start = time.perf_counter()
        try:
            _work()
        finally:
            duration.record(time.perf_counter() - start, _ATTRIBUTES)
            flying.add(-1, name)

    return call


def _repeated(call: Callable[[], None], then: Callable[[], None] = _work) -> Callable[[], None]:
    def run() -> None:
        for _ in range(CALLS):
            call()
        then()

    return run


def figures() -> list[Figure]:
    """Measure one decorated call against its opponents."""
    ours, bound, labels, otel = paired(
        _repeated(ag.tool("lookup")(_work), CELLS.fold),
        _repeated(_prometheus_bound()),
        _repeated(_prometheus_labels()),
        _repeated(_opentelemetry()),
    )

    def each(times: list[float]) -> str:
        return f"{statistics.median(times) / CALLS * 1e9:,.0f} ns"

    return [
        Figure("decorated call", each(ours), f"prometheus_client, bound: {each(bound)}", ratio(ours, bound), 0.35),
        Figure("decorated call", each(ours), f"prometheus_client, labels(): {each(labels)}", ratio(ours, labels), 0.35),
        Figure("decorated call", each(ours), f"OpenTelemetry SDK: {each(otel)}", ratio(ours, otel), 0.35),
    ]
