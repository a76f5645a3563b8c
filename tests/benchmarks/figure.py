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
    """

    what: str
    ours: str
    opponent: str
    ratio: float
    target: float
    unit: str = "×"


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def paired(*actions: Callable[[], object], rounds: int = ROUNDS) -> list[list[float]]:
    """Time actions in turn, round by round, so that the machine's drift meets all of them; one list an action."""
    for action in actions:
        action()
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, found in zip(actions, times, strict=True):
            found.append(seconds(action))
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
        met = figure.ratio <= figure.target
        met_all = met_all and met
        table.add_row(
            figure.what,
            figure.ours,
            figure.opponent,
            f"{figure.ratio:.2f} {figure.unit}",
            f"≤ {figure.target:g} {figure.unit}",
            "met" if met else "NOT MET",
        )
    Console().print(table)
    return met_all
