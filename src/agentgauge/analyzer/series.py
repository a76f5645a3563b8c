"""Series: one signal with one set of labels."""

from collections.abc import Iterable
from typing import NamedTuple

from agentgauge.analyzer.signals import RESERVED_LABELS


class Series(NamedTuple):
    """What identifies a series: the signal's name, and its (label, value) pairs sorted by label, no empty values."""

    signal: str
    labels: tuple[tuple[str, str], ...]


def series(signal: str, labels: Iterable[tuple[str, str]]) -> Series:
    """Return the series of a signal and its labels.

    PromQL drops labels without a value, so they are dropped everywhere; a label the analyzer's gauges need for
    themselves becomes ``exported_…``, as Prometheus does it; the metric's name is no label.
    """
    pairs = [(name, value) for name, value in labels if value and name != "__name__"]
    return Series(signal, tuple(sorted((f"exported_{n}" if n in RESERVED_LABELS else n, v) for n, v in pairs)))
