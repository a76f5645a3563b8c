"""What a decorated call costs beside the same facts recorded with prometheus_client and OpenTelemetry.

The facts are a call's duration with its labels, and the number in flight. Where all labels are known at decoration (a
hook's) the opponent is prometheus_client with its children bound; where they are not (a tool's call belongs to the
agent around it) all others. OpenLLMetry and OpenLIT make a span of a call, which an exporter then drops. Compared are
our caller's path, and what folding costs added; all is processor time, threads included.
"""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, Gauge, Histogram

import agentgauge as ag
from agentgauge.catalogue import METRICS
from agentgauge.cells import CELLS, VALVE
from tests.benchmarks import peers
from tests.benchmarks.figure import Figure, ratio

CALLS = VALVE - 1
WARM = CALLS // 2
ROUNDS = 15
PEERS = Path(os.environ.get("AGENTGAUGE_BENCH_PEERS", ".venv/peers/bin/python"))
"""The interpreter of the environment where OpenLLMetry and OpenLIT are installed."""

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


class _Peers:
    """OpenLLMetry and OpenLIT, in a process with their own environment."""

    def __init__(self) -> None:
        command = [str(PEERS), str(Path(__file__).with_name("peers.py"))]
        # What they say of themselves is of no interest, but where they do not start.
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by close
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        if self._read() != "ready":
            self._said.seek(0)
            raise RuntimeError(f"the peers do not start: {self._said.read()[-500:]}")

    def seconds(self, name: str) -> float:
        """Return the processor time of one decorated call."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return float(self._read()) / peers.CALLS

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._said.close()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _calls_to(call: Callable[[], None], after: Callable[[], None] = _work) -> Callable[[], float]:
    """Return what measures the processor time of one call.

    Args:
        call: is called.
        after: is timed with all the calls.
    """

    def measure() -> float:
        for _ in range(WARM):
            call()
        CELLS.fold()  # what others left
        start = time.process_time()
        for _ in range(CALLS):
            call()
        after()
        return (time.process_time() - start) / CALLS

    return measure


def _figures(
    what: str, call: Callable[[], None], opponents: dict[str, tuple[Callable[[], float], float]]
) -> list[Figure]:
    """Measure one decorated call against its opponents, all of them in each round.

    Args:
        what: is decorated.
        call: the same.
        opponents: what measures each, and how much slower it should be.
    """
    measures = [_calls_to(call), _calls_to(call, CELLS.fold), *(measure for measure, _ in opponents.values())]
    rounds = [[measure() for measure in measures] for _ in range(ROUNDS + 1)][1:]
    path, folded, *theirs = zip(*rounds, strict=True)
    found = []
    for (name, (_, target)), times in zip(opponents.items(), theirs, strict=True):
        them = f"{name}: {statistics.median(times) * 1e9:,.0f} ns"
        for kind, ours in (("caller's path", path), ("folding included", folded)):
            mine = f"{statistics.median(ours) * 1e9:,.0f} ns"
            found.append(Figure(f"{what}, {kind}", mine, them, ratio(times, ours), target, faster=True))
    return found


def figures() -> list[Figure]:
    """Measure decorated calls against their opponents."""
    opponents: dict[str, tuple[Callable[[], float], float]] = {
        "prometheus_client, labels()": (_calls_to(_prometheus_labels()), 6),
        "OpenTelemetry's metrics SDK": (_calls_to(_opentelemetry()), 50),
    }
    running = _Peers() if PEERS.exists() else None
    if running is None:
        print(f"OpenLLMetry and OpenLIT are left out: there is no {PEERS}; make bench makes it of peers.txt")
    else:
        opponents["OpenLLMetry's @tool"] = partial(running.seconds, "openllmetry"), 50
        opponents["OpenLIT's @trace"] = partial(running.seconds, "openlit"), 50
    bound = {"prometheus_client, bound": (_calls_to(_prometheus_bound()), 6.0)}
    found = _figures("a hook", ag.hook("lookup")(_work), bound) + _figures(
        "a tool", ag.tool("lookup")(_work), opponents
    )
    if running is not None:
        running.close()
    return found
