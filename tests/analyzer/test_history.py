import math

import numpy as np
import pytest

from agentgauge.analyzer.history import History
from agentgauge.analyzer.series import Series, series

START = 1_699_999_980.0  # a multiple of a minute
A, B = series("a", []), series("b", [("x", "y")])


def history(interval: float = 5.0, span: float = 6 * 3600.0, max_series: int = 100) -> History:
    return History(interval, span, max_series)


def values_of(one: History, of: Series) -> list[float]:
    row = one.fine.values[one.rows[of]]
    return [value for value in row.tolist() if not math.isnan(value)]


def test_ticks_lie_on_the_grid_and_late_ones_leave_a_gap() -> None:
    past = history()
    for time, value in ((0.0, 1.0), (5.4, 2.0), (19.7, 3.0)):
        past.append(START + time, {A: value})
    assert past.fine.values[0].tolist() == pytest.approx([1.0, 2.0, math.nan, math.nan, 3.0], nan_ok=True)


def test_series_that_is_missing_has_no_value() -> None:
    past = history()
    past.append(START, {A: 1.0})
    past.append(START + 5, {B: 2.0})
    assert past.fine.values.tolist() == pytest.approx(np.array([[1.0, math.nan], [math.nan, 2.0]]), nan_ok=True)


def test_coarse_column_is_the_mean_of_its_ticks() -> None:
    past = history()
    assert past.coarse_step == 60.0
    for tick in range(1, 26):
        past.append(START + 5 * tick, {A: float(tick)})
    # 12 ticks end each minute: (0, 60] and (60, 120]; the third is not complete.
    assert past.coarse.values[0].tolist() == pytest.approx([6.5, 18.5, math.nan], nan_ok=True)


def test_memory_does_not_grow_with_time() -> None:
    past = history(span=600.0)
    sizes = set()
    for tick in range(2000):
        past.append(START + 5 * tick, {A: 1.0, B: 2.0})
        if tick > 500:
            sizes.add((past.fine.values.shape, past.coarse.values.shape, past.excluded.values.shape))
    assert sizes == {((2, 120), (2, 120), (2, 120))}


def test_series_beyond_the_limit_are_left_out_and_counted() -> None:
    past = history(max_series=2)
    many = {series("s", [("n", str(number))]): 1.0 for number in range(5)}
    assert past.append(START, many) == 3
    assert past.append(START + 5, many) == 3
    assert len(past.series) == 2


def test_ended_series_are_dropped_after_the_history_and_the_rest_keep_their_values() -> None:
    past = history(span=600.0)
    past.append(START, {A: 1.0})
    for tick in range(1, 119):
        past.append(START + 5 * tick, {B: float(tick)})
    assert past.drop_ended() == 0
    for tick in range(119, 125):
        past.append(START + 5 * tick, {B: float(tick)})
    assert past.drop_ended() == 1
    assert past.series == [B]
    assert values_of(past, B) == [float(tick) for tick in range(5, 125)]
    past.append(START + 5 * 125, {A: 7.0, B: 8.0})
    assert values_of(past, A) == [7.0]
    assert values_of(past, B)[-1] == 8.0


def test_past_is_put_before_the_first_tick() -> None:
    past = history()
    now = START + 7200.0
    past.begin(now)
    fine = now - 5.0 * np.arange(1.0, 101.0)
    past.fill(A, fine, np.arange(1.0, 101.0), coarse=False)
    coarse = now - 60.0 * np.arange(1.0, 61.0)
    past.fill(A, coarse, np.full(60, 9.0), coarse=True)
    past.append(now, {A: 0.0})
    assert past.fine.values[0].tolist() == [float(value) for value in range(100, -1, -1)]
    assert past.excluded.values.shape == past.fine.values.shape
    assert past.coarse.values[0, :-1].tolist() == [9.0] * 60


def test_past_outside_of_the_history_is_left_out() -> None:
    past = history(span=600.0)
    past.begin(START)
    past.fill(A, np.array([START - 1e6, START - 5, START + 1e6]), np.array([1.0, 2.0, 3.0]), coarse=False)
    assert values_of(past, A) == [2.0]


def test_restored_history_goes_on_where_it_ended() -> None:
    past = history()
    for tick in range(30):
        past.append(START + 5 * tick, {A: float(tick), B: 1.0})
    copy = history()
    assert copy.restore(past.series, past.arrays())
    copy.append(START + 5 * 32, {B: 2.0})
    assert copy.fine.values[0].tolist() == pytest.approx([*map(float, range(30)), *[math.nan] * 3], nan_ok=True)
    assert copy.series == [A, B]


def test_history_of_another_grid_is_not_taken_over() -> None:
    past = history()
    past.append(START, {A: 1.0})
    other = history(interval=2.0)
    assert not other.restore(past.series, past.arrays())
    assert other.series == []


def test_arrays_that_do_not_fit_are_refused() -> None:
    past = history()
    past.append(START, {A: 1.0})
    with pytest.raises(ValueError, match="do not fit"):
        history().restore([A, B], past.arrays())
    with pytest.raises(KeyError):
        history().restore([A], {"fine": np.zeros((1, 1))})
