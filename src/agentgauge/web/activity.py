"""What was called lately and in all, per agent, model, tool, hook and workflow: small tallies for the page.

The totals of a page would stand still after a week; this keeps a few minutes of them to tell now from ever.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from agentgauge.catalogue import METRICS
from agentgauge.totals import Family, Histogram

WINDOW_SECONDS: Final = 300.0
_STEP_SECONDS: Final = 10.0

Key = tuple[str, ...]
Tallies = dict[str, dict[Key, "Tally"]]


class Tally(NamedTuple):
    """Calls of one thing.

    Args:
        counts: calls per bucket of the duration, not cumulative, +Inf last.
        seconds: their durations' sum.
        errors: how many failed.
        amounts: whatever else is added up, by name.
    """

    counts: tuple[int, ...] = ()
    seconds: float = 0.0
    errors: float = 0.0
    amounts: tuple[tuple[str, float], ...] = ()

    @property
    def calls(self) -> int:
        """Return the number of calls."""
        return sum(self.counts)

    def amount(self, name: str) -> float:
        """Return an amount, 0 where it was never added."""
        return dict(self.amounts).get(name, 0.0)

    def since(self, earlier: "Tally | None") -> "Tally":
        """Return what was added after an earlier tally of the same thing."""
        if earlier is None:
            return self
        counts = earlier.counts or (0,) * len(self.counts)
        before = dict(earlier.amounts)
        return Tally(
            tuple(max(a - b, 0) for a, b in zip(self.counts, counts, strict=True)),
            self.seconds - earlier.seconds,
            max(self.errors - earlier.errors, 0.0),
            tuple((name, max(value - before.get(name, 0.0), 0.0)) for name, value in self.amounts),
        )


class _Source(NamedTuple):
    """One metric that feeds a section: the labels of its key, and what the sample is there."""

    section: str
    metric: str
    key: tuple[str, ...]
    amount: str = ""


_MODEL: Final = ("gen_ai_request_model", "gen_ai_provider_name")
_HOOK: Final = ("hook_name", "hook_system", "hook_event")
_SOURCES: Final = (
    _Source("agent", "gen_ai_invoke_agent_duration_seconds", ("gen_ai_agent_name",)),
    _Source("agent", "agentgauge_agent_runs_total", ("gen_ai_agent_name",), "outcome"),
    _Source("agent", "agentgauge_llm_cost_usd_total", ("gen_ai_agent_name",), "cost"),
    _Source("model", "gen_ai_client_operation_duration_seconds", _MODEL),
    _Source("model", "gen_ai_client_inference_usage_input_tokens_total", _MODEL, "input"),
    _Source("model", "gen_ai_client_inference_usage_cache_read_input_tokens_total", _MODEL, "cached"),
    _Source("model", "gen_ai_client_inference_usage_output_tokens_total", _MODEL, "output"),
    _Source("model", "agentgauge_llm_cost_usd_total", _MODEL, "cost"),
    _Source("model", "agentgauge_llm_unpriced_calls_total", _MODEL, "unpriced"),
    _Source("tool", "gen_ai_execute_tool_duration_seconds", ("gen_ai_tool_name", "gen_ai_agent_name")),
    _Source("hook", "agentgauge_hook_duration_seconds", _HOOK),
    _Source("hook", "agentgauge_hook_runs_total", _HOOK, "outcome"),
    _Source("workflow", "gen_ai_invoke_workflow_duration_seconds", ("gen_ai_workflow_name",)),
    _Source("process", "agentgauge_process_cpu_seconds_total", ("role",), "cpu"),
)
SECTION_BUCKETS: Final = {
    source.section: METRICS[source.metric].buckets for source in _SOURCES if METRICS[source.metric].type == "histogram"
}
_FAILED: Final = frozenset({"error", "failure", "timeout", "budget"})
_BY_OUTCOME: Final = frozenset(source.section for source in _SOURCES if source.amount == "outcome")


class Activity:
    """The last minutes of tallies."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, Tallies]] = deque(maxlen=int(WINDOW_SECONDS / _STEP_SECONDS) + 1)

    def observe(self, now: float, families: Callable[[], Iterable[Family]]) -> None:
        """Remember the totals at a time; they are not even asked for within some seconds of the last ones."""
        if self._past and 0 <= now - self._past[-1][0] < _STEP_SECONDS:
            return
        self._past.append((now, tally(families())))

    def recent(self, now: float, current: Tallies) -> tuple[float, Tallies]:
        """Return how many seconds the past reaches back, at most the window, and what was added in them."""
        kept = [(when, tallies) for when, tallies in self._past if 0 <= now - when <= WINDOW_SECONDS]
        if not kept:
            return 0.0, {}
        when, before = kept[0]
        added = {
            section: {key: value.since(before.get(section, {}).get(key)) for key, value in rows.items()}
            for section, rows in current.items()
        }
        return now - when, added


def tally(families: Iterable[Family]) -> Tallies:
    """Add families up per section and key."""
    by_name = {family.metric.name: family for family in families}
    building: dict[str, dict[Key, _Sum]] = {}
    for source in _SOURCES:
        family = by_name.get(source.metric)
        if family is None:
            continue
        labels = family.metric.labels
        places = [labels.index(name) for name in source.key]
        by_error = source.section not in _BY_OUTCOME and "error_type" in labels
        error = labels.index("error_type") if by_error else None
        outcome = labels.index("outcome") if source.amount == "outcome" else None
        rows = building.setdefault(source.section, {})
        for values, sample in family.samples.items():
            row = rows.setdefault(tuple(values[place] for place in places), _Sum())
            if isinstance(sample, Histogram):
                row.add_calls(sample, failed=error is not None and values[error] != "")
            elif outcome is None:
                row.amounts[source.amount] = row.amounts.get(source.amount, 0.0) + sample
            elif values[outcome] in _FAILED:
                row.errors += sample
            elif values[outcome] == "blocked":
                row.amounts["blocked"] = row.amounts.get("blocked", 0.0) + sample
    return {section: {key: row.tally() for key, row in rows.items()} for section, rows in building.items()}


def quantile(share: float, bounds: tuple[float, ...], counts: tuple[int, ...]) -> float:
    """Return a quantile as Prometheus' histogram_quantile does: linear within the bucket, the last bound past it.

    Args:
        share: 0 to 1.
        bounds: finite upper bounds, ascending.
        counts: observations per bucket, +Inf last.
    """
    total = sum(counts)
    if not total:
        return float("nan")
    rank, running = share * total, 0
    for index, observed in enumerate(counts):
        if running + observed >= rank and observed:
            if index == len(bounds):
                return bounds[-1]
            lower = bounds[index - 1] if index else 0.0
            return lower + (bounds[index] - lower) * (rank - running) / observed
        running += observed
    return bounds[-1]


class _Sum:
    """A tally being added up."""

    __slots__ = ("amounts", "counts", "errors", "seconds")

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.seconds = 0.0
        self.errors = 0.0
        self.amounts: dict[str, float] = {}

    def add_calls(self, histogram: Histogram, *, failed: bool) -> None:
        if self.counts:
            self.counts = [a + b for a, b in zip(self.counts, histogram.counts, strict=True)]
        else:
            self.counts = histogram.counts[:]
        self.seconds += histogram.sum
        if failed:
            self.errors += sum(histogram.counts)

    def tally(self) -> Tally:
        return Tally(tuple(self.counts), self.seconds, self.errors, tuple(self.amounts.items()))
