"""What the analyzer costs as a service: a tick of thousands of series, and the memory of a week of them."""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import requests

from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.service import Analyzer
from agentgauge.analyzer.source import Reading, Vector
from agentgauge.configuration import Analyzer as Settings
from agentgauge.configuration import Signal
from tests.analyzer.fake_prometheus import Answer, matrix, serving, vector
from tests.benchmarks.figure import Figure, seconds

TICK_SERIES: Final = 10_000
TICKS: Final = 7
INTERVAL: Final = 5.0
SIGNALS: Final = ("tool_duration_p95", "tool_error_ratio", "agent_duration_p95", "cost_rate", "token_usage")

WEEK: Final = 7 * 86_400
MINUTES_5: Final = 300
WATCHED: Final = (1_000, 2_000, 4_000)
QUERIES: Final = 20
READY_SECONDS: Final = 300.0

TICK_SECONDS: Final = 1.0
RSS_MEGABYTES: Final = 150.0
LINEAR: Final = 1.15


class Drawn:
    """A source of series drawn at random about a level, with the numbers of events they are made of."""

    def __init__(self, count: int) -> None:
        self._random = np.random.default_rng(0)
        names = (SIGNALS[number % len(SIGNALS)] for number in range(count))
        self._series = [series(name, [("gen_ai_tool_name", f"tool-{at}")]) for at, name in enumerate(names)]
        self._counted = [one for one in self._series if one.signal.endswith(("_p95", "_ratio"))]

    def read(self, signals: Sequence[Signal], now: float) -> Reading:
        values = self._values(len(self._series))
        return Reading(dict(zip(self._series, values.tolist(), strict=True)), dict.fromkeys(self._counted, 40.0))

    def history(
        self, signals: Sequence[Signal], start: float, end: float, step: float
    ) -> Iterator[tuple[Series, Vector, Vector]]:
        times = np.arange(start, end + step / 2, step)
        for one in self._series:
            yield one, times, self._values(times.size)

    def _values(self, count: int) -> Vector:
        return 0.1 * np.exp(0.1 * self._random.normal(size=count))


def figures() -> list[Figure]:
    """Measure and return the lines of the table."""
    tick = _tick()
    first, second, third = (_resident(count) for count in WATCHED)
    few, more, many = WATCHED
    each = (second - first) / (more - few)
    later = (third - second) / (many - more)
    return [
        Figure(f"a tick of {TICK_SERIES:,} series every {INTERVAL:g} s", f"{tick:.2f} s", "", tick, TICK_SECONDS, "s"),
        Figure(f"a week of {few:,} series at 5 minutes", f"{first:.0f} MB RSS", "", first, RSS_MEGABYTES, "MB"),
        Figure(
            f"a series more from {more:,} to {many:,}",
            f"{later * 1e3:.0f} kB",
            f"from {few:,} to {more:,}: {each * 1e3:.0f} kB",
            later / each,
            LINEAR,
        ),
    ]


def _tick() -> float:
    """Return the median of the seconds of a core that a tick takes once there is a history."""
    analyzer = Analyzer(Settings(interval_seconds=INTERVAL, max_series=TICK_SERIES), Drawn(TICK_SERIES))
    begun = math.floor(time.time() / INTERVAL) * INTERVAL
    analyzer.tick(begun)
    due = (begun + at * INTERVAL for at in range(1, TICKS + 1))
    return statistics.median(seconds(partial(analyzer.tick, now), time.process_time) for now in due)


def _resident(count: int) -> float:
    """Return the largest RSS in MB of a real analyzer that reads a week of so many series from a PromQL engine."""
    random = np.random.default_rng(0)
    each = count // QUERIES

    def answer(path: str, form: dict[str, str]) -> Answer:
        labels = [{"instance": f"{form['query']}-{number}"} for number in range(each)]
        if path.endswith("query"):
            return vector(*((one, "1") for one in labels))
        times = np.arange(float(form["start"]), float(form["end"]) + 1, float(form["step"])).tolist()
        values = np.round(np.exp(0.1 * random.normal(size=(each, len(times)))), 6).astype(str).tolist()
        return matrix(*((one, list(zip(times, row, strict=True))) for one, row in zip(labels, values, strict=True)))

    with serving() as prometheus, tempfile.TemporaryDirectory() as directory:
        prometheus.answer = answer
        signals = [{"name": f"s{number}", "measure": "promql", "expression": f"s{number}"} for number in range(QUERIES)]
        pace = {"interval_seconds": MINUTES_5, "history_seconds": WEEK, "timeout_seconds": 60}
        config = Path(directory) / "config.yml"
        config.write_text(json.dumps({"analyzer": {**pace, "builtin_signals": False, "signals": signals}}))
        address = f"127.0.0.1:{20_000 + os.getpid() % 10_000}"
        command = [sys.executable, "-m", "agentgauge", "analyzer", f"--prometheus.url={prometheus.url}"]
        command += [f"--config.file={config}", f"--web.listen-address={address}"]
        environment = {**os.environ, "AGENTGAUGE_HOME": directory}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            return _largest(psutil.Process(process.pid), f"http://{address}", count)
        finally:
            process.terminate()
            process.wait(30)


def _largest(process: psutil.Process, url: str, count: int) -> float:
    """Return the largest RSS in MB until the first tick is complete and what it found has been asked for."""
    largest, asked, deadline = 0.0, ["/metrics", "/", "/api/v1/findings"], time.monotonic() + READY_SECONDS
    while asked:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count} series were not judged within {READY_SECONDS:g} s")
        largest = max(largest, process.memory_info().rss / 1e6)
        try:
            ready = requests.get(f"{url}/-/ready", timeout=60).ok
        except requests.ConnectionError:
            ready = False
        if not ready:
            time.sleep(0.05)
            continue
        answer = requests.get(url + asked.pop(0), timeout=60)
        answer.raise_for_status()
        if answer.url.endswith("/metrics") and f"\nagentgauge_analyzer_series {count}" not in answer.text:
            raise RuntimeError(f"not all of {count} series are watched")
    return max(largest, process.memory_info().rss / 1e6)
