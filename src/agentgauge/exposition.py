"""Exposition: families as Prometheus text, as OpenMetrics text, and as prometheus_client's metrics.

Formats: Prometheus text format 0.0.4 and OpenMetrics 1.0.0. The text is joined here because
prometheus_client's generator costs 11 to 15 µs a series.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as ClientMetric
from prometheus_client.utils import floatToGoString

from agentgauge.catalogue import SIGNAL_LABELS, Metric
from agentgauge.totals import Family, Histogram

CONTENT_TYPE_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
CONTENT_TYPE_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def render(families: Iterable[Family], *, openmetrics: bool = False, end: bool = True) -> bytes:
    """Return the families as text.

    Families of one metric that come more than once are put together; where they share a series it is added up.

    Args:
        families: what to expose.
        openmetrics: OpenMetrics 1.0 rather than the Prometheus text format.
        end: close an OpenMetrics exposition with ``# EOF``.
    """
    lines: list[str] = []
    for metric, samples in _merged(families):
        name = metric.name
        base = name.removesuffix("_total") if openmetrics and metric.type == "counter" else name
        lines.append(f"# HELP {base} {_escape_help(metric.help)}\n# TYPE {base} {metric.type}\n")
        if metric.type == "histogram":
            _histogram_lines(lines, metric, samples)
        else:
            for labels, value in samples.items():
                text = _label_text(metric, labels)
                lines.append(f"{name}{{{text}}} {_number(value)}\n" if text else f"{name} {_number(value)}\n")
    if openmetrics and end:
        lines.append("# EOF\n")
    return "".join(lines).encode()


def collect(families: Iterable[Family]) -> Iterator[ClientMetric]:
    """Yield the families as prometheus_client metrics, for a registry that others expose."""
    for metric, samples in _merged(families):
        if metric.type == "histogram":
            histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            bounds = [*(floatToGoString(b) for b in metric.buckets), "+Inf"]
            for labels, value in samples.items():
                assert isinstance(value, Histogram)
                running, buckets = 0, []
                for bound, count in zip(bounds, value.counts, strict=True):
                    running += count
                    buckets.append((bound, float(running)))
                histogram.add_metric(labels, buckets, value.sum)
            yield histogram
            continue
        family = (CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily)(metric.name, metric.help)
        for labels, value in samples.items():
            family.add_sample(metric.name, dict(_label_pairs(metric, labels)), value)  # type: ignore[arg-type]
        yield family


def _merged(families: Iterable[Family]) -> list[Family]:
    merged: dict[str, Family] = {}
    for family in families:
        known = merged.get(family.metric.name)
        if known is None:
            merged[family.metric.name] = family
            continue
        samples = dict(known.samples)
        for labels, value in family.samples.items():
            samples[labels] = _sum(samples[labels], value) if labels in samples else value
        merged[family.metric.name] = Family(family.metric, samples)
    return list(merged.values())


def _sum(one: float | Histogram, other: float | Histogram) -> float | Histogram:
    if isinstance(one, Histogram) and isinstance(other, Histogram):
        return Histogram([a + b for a, b in zip(one.counts, other.counts, strict=True)], one.sum + other.sum)
    assert not isinstance(one, Histogram)
    assert not isinstance(other, Histogram)
    return one + other


def _histogram_lines(lines: list[str], metric: Metric, samples: dict[tuple[Any, ...], float | Histogram]) -> None:
    name = metric.name
    heads = [f'le="{floatToGoString(bound)}"}} ' for bound in metric.buckets] + ['le="+Inf"} ']
    for labels, value in samples.items():
        assert isinstance(value, Histogram)
        text = _label_text(metric, labels)
        start = f"{name}_bucket{{{text}," if text else f"{name}_bucket{{"
        running = 0
        for head, count in zip(heads, value.counts, strict=True):
            running += count
            lines.append(f"{start}{head}{running}.0\n")
        braces = f"{{{text}}}" if text else ""
        lines.append(f"{name}_count{braces} {running}.0\n{name}_sum{braces} {_number(value.sum)}\n")


def _label_text(metric: Metric, labels: tuple[Any, ...]) -> str:
    return ",".join([f'{name}="{_escape(value)}"' for name, value in _label_pairs(metric, labels)])


def _label_pairs(metric: Metric, labels: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
    return labels if SIGNAL_LABELS in metric.labels else zip(metric.labels, labels, strict=True)


def _number(value: float | Histogram) -> str:
    assert not isinstance(value, Histogram)
    return str(floatToGoString(value))


def _escape(value: str) -> str:
    return value.translate(_ESCAPES) if "\\" in value or "\n" in value or '"' in value else value


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
