"""Leaks: what a process holds and does not give back."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.trends import BLOCKS, BY_CHANCE, FEWEST, rising
from agentgauge.configuration import Signal

HELD: Final = frozenset(
    {
        "agentgauge_process_resident_memory_bytes",
        "agentgauge_process_unique_memory_bytes",
        "agentgauge_process_open_fds",
        "agentgauge_process_threads",
    }
)
"""Metrics of what is held: their floor rises only where something is not given back."""

GROWTH: Final = 0.1
"""The floor has grown by this share since the beginning."""

_OUTGROWN: Final = 0.99
_LATELY: Final = 0.25


def assess(values: npt.NDArray[np.float64], findings: Sequence[Finding], signals: Sequence[Signal]) -> None:
    """Update which of some findings are leaks.

    Args:
        values: complete coarse steps (n, m), NaN where missing.
        findings: one per series.
        signals: whose series they are.
    """
    for finding, signal, known in zip(findings, signals, values, strict=True):
        if signal.measure == "value" and signal.metric in HELD:
            finding.leak, finding.leak_pvalue = leak(known[~np.isnan(known)])


def leak(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return 1 or 0, whether the floor of a series (n,) rises without end, and how probable such a rise is by chance.

    The series is cut into twelve blocks, whose lowest values are its floor: what a collection of garbage leaves. It
    leaks if the floor rises significantly, by a tenth at least, not only when it began, and is at its highest now.
    """
    if len(values) < FEWEST:
        return math.nan, math.nan
    floor = np.array([block.min() for block in np.array_split(values, BLOCKS)])
    pvalue = rising(floor)
    growth, lately = floor[-1] - floor[0], floor[-1] - floor[BLOCKS // 2]
    endless = growth >= GROWTH * abs(floor[0]) and lately >= _LATELY * growth and floor[-1] >= _OUTGROWN * floor.max()
    return float(pvalue <= BY_CHANCE and endless), pvalue
