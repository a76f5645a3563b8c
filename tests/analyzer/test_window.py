import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.analyzer.window import Window

actions = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.integers(0, 12)),
        st.tuples(st.just("add"), st.integers(1, 3)),
        st.tuples(st.just("drop"), st.integers(0, 5)),
        st.tuples(st.just("put"), st.integers(0, 12)),
        st.tuples(st.just("restore"), st.just(0)),
    ),
    max_size=60,
)


@given(st.integers(2, 9), actions)
def test_window_is_the_last_slots_of_each_series(points: int, done: list[tuple[str, int]]) -> None:
    """A dictionary of slots per series says what the matrix must hold."""
    window = Window(points)
    slot, mark = 100, 0.0
    model: list[dict[int, float]] = []
    for action, number in done:
        mark += 1.0
        if action == "add":
            window.add_rows(number)
            model += [{} for _ in range(number)]
        elif action == "drop" and number < len(model):
            window.keep_rows(np.arange(len(model)) != number)
            del model[number]
        elif action == "advance" and number:
            slot += number
            window.advance(slot)
            window.set_newest(np.full(len(model), mark))
            for row in model:
                row[slot] = mark
        elif action == "put" and model and slot > 100:
            window.put(0, np.array([slot - number]), np.array([mark]))
            model[0][slot - number] = mark
        elif action == "restore" and slot > 100:
            copy = Window(points)
            copy.restore(slot, window.values.copy())
            window = copy
        if slot > 100:
            shown = range(slot - window.filled + 1, slot + 1)
            expected = [[row.get(at, math.nan) for at in shown] for row in model]
            np.testing.assert_array_equal(window.values, np.array(expected).reshape(len(model), window.filled))
            assert window.filled <= points
            assert all(at in shown for row in model for at in row if at > slot - points)


def test_nothing_within_the_window_is_lost() -> None:
    window = Window(7)
    window.add_rows(1)
    for slot in range(100):
        window.advance(slot)
        window.set_newest(np.array([float(slot)]))
        assert window.values[0].tolist() == [float(at) for at in range(max(0, slot - 6), slot + 1)]


def test_clock_that_went_back_takes_the_past_with_it() -> None:
    window = Window(5)
    window.add_rows(1)
    for slot in (10, 11, 3):
        window.advance(slot)
        window.set_newest(np.array([float(slot)]))
    assert window.values[0].tolist() == [10.0, 11.0, 3.0]
    assert window.slot == 3


def test_truth_values_are_a_window_too() -> None:
    window = Window(3, missing=False)
    window.add_rows(2)
    window.advance(1)
    window.set_newest(np.array([True, False]))
    window.advance(3)
    assert window.values.tolist() == [[True, False, False], [False, False, False]]
