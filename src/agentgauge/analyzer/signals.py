"""Signals: what is watched, built in and declared by the user."""

import re
from typing import Final

from agentgauge.catalogue import METRICS
from agentgauge.configuration import Analyzer, Signal
from agentgauge.errors import ConfigurationError

QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

RESERVED_LABELS: Final = frozenset({"signal", "horizon", "other", "__name__"})
"""Labels the analyzer's own gauges need."""

_LLM: Final = ("gen_ai_provider_name", "gen_ai_request_model", "task_type")
_AGENT: Final = ("gen_ai_agent_name", "task_type")
_HOOK: Final = ("hook_system", "hook_event", "hook_name")
_LLM_SECONDS: Final = "gen_ai_client_operation_duration_seconds"
_TOOL_SECONDS: Final = "gen_ai_execute_tool_duration_seconds"
_AGENT_RUNS: Final = "agentgauge_agent_runs_total"
_FAILED: Final = {"error_type": "!|cancelled"}
_HOOK_RUNS: Final = "agentgauge_hook_runs_total"
_COST: Final = "agentgauge_llm_cost_usd_total"
_CACHE: Final = "agentgauge_cache_requests_total"
_MINUTES_5: Final = 300.0
_MINUTES_15: Final = 900.0
_ANY_MONEY: Final = 1e-6
_ANY_TIME: Final = 1e-3
_STEP_SECONDS: Final = "agentgauge_workflow_transition_duration_seconds"

BUILTIN: Final = (
    Signal("llm_duration_p95", "p95", _LLM_SECONDS, by=_LLM),
    # One failure among very few calls says nothing yet, and a ratio of it says 100 %.
    Signal("llm_error_ratio", "ratio", _LLM_SECONDS, _FAILED, by=_LLM, minimum_events=5),
    Signal("agent_duration_p95", "p95", "gen_ai_invoke_agent_duration_seconds", by=_AGENT),
    Signal(
        "agent_error_ratio",
        "ratio",
        _AGENT_RUNS,
        {"outcome": "failure|timeout|budget"},
        by=_AGENT,
        minimum_events=3,
    ),
    Signal("tool_duration_p95", "p95", _TOOL_SECONDS, by=("gen_ai_tool_name",)),
    Signal("tool_error_ratio", "ratio", _TOOL_SECONDS, _FAILED, by=("gen_ai_tool_name",), minimum_events=5),
    Signal("workflow_duration_p95", "p95", "gen_ai_invoke_workflow_duration_seconds", by=("gen_ai_workflow_name",)),
    # Use follows demand, so only large changes of tokens and of cost per hour are worth a word.
    Signal(
        "token_usage",
        "rate",
        "gen_ai_client_token_usage_sum",
        by=("gen_ai_provider_name", "gen_ai_request_model"),
        window_seconds=_MINUTES_5,
        regression_threshold=0.5,
    ),
    Signal(
        "cost_per_run",
        "ratio",
        _COST,
        per=_AGENT_RUNS,
        by=("gen_ai_agent_name",),
        window_seconds=_MINUTES_5,
    ),
    Signal(
        "cost_rate",
        "rate",
        _COST,
        by=("gen_ai_agent_name",),
        window_seconds=_MINUTES_5,
        scale=3600.0,
        minimum_events=_ANY_MONEY,
        regression_threshold=0.5,
    ),
    Signal("hook_duration_p95", "p95", "agentgauge_hook_duration_seconds", by=_HOOK, window_seconds=_MINUTES_15),
    Signal(
        "hook_error_ratio",
        "ratio",
        _HOOK_RUNS,
        {"outcome": "error|timeout"},
        by=_HOOK,
        window_seconds=_MINUTES_15,
        minimum_events=3,
    ),
    Signal(
        "cache_hit_ratio",
        "ratio",
        _CACHE,
        {"result": "hit"},
        per_where={"result": "hit|miss"},
        by=("cache",),
        window_seconds=_MINUTES_5,
        worse="lower",
        minimum_events=5,
    ),
    Signal(
        "quality_score",
        "mean",
        "agentgauge_evaluation_score_ratio",
        by=("gen_ai_evaluation_name", "gen_ai_agent_name"),
        window_seconds=_MINUTES_5,
        worse="lower",
    ),
    # What a process holds follows its work; that it only ever grows is the leak's to say.
    Signal(
        "process_memory",
        "value",
        "agentgauge_process_resident_memory_bytes",
        by=("role",),
        regression_threshold=0.5,
    ),
    Signal("process_open_fds", "value", "agentgauge_process_open_fds", by=("role",), regression_threshold=0.5),
    # Seconds spent per second, by step: their shares show the bottleneck.
    Signal(
        "workflow_step_time",
        "rate",
        f"{_STEP_SECONDS}_sum",
        by=("gen_ai_workflow_name", "from_state"),
        window_seconds=_MINUTES_5,
        minimum_events=_ANY_TIME,
        regression_threshold=1.0,
    ),
    Signal(
        "agent_tool_time",
        "rate",
        f"{_TOOL_SECONDS}_sum",
        by=("gen_ai_agent_name", "gen_ai_tool_name"),
        window_seconds=_MINUTES_5,
        minimum_events=_ANY_TIME,
        regression_threshold=1.0,
    ),
)


def resolve(settings: Analyzer) -> tuple[Signal, ...]:
    """Return the signals to watch: the built-in ones, less those the user replaced, then the user's.

    Raises:
        ConfigurationError: "analyzer.signals.NAME.KEY: problem" for a signal that could never have a value.
    """
    own = {signal.name: signal for signal in settings.signals}
    for signal in settings.signals:
        try:
            _check(signal, embedded=not settings.prometheus_url)
        except ConfigurationError as error:
            raise ConfigurationError(f"analyzer.signals.{signal.name}.{error}") from None
    builtin = [signal for signal in BUILTIN if signal.name not in own] if settings.builtin_signals else []
    return (*builtin, *own.values())


def resolved_metric(name: str) -> tuple[str, str]:
    """Return the catalogue's metric behind a name, and its part: "count" or "sum" of a histogram, or "value".

    A name the catalogue does not know is its own metric.
    """
    if name in METRICS:
        return name, "count" if METRICS[name].type == "histogram" else "value"
    for part in ("sum", "count"):
        base = name.removesuffix(f"_{part}")
        if base != name and base in METRICS and METRICS[base].type == "histogram":
            return base, part
    return name, "value"


def counts_events(signal: Signal) -> bool:
    """Return whether a signal's value is a statistic of events that can be counted, and so surer of more of them."""
    return signal.measure in QUANTILES or signal.measure in {"mean", "ratio"}


def is_share(signal: Signal) -> bool:
    """Return whether a signal is a share of the events it is counted among, so that it lies in [0, 1]."""
    return signal.measure == "ratio" and not signal.per


def accepts(condition: str, value: str) -> bool:
    """Return whether a label value fulfils a condition of ``where``: ``a``, ``a|b``, ``!a``, ``!a|b``."""
    excluded = condition.startswith("!")
    return (value in condition.removeprefix("!").split("|")) != excluded


def _check(signal: Signal, *, embedded: bool) -> None:
    if signal.measure == "promql":
        if not signal.expression.strip():
            raise ConfigurationError("expression: empty; measure promql needs one")
        if embedded:
            raise ConfigurationError("measure: promql needs analyzer.prometheus_url, or --prometheus.url")
        return
    if signal.expression:
        raise ConfigurationError(f"expression: only measure promql has one, not {signal.measure}")
    if signal.measure != "ratio" and (signal.per or signal.per_where):
        raise ConfigurationError(f"per: only measure ratio has one, not {signal.measure}")
    if reserved := RESERVED_LABELS.intersection(signal.by):
        raise ConfigurationError(f"by: the label {min(reserved)!r} is the analyzer's own; leave it out")
    _check_metric("metric", signal.metric, signal, signal.where, embedded=embedded)
    if signal.measure == "ratio":
        _check_metric("per", signal.per or signal.metric, signal, signal.per_where, embedded=embedded)


def _check_metric(key: str, name: str, signal: Signal, where: dict[str, str], *, embedded: bool) -> None:
    if not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name):
        raise ConfigurationError(f"{key}: {name!r} is not a metric's name")
    metric = METRICS.get(resolved_metric(name)[0])
    if metric is None:
        if embedded:
            raise ConfigurationError(f"{key}: {name!r} is not agentgauge's; it needs analyzer.prometheus_url")
        if bad := [label for label in (*signal.by, *where) if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", label)]:
            raise ConfigurationError(f"{key}: {bad[0]!r} is not a label's name")
        return
    wanted = {"value": "gauge", "mean": "histogram", **dict.fromkeys(QUANTILES, "histogram")}.get(signal.measure)
    if wanted and (metric.type != wanted or metric.name != name):
        raise ConfigurationError(f"{key}: measure {signal.measure} needs a {wanted}, and {name} is none")
    if wanted is None and metric.type == "gauge":
        raise ConfigurationError(f"{key}: measure {signal.measure} needs a counter or histogram, and {name} is a gauge")
    if unknown := [label for label in (*signal.by, *where) if label not in metric.labels]:
        has = f"it has {', '.join(metric.labels)}" if metric.labels else "it has no labels"
        raise ConfigurationError(f"{key}: {name} has no label {unknown[0]!r}; {has}")
