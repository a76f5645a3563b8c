"""The weights of the composite quality score, exposed so that a recording rule can compute it over any window.

The score itself is a rule, ``agent:agentgauge_quality_score:ratio_1h``: the mean scores of the evaluations that were
made, weighted. A mean over the exporter's whole life would not move when quality does.
"""

from collections.abc import Mapping
from typing import Any

from agentgauge.catalogue import METRICS
from agentgauge.totals import Family


def weight_family(weights: Mapping[str, float]) -> Family:
    """Return ``agentgauge_quality_weight`` of each evaluation."""
    samples: dict[tuple[Any, ...], Any] = {(name,): weight for name, weight in weights.items()}
    return Family(METRICS["agentgauge_quality_weight"], samples)
