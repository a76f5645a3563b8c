"""grafana-foundation-sdk's builders, imported in one place.

The SDK deprecates the classic dashboard format in favour of version 2. The classic one is what every Grafana since 11
provisions from files, so its warning is silenced here, once.
"""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import (
        bargauge,
        common,
        dashboard,
        heatmap,
        prometheus,
        stat,
        table,
        timeseries,
    )
    from grafana_foundation_sdk.cog import encoder, plugins
    from grafana_foundation_sdk.models import common as common_model
    from grafana_foundation_sdk.models import dashboard as dashboard_model
    from grafana_foundation_sdk.models import heatmap as heatmap_model
    from grafana_foundation_sdk.models import prometheus as prometheus_model

__all__ = [
    "bargauge",
    "common",
    "common_model",
    "dashboard",
    "dashboard_model",
    "encoder",
    "heatmap",
    "heatmap_model",
    "plugins",
    "prometheus",
    "prometheus_model",
    "stat",
    "table",
    "timeseries",
]
