"""Reads what the decorators recorded, and starts each test from zero."""

from collections.abc import Callable, Iterator

import pytest

from agentgauge.cells import CELLS
from agentgauge.totals import Histogram

Sample = Callable[..., float]


@pytest.fixture(autouse=True)
def _from_zero() -> Iterator[None]:
    CELLS.reset()
    yield
    CELLS.reset()


@pytest.fixture
def count() -> Sample:
    """Return how often a metric counted or observed under labels; NaN where there is no such series."""
    return lambda metric, **labels: _read(metric, labels, lambda h: float(sum(h.counts)))


@pytest.fixture
def total() -> Sample:
    """Return a metric's sum under labels; NaN where there is no such series."""
    return lambda metric, **labels: _read(metric, labels, lambda h: h.sum)


def _read(metric: str, labels: dict[str, str], of_histogram: Callable[[Histogram], float]) -> float:
    CELLS.fold()
    found = [
        of_histogram(value) if isinstance(value, Histogram) else value
        for family in CELLS.totals.families()
        if family.metric.name == metric
        for key, value in family.samples.items()
        if labels.items() <= dict(zip(family.metric.labels, key, strict=True)).items()
    ]
    return sum(found) if found else float("nan")
