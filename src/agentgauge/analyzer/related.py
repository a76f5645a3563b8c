"""What is related to one finding: likely causes, what began with it, what moved with it."""

from collections.abc import Sequence

from agentgauge.analyzer.correlation import Pair, causes, grouped
from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.rows import row_of
from agentgauge.web.status import Related


def related(history: History, findings: Sequence[Finding], pairs: Sequence[Pair], finding: Finding) -> list[Related]:
    """Return the series related to one.

    Args:
        history: what the findings are of.
        findings: those that hold now.
        pairs: the correlated ones.
        finding: which, among them.
    """
    here = {one.series: one for one in findings}
    strengths = {}
    for pair in pairs:
        for one, other in ((pair.one, pair.other), (pair.other, pair.one)):
            if one.series == finding.series and other.series in here:
                strengths[other.series] = pair.correlation
    likely, together = [], set()
    if finding.anomaly or finding.regression:
        likely = [one.series for one in causes(history, findings, finding)]
        for members in grouped(findings, [], history.interval):
            if finding in members:
                together = {one.series for one in members if one is not finding}
    order = dict.fromkeys([*likely, *sorted(together), *strengths])
    return [
        Related(
            row_of(history, here[one]),
            likely.index(one) + 1 if one in likely else 0,
            strengths.get(one, 0.0),
            one in together,
        )
        for one in order
    ]
