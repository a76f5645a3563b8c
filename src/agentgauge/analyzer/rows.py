"""Rows: findings as the status page lists them."""

import math
from typing import Final

import numpy as np

from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.series import Series
from agentgauge.web.status import SignalRow

HISTORY_SHOWN: Final = 120
"""Ticks of a row's history on the status page."""


def row_of(history: History, finding: Finding) -> SignalRow:
    """Return one finding's row."""
    recent, unusual = _recent(history, finding.series)
    return SignalRow(
        finding.series.signal,
        dict(finding.series.labels),
        finding.value,
        finding.expected,
        finding.lower,
        finding.upper,
        finding.zscore,
        finding.pvalue,
        finding.anomaly,
        finding.regression,
        finding.regression_ratio,
        recent,
        unusual,
        finding.change,
        finding.predicted_in if finding.predicted == 1 else math.nan,
        finding.leak == 1,
    )


def _recent(history: History, wanted: Series) -> tuple[list[tuple[float, float]], list[float]]:
    """Return the last ticks' times and values, and the times of those that are anomalous."""
    fine, interval, row = history.fine, history.interval, history.rows[wanted]
    values = fine.values[row, -HISTORY_SHOWN:].tolist()
    first = (fine.slot or 0) - len(values) + 1
    flags = np.flatnonzero(history.excluded.values[row, -len(values) :]).tolist()
    points = [((first + at) * interval, value) for at, value in enumerate(values) if not math.isnan(value)]
    return points, [(first + at) * interval for at in flags]
