"""PromQL: a signal's declaration as one expression."""

import json
import re
from typing import Final

from agentgauge.analyzer.signals import QUANTILES, counts_events, resolved_metric
from agentgauge.catalogue import METRICS
from agentgauge.configuration import Signal


def expression(signal: Signal) -> str:
    """Return the expression whose instant vector holds one sample per series of the signal.

    Increases, not rates, so that a divisor's comparison is the guard against too few events. Where nothing happened
    there is no sample. A ratio whose numerator never happened is 0: such series do not exist before they happen.
    """
    by = ", ".join(signal.by)
    guard = f">= {signal.minimum_events:.12g}" if signal.minimum_events > 0 else "> 0"
    if signal.measure == "promql":
        text = f"({signal.expression})"
    elif signal.measure == "value":
        text = f"sum by ({by}) ({selector(signal.metric, signal.where)})"
        text += f" / sum by ({by}) ({selector(signal.per, signal.per_where)})" if signal.per else ""
    elif signal.measure == "rate":
        total = _increase(_counted(signal.metric), signal.where, signal, by)
        bound = f"{total} {guard}" if signal.minimum_events > 0 else total
        text = f"({bound}) / {signal.window_seconds:.12g}"
    elif signal.measure == "mean":
        count = _increase(f"{signal.metric}_count", signal.where, signal, by)
        text = f"{_increase(f'{signal.metric}_sum', signal.where, signal, by)} / ({count} {guard})"
    elif signal.measure == "ratio":
        part = _increase(_counted(signal.metric), signal.where, signal, by)
        whole = f"({_increase(_counted(signal.per or signal.metric), signal.per_where, signal, by)} {guard})"
        text = f"({part} or 0 * {whole}) / {whole}"
    else:
        buckets = _increase(f"{signal.metric}_bucket", signal.where, signal, ", ".join((*signal.by, "le")))
        count = _increase(f"{signal.metric}_count", signal.where, signal, by)
        text = f"histogram_quantile({QUANTILES[signal.measure]:g}, {buckets}) and ({count} {guard})"
    return text if signal.scale == 1 else f"{signal.scale:.12g} * ({text})"


EVENTS_LABEL: Final = "agentgauge_events"
"""Marks the samples that say how many events the others are made of."""


def expression_with_events(signal: Signal) -> str:
    """Return the expression of the signal's series and, marked by a label, of how many events each is made of."""
    if not counts_events(signal):
        return expression(signal)
    by = ", ".join(signal.by)
    if signal.measure == "ratio":
        events = _increase(_counted(signal.per or signal.metric), signal.per_where, signal, by)
    else:
        events = _increase(f"{signal.metric}_count", signal.where, signal, by)
    return f'({expression(signal)}) or label_replace({events}, "{EVENTS_LABEL}", "1", "", "")'


def selector(name: str, where: dict[str, str], window_seconds: float = 0) -> str:
    """Return a selector of series, of a range where a window is given."""
    matchers = ", ".join(_matcher(label, condition) for label, condition in where.items())
    range_ = f"[{_duration(window_seconds)}]" if window_seconds else ""
    return f"{name}{{{matchers}}}{range_}" if matchers else f"{name}{range_}"


def _increase(name: str, where: dict[str, str], signal: Signal, by: str) -> str:
    return f"sum by ({by}) (increase({selector(name, where, signal.window_seconds)}))"


def _counted(name: str) -> str:
    metric, part = resolved_metric(name)
    is_histogram = metric in METRICS and METRICS[metric].type == "histogram"
    return f"{metric}_{part}" if is_histogram else name


def _matcher(label: str, condition: str) -> str:
    sign = "!" if condition.startswith("!") else ""
    values = condition.removeprefix("!").split("|")
    if len(values) == 1:
        return f"{label}{sign or ''}={json.dumps(values[0], ensure_ascii=False)}"
    pattern = "|".join(re.escape(value) for value in values)
    return f"{label}{sign or '='}~{json.dumps(pattern, ensure_ascii=False)}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{max(round(seconds * 1000), 1)}ms"
