"""Things that happen at a moment: evaluations, cache requests, and any record of the catalogue."""

import time
from typing import Final

from agentgauge.cells import CELLS
from agentgauge.errors import InvalidRecordError, UsageError
from agentgauge.instrument.agent import current_run
from agentgauge.instrument.meter import checked_label
from agentgauge.instrument.refusal import number_or_refuse, refuse
from agentgauge.kinds import KINDS
from agentgauge.record import Record, checked_record


def event(kind: str, /, **fields: str | float) -> None:
    """Record one thing that happened, by the names of the catalogue.

    Args:
        kind: a kind of record, for instance ``tool_selection``.
        fields: its labels (strings) and amounts (numbers >= 0); labels left out are empty. One with a wrong value
            is not recorded, but counted as invalid and logged once.

    Raises:
        UsageError: an unknown kind or field.
    """
    definition = KINDS.get(kind)
    if definition is None:
        raise UsageError(f"event: unknown kind {kind!r}; one of {', '.join(KINDS)}")
    for name in fields:
        if name not in definition.labels and name not in definition.amounts:
            known = ", ".join(definition.labels + definition.amounts)
            raise UsageError(f"event: kind {kind} has no key {name!r}; it has {known}")
    try:
        CELLS.record(checked_record(definition, time.time(), "", fields))
    except InvalidRecordError as error:
        refuse(f"event: {kind}: {error}")


class Evaluation:
    """Scores of one evaluation; made by ``evaluation``."""

    __slots__ = ("_labels",)

    def __init__(self, labels: dict[str, str]) -> None:
        self._labels = labels

    def score(self, value: float, /) -> None:
        """Record one score.

        Args:
            value: from 0, the worst, to 1; anything else is counted as invalid and logged once.
        """
        score = number_or_refuse("evaluation: a score", value, 1)
        if score is None:
            return
        labels = self._labels
        run = current_run.get()
        if run is not None and not labels["gen_ai_agent_name"]:
            labels = {**labels, "gen_ai_agent_name": run.agent}
        CELLS.record(Record("evaluation", time.time(), labels, {"score_ratio": score}))


def evaluation(name: str, /, *, agent: str = "", task_type: str = "", evaluator: str = "") -> Evaluation:
    """Return the recorder of an evaluation: ``agentgauge_evaluation_score_ratio``.

    Args:
        name: what is evaluated, for instance ``faithfulness``.
        agent: whose result; the current run's agent where it is left out.
        task_type: the kind of task.
        evaluator: who scores: a model's name, ``human``, ``tests``.

    Raises:
        UsageError: a label that is not a string.
    """
    labels = {
        "gen_ai_evaluation_name": name,
        "gen_ai_agent_name": agent,
        "task_type": task_type,
        "evaluator": evaluator,
    }
    for parameter, value in labels.items():
        checked_label("evaluation", parameter, value)
    return Evaluation(labels)


_CACHE_RESULTS: Final = ("hit", "miss", "evict")


class Cache:
    """Requests to one cache; made by ``cache``."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def hit(self) -> None:
        """Count a request that the cache answered."""
        self._count("hit")

    def miss(self) -> None:
        """Count a request that it did not."""
        self._count("miss")

    def evict(self) -> None:
        """Count an entry thrown out."""
        self._count("evict")

    def _count(self, result: str) -> None:
        CELLS.record(Record("cache", time.time(), {"cache": self._name, "result": result}, {"count": 1.0}))


def cache(name: str, /) -> Cache:
    """Return the counter of a cache's requests: ``agentgauge_cache_requests_total``.

    Raises:
        UsageError: the name is not a string.
    """
    checked_label("cache", "name", name)
    for result in _CACHE_RESULTS:
        CELLS.totals.declare("agentgauge_cache_requests_total", (name, result))
    return Cache(name)
