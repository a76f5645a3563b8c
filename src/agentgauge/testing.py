"""For the tests of instrumented services: start from zero, and assert what was recorded.

In a ``conftest.py``::

    pytest_plugins = ["agentgauge.testing"]

and in a test::

    from agentgauge.testing import assert_recorded

    def test_the_agent_searches_once(recorded):
        research("a question")
        assert_recorded("gen_ai_execute_tool_duration_seconds", count=1, gen_ai_tool_name="search")

Without pytest, ``with recording():`` does what the fixture ``recorded`` does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from agentgauge.catalogue import METRICS
from agentgauge.cells import CELLS
from agentgauge.errors import UsageError
from agentgauge.totals import Histogram


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a metric recorded under some labels.

    Args:
        series: how many series have these labels.
        count: a histogram's observations, or a counter's or gauge's value, over these series.
        total: the sum of a histogram's observations; otherwise the same as ``count``.
    """

    series: int
    count: float
    total: float


@contextmanager
def recording() -> Iterator[Callable[..., Recorded]]:
    """Start from zero, and again at the end; gives ``recorded_of``.

    What a decorator declared at import is still there, at zero.
    """
    _reset()
    try:
        yield recorded_of
    finally:
        _reset()


def recorded_of(metric: str, /, **labels: str) -> Recorded:
    """Return what a metric recorded under labels; labels left out match any value.

    Raises:
        UsageError: the catalogue has no such metric, or the metric no such label.
    """
    definition = METRICS.get(metric)
    if definition is None:
        raise UsageError(f"recorded_of: the catalogue has no metric {metric!r}")
    for label in labels:
        if label not in definition.labels:
            raise UsageError(f"recorded_of: {metric} has no label {label!r}; it has {', '.join(definition.labels)}")
    values = [value for found, value in _samples(metric) if labels.items() <= found.items()]
    counts = [float(sum(value.counts)) if isinstance(value, Histogram) else value for value in values]
    totals = [value.sum if isinstance(value, Histogram) else value for value in values]
    return Recorded(len(values), sum(counts), sum(totals))


def assert_recorded(metric: str, /, *, count: float | None = None, total: Any = None, **labels: str) -> None:
    """Fail unless a metric recorded something under labels, and just so much of it.

    Args:
        metric: a name of the catalogue.
        count: expected observations of a histogram, or the value of a counter or gauge; 0 for nothing recorded.
            Without ``count`` and ``total``, anything but nothing will do.
        total: expected sum of a histogram's observations; it may be a ``pytest.approx``.
        labels: the labels it is expected under; those left out match any value.

    Raises:
        AssertionError: it did not; the text lists what the metric did record.
        UsageError: the catalogue has no such metric, or the metric no such label.
    """
    found = recorded_of(metric, **labels)
    if count is None and total is None:
        matches = found.count > 0
        wanted = "something"
    else:
        matches = (count is None or found.count == count) and (total is None or found.total == total)
        wanted = ", ".join(f"{k} {v}" for k, v in (("count", count), ("total", total)) if v is not None)
    if not matches:
        lines = [f"{metric}{labels}: expected {wanted}, found count {found.count:g}, total {found.total:g}; recorded:"]
        for there, value in _samples(metric):
            shown = f"count {sum(value.counts)}, total {value.sum:g}" if isinstance(value, Histogram) else f"{value:g}"
            lines.append(f"  {there}: {shown}")
        raise AssertionError("\n".join(lines if len(lines) > 1 else [*lines, "  nothing"]))


def _samples(metric: str) -> list[tuple[dict[str, str], float | Histogram]]:
    CELLS.fold()
    return [
        (dict(zip(family.metric.labels, key, strict=True)), value)
        for family in CELLS.totals.families()
        if family.metric.name == metric
        for key, value in family.samples.items()
    ]


def _reset() -> None:
    CELLS.fold()  # takes what caches counted before
    CELLS.reset()


try:
    import pytest
except ImportError:  # unittest will do
    pass
else:

    @pytest.fixture
    def recorded() -> Iterator[Callable[..., Recorded]]:
        """Start a test from zero; gives ``recorded_of``."""
        with recording() as of:
            yield of
