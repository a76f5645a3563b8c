"""Starts each test from zero, and reads what the decorators recorded."""

from collections.abc import Callable, Iterator

import pytest

from agentgauge.testing import recorded_of, recording

Sample = Callable[..., float]


@pytest.fixture(autouse=True)
def _from_zero() -> Iterator[None]:
    with recording():
        yield


@pytest.fixture
def count() -> Sample:
    """Return how often a metric counted or observed under labels; NaN where there is no such series."""

    def counted(metric: str, **labels: str) -> float:
        found = recorded_of(metric, **labels)
        return found.count if found.series else float("nan")

    return counted


@pytest.fixture
def total() -> Sample:
    """Return a metric's sum under labels; NaN where there is no such series."""

    def summed(metric: str, **labels: str) -> float:
        found = recorded_of(metric, **labels)
        return found.total if found.series else float("nan")

    return summed
