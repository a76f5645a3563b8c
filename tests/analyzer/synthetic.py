"""A source that says what a test wants, and an analyzer driven by it without waiting."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agentgauge.analyzer.engine import Engine
from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.service import Analyzer
from agentgauge.analyzer.source import QueryError, Reading, Vector
from agentgauge.configuration import Analyzer as Settings
from agentgauge.configuration import Signal
from agentgauge.totals import Family

START = 1_700_000_000.0
INTERVAL = 5.0

LATENCY = series("tool_duration_p95", [("gen_ai_tool_name", "search")])
ERRORS = series("tool_error_ratio", [("gen_ai_tool_name", "search")])
HITS = series("cache_hit_ratio", [("cache", "prompts")])


class Synthetic:
    """A source whose next reading is ``now_says``, or whose next failure is ``fails``."""

    def __init__(self) -> None:
        self.now_says: Mapping[Series, float] = {}
        self.fails: QueryError | None = None
        self.reads = 0
        self.stored: list[tuple[Series, Vector, Vector]] = []
        self.asked: list[tuple[float, float, float]] = []

    def read(self, signals: Sequence[Signal], now: float) -> Reading:
        self.reads += 1
        if self.fails is not None:
            return Reading(failed={signal.name: self.fails for signal in signals}, answered=False)
        return Reading(dict(self.now_says))

    def history(
        self, signals: Sequence[Signal], start: float, end: float, step: float
    ) -> Iterator[tuple[Series, Vector, Vector]]:
        self.asked.append((start, end, step))
        for one, times, values in self.stored:
            inside = (times >= start) & (times <= end)
            yield one, times[inside], values[inside]


class Driven:
    """An analyzer and the clock it is driven by: each ``tick`` is one interval later."""

    def __init__(
        self,
        settings: Settings | None = None,
        state_file: Path | None = None,
        start: float = START,
        engine: Engine | None = None,
    ) -> None:
        self.source = Synthetic()
        self.now = start
        self.interval = (settings or Settings()).interval_seconds
        self.analyzer = Analyzer(settings or Settings(), self.source, state_file, engine=engine)

    def tick(self, values: Mapping[Series, float] | None = None, times: int = 1) -> None:
        if values is not None:
            self.source.now_says = values
        for _ in range(times):
            self.analyzer.tick(self.now)
            self.now += self.interval

    def gauge(self, name: str, of: Series | None = None) -> float | None:
        """Return one exposed value of a metric, of a series where one is given; None where there is none."""
        found = find(self.analyzer.families(), name, of)
        return found[0] if found else None


def find(families: Sequence[Family], name: str, of: Series | None = None) -> list[float]:
    """Return the values of a metric's samples, of a series where one is given."""
    wanted = {("signal", of.signal), *of.labels} if of else set()
    return [
        value
        for family in families
        if re.fullmatch(name, family.metric.name)
        for labels, value in family.samples.items()
        if wanted <= set(labels) and isinstance(value, float)
    ]
