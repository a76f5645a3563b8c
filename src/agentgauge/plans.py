"""Plans: which series of which metrics the records of a kind feed."""

from typing import Any, Final, NamedTuple

from agentgauge.catalogue import METRICS, Metric
from agentgauge.kinds import KINDS

Labels = tuple[str, ...]
Names = tuple[tuple[str | None, str], ...]


def _plan(kind_name: str) -> list[tuple[Metric, str | None, Names]]:
    """Resolve a kind's folds: per metric, the record's label or the constant behind each of its labels."""
    plan = []
    for fold in KINDS[kind_name].folds:
        metric, constants = METRICS[fold.metric], dict(fold.constants)
        names: Names = tuple((None if n in constants else n, constants.get(n, "")) for n in metric.labels)
        plan.append((metric, fold.amount, names))
    return plan


PLANS: Final = {name: _plan(name) for name in KINDS}
"""By kind: metric, amount, and per label of the metric the record's label or the constant that it is."""


class Place(NamedTuple):
    """Where one fold of records with the same labels goes.

    Args:
        column: where in a row the amount is; None for 1.
        buckets: a histogram's bounds; None for a counter.
        target: the histogram, or the counter's series; None while there is none.
        key: label values in the metric's order.
        metric: what is fed.
    """

    column: int | None
    buckets: tuple[float, ...] | None
    target: Any
    key: Labels
    metric: Metric


def places_of(kind: str, values: Labels) -> list[Place]:
    """Resolve a kind's folds for one set of label values in the kind's order.

    Raises:
        ValueError: the kind sets a gauge, which depends on what other records set before.
    """
    names, amounts = KINDS[kind].labels, KINDS[kind].amounts
    by_name = dict(zip(names, values, strict=True))
    places = []
    for metric, amount, wanted in PLANS[kind]:
        if metric.type == "gauge":
            raise ValueError(f"kind {kind} sets a gauge")
        key = tuple([constant if name is None else by_name[name] for name, constant in wanted])
        column = None if amount is None else len(names) + amounts.index(amount)
        places.append(Place(column, metric.buckets if metric.type == "histogram" else None, None, key, metric))
    return places
