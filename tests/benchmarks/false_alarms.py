"""False alarms and detections of the analyzer on simulated tools, by how often they are called.

Twenty tools, two series each, whose calls are drawn at random (fixed seeds); histograms, windows of a minute, a tick
each five seconds, the service as it is. Hours of nothing count the false alarms; then each tool in turn is
twice as slow for three minutes, and fails a fifth of its calls for others::

    python -m tests.benchmarks.false_alarms --hours 4
"""

import argparse
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.service import Analyzer
from agentgauge.analyzer.source import Reading, Vector
from agentgauge.analyzer.source.counters import histogram_quantile
from agentgauge.catalogue import METRICS
from agentgauge.configuration import Analyzer as Settings
from agentgauge.configuration import Signal

CALLS_PER_SECOND: Final = (0.3, 1.0, 3.0, 10.0)
HOURS: Final = 2.0
SEEDS: Final = (0, 1)

TOOLS: Final = 20
INTERVAL: Final = 5.0
WINDOW_SECONDS: Final = 60.0
WARM_UP_SECONDS: Final = 1800.0
FAULT_SECONDS: Final = 180.0
IN_TIME_SECONDS: Final = 30.0
SLOWER: Final = 2.0
FAILING: Final = 0.2
START: Final = 1_700_000_000.0

_SECONDS: Final = METRICS["gen_ai_execute_tool_duration_seconds"]
_BOUNDS: Final = np.array(_SECONDS.buckets)


class Outcome(NamedTuple):
    """What one run gave: false anomalies by kind of series, and each fault's delay in seconds, infinite for never."""

    series_hours: float
    false_durations: int
    false_errors: int
    slow: list[float]
    failing: list[float]

    @property
    def rate(self) -> float:
        """False anomalies per series-hour."""
        return (self.false_durations + self.false_errors) / self.series_hours


class Tools:
    """A source: tools of medians from 0.05 to 5 s, tails light and heavy, and usual error ratios from 0 to 5 %.

    What it reads is what a scraped Prometheus answers, by the same arithmetic: calls of the last minute, their p95 of
    the histogram, their share that failed.
    """

    def __init__(self, calls_per_second: float, seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        self.rate = calls_per_second
        self.median = np.geomspace(0.05, 5.0, TOOLS)
        self.spread = self.chance.uniform(0.2, 0.8, TOOLS)
        self.errors = self.chance.choice([0.0, 0.005, 0.01, 0.02, 0.05], TOOLS)
        self.slower = np.ones(TOOLS)
        self.failing = np.zeros(TOOLS)
        self.durations, self.ratios = (
            [series(signal, [("gen_ai_tool_name", f"tool-{number}")]) for number in range(TOOLS)]
            for signal in ("tool_duration_p95", "tool_error_ratio")
        )
        self._recent: deque[npt.NDArray[np.float64]] = deque(maxlen=round(WINDOW_SECONDS / INTERVAL))

    def work(self) -> None:
        """Make the calls of one interval."""
        calls = self.chance.poisson(self.rate * INTERVAL, TOOLS)
        tool = np.repeat(np.arange(TOOLS), calls)
        seconds = self.median[tool] * self.slower[tool] * np.exp(self.spread[tool] * self.chance.normal(size=tool.size))
        failed = self.chance.random(tool.size) < np.maximum(self.errors, self.failing)[tool]
        counts = np.zeros((TOOLS, len(_BOUNDS) + 2))
        np.add.at(counts, (tool, np.searchsorted(_BOUNDS, seconds)), 1)
        np.add.at(counts, (tool[failed], -1), 1)
        self._recent.append(counts)

    def read(self, signals: Sequence[Signal], now: float) -> Reading:
        """Return the series of the last minute."""
        counts = np.sum(self._recent, axis=0)
        cumulative = np.cumsum(counts[:, :-1], axis=1)
        p95 = histogram_quantile(0.95, _SECONDS.buckets, cumulative)
        reading = Reading()
        for at, calls in enumerate(cumulative[:, -1].tolist()):
            for one, value, least in (
                (self.durations[at], float(p95[at]), 1),
                (self.ratios[at], float(counts[at, -1]) / max(calls, 1), 5),
            ):
                if calls >= least:
                    reading.values[one], reading.events[one] = value, calls
        return reading

    def history(
        self, signals: Sequence[Signal], start: float, end: float, step: float
    ) -> Iterator[tuple[Series, Vector, Vector]]:
        """Yield nothing: there is no past."""
        yield from ()


class Watch:
    """The tools and the service that watches them, tick by tick."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.now = START
        self.analyzer = Analyzer(Settings(), tools)

    def tick(self) -> set[Series]:
        """Go on for one interval; return the series that are anomalous."""
        self.tools.work()
        self.analyzer.tick(self.now)
        self.now += INTERVAL
        for family in self.analyzer.families():
            if family.metric.name == "agentgauge_signal_anomaly":
                samples = [dict(labels) for labels, value in family.samples.items() if value == 1.0]
                return {series(labels.pop("signal"), labels.items()) for labels in samples}
        return set()

    def quiet(self, seconds: float) -> list[Series]:
        """Go on without faults; return the anomalies that began."""
        began: list[Series] = []
        before: set[Series] = set()
        for _ in range(round(seconds / INTERVAL)):
            anomalous = self.tick()
            began += anomalous - before
            before = anomalous
        return began

    def fault(self, wanted: Series, number: int, faults: npt.NDArray[np.float64], strength: float) -> float:
        """Let one tool degrade for a while and recover; return the seconds until its series was anomalous."""
        usual, delay = faults[number], float("inf")
        faults[number] = strength
        for tick in range(1, round(FAULT_SECONDS / INTERVAL) + 1):
            if wanted in self.tick() and delay == float("inf"):
                delay = tick * INTERVAL
        faults[number] = usual
        return delay


def simulate(calls_per_second: float, seed: int, hours: float) -> Outcome:
    """Run one simulation."""
    watch = Watch(Tools(calls_per_second, seed))
    watch.quiet(WARM_UP_SECONDS)
    began = watch.quiet(hours * 3600.0)
    durations = sum(one.signal == "tool_duration_p95" for one in began)
    tools = watch.tools
    slow = [watch.fault(one, at, tools.slower, SLOWER) for at, one in enumerate(tools.durations)]
    failing = [watch.fault(one, at, tools.failing, FAILING) for at, one in enumerate(tools.ratios)]
    return Outcome(2 * TOOLS * hours, durations, len(began) - durations, slow, failing)


def table(hours: float, rates: Sequence[float], seeds: Sequence[int]) -> Table:
    """Simulate and return the table."""
    result = Table(title="false alarms and detections", title_justify="left")
    result.add_column("calls/s")
    for name in ("series-hours", "false: slow", "false: errors", "per series-hour"):
        result.add_column(name, justify="right")
    for fault in (f"latency × {SLOWER:g}", f"errors {FAILING:.0%}"):
        result.add_column(f"{fault} in {IN_TIME_SECONDS:g} s", justify="right")
        result.add_column(f"in {FAULT_SECONDS:g} s", justify="right")
    for rate in rates:
        runs = [simulate(rate, seed, hours) for seed in seeds]
        spent = sum(run.series_hours for run in runs)
        slow, errors = sum(run.false_durations for run in runs), sum(run.false_errors for run in runs)
        cells = [f"{rate:g}", f"{spent:.0f}", str(slow), str(errors), f"{(slow + errors) / spent:.4f}"]
        for delays in ([d for run in runs for d in run.slow], [d for run in runs for d in run.failing]):
            in_time = sum(delay <= IN_TIME_SECONDS for delay in delays)
            cells += [f"{in_time}/{len(delays)}", f"{sum(d <= FAULT_SECONDS for d in delays)}/{len(delays)}"]
        result.add_row(*cells)
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=HOURS, help="of nothing, per seed")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many")
    parser.add_argument("--calls", type=float, nargs="*", default=CALLS_PER_SECOND, help="a second and tool")
    arguments = parser.parse_args()
    Console(width=160).print(table(arguments.hours, arguments.calls, range(arguments.seeds)))


if __name__ == "__main__":
    main()
