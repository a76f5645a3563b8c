"""What having agentgauge costs: its import, its memory, and an exposition."""

import statistics
import subprocess
import sys
import tracemalloc

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from agentgauge.exposition import render
from agentgauge.totals import Totals
from tests.benchmarks.figure import Figure, paired, ratio

METRIC = "gen_ai_execute_tool_duration_seconds"
LABEL_SETS = 1_000
SERIES = 100_000


def figures() -> list[Figure]:
    """Measure import, memory of label sets, and exposition."""
    return [_import(), _memory(), _exposition()]


def _import() -> Figure:
    def python(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True)

    ours, bare = paired(lambda: python("import agentgauge"), lambda: python("pass"), rounds=25)
    return Figure(
        "import agentgauge",
        f"{statistics.median(ours) * 1e3:.1f} ms",
        f"python -c pass: {statistics.median(bare) * 1e3:.1f} ms",
        ratio(ours, bare),
        1.3,
    )


def _memory() -> Figure:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    totals = Totals(cap=LABEL_SETS)
    for number in range(LABEL_SETS):
        totals.observe(METRIC, (f"tool-{number}", "function", "agent", ""), 0.5)
    used = (tracemalloc.get_traced_memory()[0] - before) / 1e6
    tracemalloc.stop()
    return Figure(f"{LABEL_SETS:,} label sets of a 17-bucket histogram", f"{used:.2f} MB", "", used, 2.0, "MB")


def _exposition() -> Figure:
    label_sets = SERIES // 20  # 17 buckets, +Inf, sum and count
    totals = Totals(cap=label_sets)
    theirs = Histogram("duration", "d", ["tool", "type", "agent", "error"], registry=(registry := CollectorRegistry()))
    theirs_sets = SERIES // 18  # 15 buckets, +Inf, sum and count
    for number in range(label_sets):
        totals.observe(METRIC, (f"tool-{number}", "function", "agent", ""), 0.5)
    for number in range(theirs_sets):
        theirs.labels(f"tool-{number}", "function", "agent", "").observe(0.5)
    ours_times, their_times = paired(lambda: render(totals.expose()), lambda: generate_latest(registry), rounds=5)
    return Figure(
        f"exposition of {SERIES:,} series",
        f"{statistics.median(ours_times):.2f} s",
        f"generate_latest: {statistics.median(their_times):.2f} s",
        ratio(ours_times, their_times),
        0.25,
    )
