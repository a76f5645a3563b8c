"""Signals: what is watched, built in and declared by the user."""

import re
from typing import Final

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.catalogue import METRICS
from agentgauge.configuration import Analyzer, Signal
from agentgauge.errors import ConfigurationError

QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

RESERVED_LABELS: Final = frozenset({"signal", "horizon", "other", "__name__"})
"""Labels the analyzer's own gauges need."""


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
    if signal.measure not in {"ratio", "value"} and (signal.per or signal.per_where):
        raise ConfigurationError(f"per: only measures ratio and value have one, not {signal.measure}")
    if reserved := RESERVED_LABELS.intersection(signal.by):
        raise ConfigurationError(f"by: the label {min(reserved)!r} is the analyzer's own; leave it out")
    _check_metric("metric", signal.metric, signal, signal.where, embedded=embedded)
    if signal.measure == "ratio" or signal.per:
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
