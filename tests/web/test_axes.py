from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.web.axes import clock, time_marks, value_marks

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.3, 2.7, [0.5, 1.0, 1.5, 2.0, 2.5]),
        (-30.0, 30.0, [-20.0, 0.0, 20.0]),
        (0.0, 0.0, []),
        (-1e308, 1e308, []),
    ],
)
def test_values_have_round_marks(low: float, high: float, marks: list[float]) -> None:
    assert value_marks(low, high) == pytest.approx(marks)


def test_bytes_have_powers_of_two() -> None:
    assert value_marks(0.0, 200 * 2.0**20, binary=True) == [0.0, *(number * 2.0**26 for number in (1, 2, 3))]


@given(st.floats(-1e15, 1e15), st.floats(1e-9, 1e15), st.booleans())
def test_marks_are_few_ascending_and_within(low: float, span: float, binary: bool) -> None:
    high = low + span
    marks = value_marks(low, high, binary=binary)
    assert len(marks) <= 6
    assert marks == sorted(marks)
    slack = 1e-6 * max(abs(low), abs(high), span)
    assert all(low - slack <= mark <= high + slack for mark in marks)


def test_an_hour_is_marked_by_quarters_in_utc() -> None:
    words = [words for _, words in time_marks(NOON + 120, NOON + 3720)]
    assert words == ["12:15", "12:30", "12:45", "13:00"]


@pytest.mark.parametrize("hours", [0.01, 0.5, 1, 6, 30, 24 * 7, 24 * 365])
def test_any_period_has_some_marks_and_not_many(hours: float) -> None:
    marks = time_marks(NOON + 17, NOON + 17 + hours * 3600)
    assert 2 <= len(marks) <= 7
    assert len({*marks}) == len(marks)


def test_midnight_is_called_by_its_date() -> None:
    assert "22 Nov" in [words for _, words in time_marks(NOON, NOON + 86400)]


def test_a_clock_names_the_day_where_it_is_another() -> None:
    assert clock(NOON + 300, NOON) == "12:05"
    assert clock(NOON - 86400, NOON) == "20 Nov 12:00"
