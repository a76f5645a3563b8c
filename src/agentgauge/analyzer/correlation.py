"""Correlation: which series moved together of late, and which may have moved the others."""

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.statistics import rank_causes

Matrix = npt.NDArray[np.float64]

SERIES: Final = 40
"""The most conspicuous series, of which pairs are compared."""

PAIRS: Final = 50
"""The strongest pairs are told; the rest would only make series."""

STRONG: Final = 0.7
STEPS: Final = 60
"""Coarse steps whose changes are compared: an hour of minutes."""

TOGETHER_SECONDS: Final = 120.0
"""Findings that began within so long of each other belong together."""

CAUSES: Final = 3
FEWEST_STEPS: Final = 20

_PAST_SECONDS: Final = 1800.0


class Pair(NamedTuple):
    """Two series, and the rank correlation of their recent changes."""

    one: Finding
    other: Finding
    correlation: float


def correlated(history: History, findings: Sequence[Finding]) -> list[Pair]:
    """Return the strongly correlated pairs among the most conspicuous findings, the strongest first.

    Args:
        history: whose complete coarse columns are compared.
        findings: those that hold now.
    """
    chosen = sorted(findings, key=lambda one: (not one.anomaly, not one.regression, -_conspicuous(one)))[:SERIES]
    rows = [history.rows[finding.series] for finding in chosen]
    changes = np.diff(history.coarse.values[rows, -STEPS - 1 : -1], axis=1)
    enough = (~np.isnan(changes)).sum(axis=1) >= FEWEST_STEPS
    if enough.sum() < 2:
        return []
    chosen = [finding for finding, known in zip(chosen, enough, strict=True) if known]
    matrix = _rank_correlations(changes[enough])
    upper = np.triu_indices(len(chosen), 1)
    strengths = np.abs(matrix[upper])
    strongest = np.argsort(-strengths, kind="stable")[:PAIRS]
    return [
        Pair(chosen[upper[0][at]], chosen[upper[1][at]], float(matrix[upper][at]))
        for at in strongest.tolist()
        if strengths[at] >= STRONG
    ]


def grouped(findings: Sequence[Finding], pairs: Sequence[Pair], interval: float) -> list[list[Finding]]:
    """Return the anomalies and regressions in groups that began, or move, together; those alone are left out.

    Args:
        findings: those that hold now.
        pairs: the correlated ones.
        interval: seconds between ticks.
    """
    bad = [finding for finding in findings if finding.anomaly or finding.regression]
    group = list(range(len(bad)))
    place = {finding.series: at for at, finding in enumerate(bad)}

    def join(one: int, other: int) -> None:
        old, new = group[other], group[one]
        group[:] = [new if number == old else number for number in group]

    order = sorted(range(len(bad)), key=lambda at: since(bad[at], interval))
    for one, other in itertools.pairwise(order):
        if since(bad[other], interval) - since(bad[one], interval) <= TOGETHER_SECONDS:
            join(one, other)
    for pair in pairs:
        if pair.one.series in place and pair.other.series in place:
            join(place[pair.one.series], place[pair.other.series])
    groups = [[bad[at] for at in order if group[at] == number] for number in sorted(set(group))]
    return [members for members in groups if len(members) > 1]


def causes(history: History, findings: Sequence[Finding], target: Finding) -> list[Finding]:
    """Return the series most likely to have caused an anomaly or regression, the likeliest first.

    Args:
        history: whose ticks around the beginning are compared.
        findings: those that hold now; the candidates are the most conspicuous ones.
        target: the one to explain.
    """
    fine = history.fine
    assert fine.slot is not None
    candidates = sorted((one for one in findings if one is not target), key=_conspicuous, reverse=True)[: SERIES - 1]
    chosen = [target, *candidates]
    began = since(target, history.interval)
    age = fine.slot - round(began / history.interval) + round(_PAST_SECONDS / history.interval)
    columns = min(max(age, 1), fine.filled)
    values = fine.values[[history.rows[finding.series] for finding in chosen], -columns:]
    times = (fine.slot - np.arange(columns)[::-1]) * history.interval
    order = rank_causes(times, values, 0, began)
    return [chosen[at] for at in order[:CAUSES] if at and (chosen[at].anomaly or chosen[at].regression)]


def since(finding: Finding, interval: float) -> float:
    """Return when what was found began, in unix seconds."""
    if finding.anomaly and finding.episode is not None:
        return finding.episode.began * interval
    return finding.change if finding.change > 0 else finding.slot * interval


def _conspicuous(finding: Finding) -> float:
    return abs(finding.zscore) if finding.zscore == finding.zscore else 0.0


def _rank_correlations(changes: Matrix) -> Matrix:
    """Return Spearman's correlations (n, n) of rows (n, m), those of which one is constant being 0."""
    missing = np.isnan(changes)
    ranks = np.argsort(np.argsort(changes, axis=1), axis=1).astype(np.float64)
    for row, values in enumerate(changes):  # equal values have equal ranks
        _, inverse, counts = np.unique(values[~missing[row]], return_inverse=True, return_counts=True)
        means = np.cumsum(counts) - (counts + 1) / 2
        ranks[row, ~missing[row]] = means[inverse]
    ranks[missing] = np.nan
    ranks -= np.nanmean(ranks, axis=1, keepdims=True)
    ranks[missing] = 0.0
    length = np.sqrt((ranks**2).sum(axis=1))
    length[length == 0] = np.inf
    result: Matrix = np.clip(ranks @ ranks.T / np.outer(length, length), -1.0, 1.0)
    return result
