"""What the exporter says of its own process."""

import os
import platform
from pathlib import Path
from typing import Any, Final

from prometheus_client import ProcessCollector

from agentgauge import __version__
from agentgauge.catalogue import METRICS, Metric, MetricType
from agentgauge.totals import Family

_PROCESS: Final = ProcessCollector(registry=None)  # in no registry: ours renders it


def gauge(name: str, value: float, labels: tuple[str, ...] = ()) -> Family:
    """Return one metric of the catalogue with one sample."""
    return Family(METRICS[name], {labels: value})


def build_info() -> Family:
    """Return agentgauge's and Python's version."""
    return gauge("agentgauge_build_info", 1.0, (__version__, platform.python_version()))


def disk_families(directory: Path) -> list[Family]:
    """Return the room left on a directory's file system, and its size; none where that cannot be told."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return []
    return [
        gauge("agentgauge_disk_free_bytes", float(found.f_bavail * found.f_frsize)),
        gauge("agentgauge_disk_size_bytes", float(found.f_blocks * found.f_frsize)),
    ]


def process_families() -> list[Family]:
    """Return ``process_*`` of this process, as every Prometheus client has them; none outside Linux."""
    families = []
    for metric in _PROCESS.collect():
        kind: MetricType = "counter" if metric.type == "counter" else "gauge"
        name = f"{metric.name}_total" if kind == "counter" else metric.name
        samples: dict[tuple[Any, ...], Any] = {(): float(metric.samples[0].value)}
        families.append(Family(Metric(name, kind, (), metric.documentation), samples))
    return families
