"""Figures: a measured ratio beside its target, and how it is measured and printed."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

ROUNDS = 15


class Figure(NamedTuple):
    """One line of the table.

    Args:
        what: what was measured.
        ours: our measurement, readable.
        opponent: what it is held against, and its measurement.
        ratio: ours / opponent, the median of paired rounds; or a plain measurement where ``unit`` says so.
        target: the most it may be.
        unit: the unit of ratio and target.
        faster: the ratio is opponent / ours, and the target the least it may be.
    """

    what: str
    ours: str
    opponent: str
    ratio: float
    target: float
    unit: str = "×"
    faster: bool = False


def seconds(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how long an action took."""
    start = clock()
    action()
    return clock() - start


def paired(
    *actions: Callable[[], object],
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
    before: Callable[[], object] = lambda: None,
) -> list[list[float]]:
    """Time actions in turn, round by round, so that the machine's drift meets all of them; one list an action.

    Args:
        actions: what is timed.
        rounds: how often.
        clock: ``time.process_time`` for what only computes: it stands still while other processes run.
        before: is done before each action, and not timed.
    """
    for action in actions:
        before()
        action()
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, found in zip(actions, times, strict=True):
            before()
            found.append(seconds(action, clock))
    return times


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def show(title: str, figures: Iterable[Figure]) -> bool:
    """Print a table; return whether every target was met."""
    table = Table(title=title, title_justify="left")
    for column in ("what", "ours", "opponent"):
        table.add_column(column)
    for column in ("ratio", "target", ""):
        table.add_column(column, justify="right")
    met_all = True
    for figure in figures:
        met = figure.ratio >= figure.target if figure.faster else figure.ratio <= figure.target
        met_all = met_all and met
        table.add_row(
            figure.what,
            figure.ours,
            figure.opponent,
            f"{figure.ratio:.{2 if figure.ratio >= 0.01 else 4}f} {figure.unit}",
            f"{'≥' if figure.faster else '≤'} {figure.target:g} {figure.unit}",
            "met" if met else "NOT MET",
        )
    Console().print(table)
    return met_all
