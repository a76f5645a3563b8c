"""Where series come from: an engine that speaks PromQL, or the totals of the same process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.series import Series
from agentgauge.configuration import Signal
from agentgauge.errors import SourceError

Vector = npt.NDArray[np.float64]
Reason = Literal["unreachable", "timeout", "http", "invalid"]

REASONS: Final[tuple[Reason, ...]] = ("unreachable", "timeout", "http", "invalid")


class QueryError(SourceError):
    """One query was not answered with series; ``reason`` is the label it is counted under."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason: Reason = reason


@dataclass(slots=True)
class Reading:
    """What a source said of one instant.

    Args:
        values: the finite value of each series that has one.
        events: how many events a value is made of, where that can be counted (``signals.counts_events``).
        failed: signal name to what went wrong with it; a signal of no series is not a failure.
        answered: whether the source answered at least one query as it should.
    """

    values: dict[Series, float] = field(default_factory=dict)
    events: dict[Series, float] = field(default_factory=dict)
    failed: dict[str, QueryError] = field(default_factory=dict)
    answered: bool = True


class Source(Protocol):
    """A source of series."""

    def read(self, signals: Sequence[Signal], now: float) -> Reading:
        """Return every signal's series at one instant (unix seconds); failures are told, never raised."""

    def history(
        self, signals: Sequence[Signal], start: float, end: float, step: float
    ) -> Iterator[tuple[Series, Vector, Vector]]:
        """Yield what is stored: a series, times and values (n,), at start, start + step, … up to end.

        Raises:
            QueryError: the source cannot answer now.
        """
