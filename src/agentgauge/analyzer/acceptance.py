"""Acceptance: what was an anomaly for long is the normal level, until it turns out to have been an outage."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.findings import Accepted, Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.signals import is_share
from agentgauge.configuration import Signal

ACCEPTED_SECONDS: Final = 900.0
"""After so long the new level is the normal one; that it is worse is then the regression's to say."""

KEPT: Final = 8
"""Accepted anomalies remembered of a series, so that its past is shown as it was told."""


def accept(history: History, row: int, finding: Finding, signal: Signal) -> None:
    """Make the level of an anomaly that has lasted the normal one."""
    episode = finding.episode
    assert episode is not None
    ticks = finding.slot - episode.began + 1
    # At first values are on their way, as long as their window holds some of the time before.
    settled = max(min(_settling(signal, history.interval), 3 * ticks // 4), ticks // 2)
    late = history.fine.values[row, -(ticks - settled) :]
    level = float(np.nanmedian(late)) if not np.isnan(late).all() else finding.value
    accepted = Accepted(episode.began, finding.slot, episode.expected, level, episode.least)
    finding.accepted = (*finding.accepted[1 - KEPT :], accepted)
    history.excluded.values[row, -ticks:] = False
    finding.anomaly, finding.episode, finding.decades = False, None, 0.0


def revocable(history: History, finding: Finding) -> list[Accepted]:
    """Return the acceptances that a return to the level of before can still take back; the rest is history.

    What has stayed for half of what is remembered is no outage.
    """
    return [one for one in finding.accepted if 2 * (finding.slot - one.began) < history.fine.filled]


def revoke(history: History, row: int, finding: Finding, accepted: Accepted) -> None:
    """Take an acceptance back, and those after it: what lasted so long is over, and nothing to learn from."""
    history.excluded.values[row, -(finding.slot - accepted.began + 1) :] = True
    finding.accepted = finding.accepted[: finding.accepted.index(accepted)]


def corrected(
    values: npt.NDArray[np.float64],
    slots: npt.NDArray[np.int64],
    accepted: Iterable[Accepted],
    signal: Signal,
    interval: float,
) -> npt.NDArray[np.float64]:
    """Return values (n,) at slots (n,) with those from before each acceptance moved to the level accepted.

    So the baseline is at the new level at once, and still knows how far values go from it: as much of the level as
    before, of a share as far as before. Values on their way from one level to the other are left out.
    """
    result = values.copy()
    for one in accepted:
        earlier = slots < one.began
        if one.before > 0 and one.after > 0 and not is_share(signal):
            result[earlier] *= one.after / one.before
        else:
            result[earlier] += one.after - one.before
        settled = min(one.began + _settling(signal, interval), one.ended)
        result[(slots >= one.began) & (slots < settled)] = np.nan
    return np.clip(result, 0.0, signal.scale) if is_share(signal) else result


def _settling(signal: Signal, interval: float) -> int:
    """Return the ticks until a value holds nothing of the time before."""
    return max(round(signal.window_seconds / interval), 1)
