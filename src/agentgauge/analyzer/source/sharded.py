"""A share of a source's series, so that several analyzers divide them among each other."""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentgauge.analyzer.series import Series
from agentgauge.analyzer.source import Reading, Source, Vector
from agentgauge.configuration import Signal
from agentgauge.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shard:
    """One of so many shares, counted from 1."""

    index: int
    count: int

    def holds(self, series: Series) -> bool:
        """Return whether a series is in this share: a hash of its name and labels, the same on every machine, says."""
        return zlib.crc32(repr((series.signal, series.labels)).encode()) % self.count == self.index - 1

    def __str__(self) -> str:
        return f"{self.index}-of-{self.count}"


def parsed(text: str) -> Shard:
    """Return the shard that "2/3" names.

    Raises:
        UsageError: it names none.
    """
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard: {text!r} is no shard; write 1/3, 2/3 or 3/3 for three")
    return Shard(int(match[1]), int(match[2]))


class ShardedSource:
    """Reads what is in one shard.

    Args:
        source: where all series come from.
        shard: which are let through.
    """

    def __init__(self, source: Source, shard: Shard) -> None:
        self._source = source
        self._shard = shard
        self._known: dict[Series, bool] = {}

    def read(self, signals: Sequence[Signal], now: float) -> Reading:
        """Return the shard's series at one instant."""
        whole = self._source.read(signals, now)
        values = {series: value for series, value in whole.values.items() if self._holds(series)}
        events = {series: count for series, count in whole.events.items() if self._holds(series)}
        # What has ended is forgotten sooner or later.
        if len(self._known) > 2 * len(whole.values):
            self._known.clear()
        return Reading(values, events, whole.failed, whole.answered)

    def history(
        self, signals: Sequence[Signal], start: float, end: float, step: float
    ) -> Iterator[tuple[Series, Vector, Vector]]:
        """Yield what is stored of the shard's series."""
        for series, times, values in self._source.history(signals, start, end, step):
            if self._holds(series):
                yield series, times, values

    def _holds(self, series: Series) -> bool:
        held = self._known.get(series)
        if held is None:
            held = self._known[series] = self._shard.holds(series)
        return held
