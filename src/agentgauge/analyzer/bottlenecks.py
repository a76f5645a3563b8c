"""Bottlenecks: which step holds most of a workflow's or an agent's time, and whether its share grows."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History

WHOLES: Final = {"workflow_step_time": "gen_ai_workflow_name", "agent_tool_time": "gen_ai_agent_name"}
"""Signals of seconds per second by step, and the label of what the steps are part of."""

MOST: Final = 0.5
"""A step with this share of the time is a bottleneck."""

GROWS: Final = 0.1
"""A share that is higher by this than before grows."""

STEPS: Final = 15
"""Coarse steps that are now; what is before them is before."""


class Bottleneck(NamedTuple):
    """A step and its share of the whole's time, now and before (NaN for unknown)."""

    finding: Finding
    whole: str
    steps: int
    share: float
    before: float

    @property
    def grows(self) -> bool:
        """Whether the share has grown clearly."""
        return self.share - self.before >= GROWS


def bottlenecks(history: History, findings: Sequence[Finding]) -> list[Bottleneck]:
    """Return the steps that hold most of the time, of wholes with several steps.

    Args:
        history: whose complete coarse columns are added up.
        findings: those that hold now.
    """
    wholes: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        label = WHOLES.get(finding.series.signal)
        if label is not None:
            whole = dict(finding.series.labels).get(label, "")
            wholes.setdefault((finding.series.signal, whole), []).append(finding)
    result = []
    for (_, whole), steps in wholes.items():
        values = history.coarse.values[[history.rows[step.series] for step in steps], :-1]
        now, before = (np.nansum(part, axis=1) for part in (values[:, -STEPS:], values[:, :-STEPS]))
        if len(steps) < 2 or now.sum() <= 0:
            continue
        at = int(np.argmax(now))
        share = float(now[at] / now.sum())
        if share >= MOST:
            earlier = float(before[at] / before.sum()) if before.sum() > 0 else math.nan
            result.append(Bottleneck(steps[at], whole, len(steps), share, earlier))
    return result
