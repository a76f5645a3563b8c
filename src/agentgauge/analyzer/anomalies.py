"""Anomalies: which series leave, now, what their past leads to expect."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.acceptance import ACCEPTED_SECONDS, accept, corrected, revocable, revoke
from agentgauge.analyzer.evidence import BY_CHANCE, DECADES, added, bounds, chances, quantile
from agentgauge.analyzer.findings import Episode, Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.statistics import detect_last
from agentgauge.analyzer.statistics.judgement import WARM_UP
from agentgauge.analyzer.statistics.significance import false_discoveries_controlled
from agentgauge.configuration import Signal

Vector = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

FEWEST_COLUMNS: Final = 48
"""Ticks before anything is said: four minutes of five seconds."""

STALE_TICKS: Final = 3
"""A series without a value for so many ticks has none."""

CONFIRMATIONS: Final = 2
"""Judgements in a row that make an anomaly, or that end it."""

FALSE_DISCOVERIES: Final = 0.01
"""Share of false ones among the series found improbable at once (Benjamini-Hochberg)."""

EFFECT: Final = 2.0
"""An anomaly is a change of so many times the regression threshold: a moment wavers more than a level does."""

RATIO_FLOOR: Final = 0.2
"""A ratio's change counts relative to at least this: the first failure of many is no 'infinitely more'."""

SERIES_AT_ONCE: Final = 512
"""Most series of a block."""

SAMPLES_AT_ONCE: Final = 131_072
"""Samples of a block, which is copied a few times while it is judged: a megabyte each."""

_FEWEST_WINDOWS: Final = 2.0
_SPREAD_SHARE: Final = 0.975
_SPREADS: Final = 2.0
_DOUBT: Final = 8.0
_BAND_SIGMAS: Final = 1.96
_LARGEST_ZSCORE: Final = 1e6


class Block(NamedTuple):
    """Some series at the newest tick with their past: all it takes to judge them, here or elsewhere.

    Args:
        rows: of the history (n,).
        times: of the columns (m,).
        values: (n, m), the newest last; NaN where missing, or not learned from.
        windows: seconds that each value of a series is about (n,).
        signals: whose series they are.
        events, usual_events: how many events the newest value is made of, and values are as a rule (n,).
    """

    rows: Rows
    times: Vector
    values: npt.NDArray[np.float64]
    windows: Vector
    signals: tuple[Signal, ...]
    events: Vector
    usual_events: Vector


class Judged(NamedTuple):
    """What the statistics say of some rows (n,) at the newest tick.

    ``spread`` is the deviation usual of late; ``chance`` the probability of the value given its number of events, NaN
    where those are not known.
    """

    rows: Rows
    expected: Vector
    lower: Vector
    upper: Vector
    zscore: Vector
    pvalue: Vector
    spread: Vector
    chance: Vector


def observe(history: History, findings: Sequence[Finding]) -> None:
    """Set the values of the findings that have one at the newest tick.

    Args:
        history: its newest column is the tick.
        findings: one per row of the history.
    """
    assert history.fine.slot is not None
    newest = history.fine.values[:, -1].tolist()
    for row, (finding, value) in enumerate(zip(findings, newest, strict=True)):
        if not math.isnan(value):
            finding.slot, finding.value = history.fine.slot, value
            if finding.episode is not None and _was_gone(history, row, finding):
                finding.episode, finding.anomaly = None, False


def _was_gone(history: History, row: int, finding: Finding) -> bool:
    """Return whether a series had ended before its newest value.

    Where nothing at all was seen, between a stop and a start or while the source was down, it goes on.
    """
    seen = ~np.isnan(history.fine.values[:, -1 - STALE_TICKS : -1])
    unseen_for = (finding.slot - finding.judged) * history.interval
    return not seen[row].any() and bool(seen.any() or unseen_for > ACCEPTED_SECONDS)


def blocks(history: History, findings: Sequence[Finding], signals: Mapping[str, Signal]) -> Iterator[Block]:
    """Yield the series that have a value at the newest tick, some at a time.

    Args:
        history: its newest column is the tick.
        findings: one per row of the history.
        signals: by name.
    """
    assert history.fine.slot is not None
    live = np.flatnonzero(~np.isnan(history.fine.values[:, -1]))
    kinds = [signals[findings[row].series.signal] for row in live.tolist()]
    windows = np.array([kind.window_seconds for kind in kinds])
    strides = strides_of(history, live, windows)
    filled = history.fine.filled
    for stride in np.unique(strides[strides > 0]).tolist():
        places = np.flatnonzero(strides == stride)
        columns = np.arange(filled - 1, -1, -stride)[::-1]
        at_once = min(max(SAMPLES_AT_ONCE // len(columns), 1), SERIES_AT_ONCE)
        for start in range(0, len(places), at_once):
            some = places[start : start + at_once]
            rows = live[some]
            place = np.ix_(rows, columns)
            values = history.fine.values[place]
            values[:, :-1][history.excluded.values[place][:, :-1]] = np.nan
            slots = history.fine.slot - (filled - 1 - columns)
            few = tuple(kinds[at] for at in some.tolist())
            for at, row in enumerate(rows.tolist()):
                if findings[row].accepted:
                    values[at] = corrected(values[at], slots, findings[row].accepted, few[at], history.interval)
            times = slots * history.interval
            events = history.events[rows], history.usual_events[rows]
            yield Block(rows, times.astype(np.float64), values, windows[some], few, *events)


def judged(block: Block) -> Judged:
    """Judge a block's newest values; what has too little past is left out."""
    stride = block.times[-1] - block.times[-2]
    known = (~np.isnan(block.values[:, :-1])).sum(axis=1)
    independent = known * np.minimum(stride / block.windows, 1.0)
    enough = np.flatnonzero((known >= WARM_UP) & (independent >= _FEWEST_WINDOWS))
    if not enough.size:
        return Judged(block.rows[:0], *(np.zeros(0),) * (len(Judged._fields) - 1))
    values, independent = block.values[enough], independent[enough]
    past = values[:, :-1]
    detection = detect_last(block.times, values)
    centre = quantile(past, 0.5)
    spread = quantile(np.abs(past - centre[:, None]), _SPREAD_SHARE) * (1 + _DOUBT / independent)
    kinds = [block.signals[at] for at in enough.tolist()]
    possible = np.array([bounds(kind) for kind in kinds])
    band = (detection.expected[:, 0], detection.lower[:, 0], detection.upper[:, 0])
    expected, lower, upper = (np.clip(edge, possible[:, 0], possible[:, 1]) for edge in band)
    chance = chances(kinds, values[:, -1], block.events[enough], past, block.usual_events[enough], independent)
    of_each = (expected, lower, upper, detection.zscore[:, 0], detection.pvalue[:, 0], spread, chance)
    return Judged(block.rows[enough], *of_each)


def update(
    history: History, findings: Sequence[Finding], signals: Mapping[str, Signal], parts: Sequence[Judged]
) -> None:
    """Set what the statistics say of the newest tick, and decide which findings are anomalies.

    An anomaly is improbable (``detect_last``, corrected across series), also given how few events it is made of
    (``evidence``; where they are not known, well outside of what the series did of late), large (by the signal's
    regression threshold), worse, and all that twice in a row. It lasts until the value is back twice in a row;
    meanwhile the band is the one from before it, and nothing is learned. What lasts is accepted as the normal level,
    and what then comes back after all was an outage, and is not learned either.

    Args:
        history: its newest column is the tick.
        findings: one per row of the history, observed.
        signals: by name.
        parts: what was said of the blocks.
    """
    if not parts:
        return
    judged = Judged._make(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    improbable = false_discoveries_controlled(judged.pvalue[:, None], FALSE_DISCOVERIES)[:, 0]
    for at, row in enumerate(judged.rows.tolist()):
        finding = findings[row]
        signal = signals[finding.series.signal]
        _update(history, finding, signal, judged, at, improbable=bool(improbable[at]))
        _learn(history, row, finding, signal)
    # As columns go further apart, what was judged may for a while have too few of them.
    live = np.flatnonzero(~np.isnan(history.fine.values[:, -1]))
    for row in np.setdiff1d(live, judged.rows, assume_unique=True).tolist():
        finding = findings[row]
        if not (finding.anomaly or math.isnan(finding.zscore)):
            finding.expected = finding.lower = finding.upper = finding.zscore = finding.pvalue = math.nan


def strides_of(history: History, rows: Rows, windows: Vector) -> Rows:
    """Return the ticks between the columns that series (n,) of these windows (n,) are judged by; 0 before enough past.

    The stride grows with a series' own past up to the window, because ticks within one window hold the same events:
    what looks like a long calm is then a single observation.
    """
    ages = history.fine.filled - _first_known(history.fine.values)[rows]
    widest = np.maximum(np.rint(windows / history.interval), 1)
    strides: Rows = np.minimum(np.maximum(ages // FEWEST_COLUMNS, 1), widest).astype(np.int64)
    strides[(ages < FEWEST_COLUMNS) | (ages * history.interval < _FEWEST_WINDOWS * windows)] = 0
    return strides


def _first_known(values: npt.NDArray[np.float64]) -> Rows:
    """Return each row's first column that is known (n,), some rows at a time."""
    starts = range(0, len(values), SERIES_AT_ONCE)
    parts = [np.isnan(values[start : start + SERIES_AT_ONCE]).argmin(axis=1) for start in starts]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _update(history: History, finding: Finding, signal: Signal, judged: Judged, at: int, *, improbable: bool) -> None:
    expected, lower, upper = float(judged.expected[at]), float(judged.lower[at]), float(judged.upper[at])
    pvalue = float(judged.pvalue[at])
    least = EFFECT * signal.regression_threshold * scale(signal, expected)
    chance = float(judged.chance[at])
    if math.isnan(chance):
        least = max(least, _SPREADS * float(judged.spread[at]))
    else:
        windows = min((finding.slot - finding.judged) * history.interval / signal.window_seconds, 1.0)
        finding.decades = added(finding.decades, chance, windows)
        improbable = (improbable and chance <= BY_CHANCE) or finding.decades >= DECADES
    finding.judged = finding.slot
    suspicious = improbable and worsening(signal, finding.value - expected) >= least
    episode = finding.episode
    if episode is None and suspicious:
        sigma = (upper - expected) / _BAND_SIGMAS
        episode = finding.episode = Episode(expected, lower, upper, sigma, least, finding.slot)
    if episode is not None and not finding.anomaly:
        episode.confirmed += 1
        if not suspicious:
            episode = finding.episode = None
        elif episode.confirmed >= CONFIRMATIONS:
            finding.anomaly = True
    if episode is None or not finding.anomaly:
        finding.expected, finding.lower, finding.upper = expected, lower, upper
        finding.zscore, finding.pvalue = float(judged.zscore[at]), pvalue
        return
    deviation = finding.value - episode.expected
    episode.calm = episode.calm + 1 if worsening(signal, deviation) < episode.least / 2 else 0
    if episode.calm >= CONFIRMATIONS:
        finding.anomaly, finding.episode, finding.decades = False, None, 0.0
    finding.expected, finding.lower, finding.upper = episode.expected, episode.lower, episode.upper
    limit = _LARGEST_ZSCORE * max(episode.sigma, 1e-300)
    finding.zscore = float(np.clip(deviation, -limit, limit) / max(episode.sigma, 1e-300))
    finding.pvalue = pvalue if finding.episode is None else min(pvalue, finding.pvalue)


def _learn(history: History, row: int, finding: Finding, signal: Signal) -> None:
    """Leave an anomaly's values out of what is learned; accept the level of one that lasts, until it comes back."""
    episode = finding.episode
    if episode is not None and finding.anomaly:
        ticks = finding.slot - episode.began + 1
        history.excluded.values[row, -ticks:] = True
        if ticks * history.interval > ACCEPTED_SECONDS:
            accept(history, row, finding, signal)
        return
    for accepted in revocable(history, finding):
        back = worsening(signal, finding.value - accepted.before) < accepted.least / 2
        accepted.calm = accepted.calm + 1 if back else 0
        if accepted.calm >= CONFIRMATIONS:
            revoke(history, row, finding, accepted)
            return


def scale(signal: Signal, level: float) -> float:
    """Return what a change of a signal's level is relative to."""
    return max(abs(level), RATIO_FLOOR) if signal.measure == "ratio" else abs(level)


def worsening(signal: Signal, change: float) -> float:
    """Return how much worse a change of the value is; negative is better."""
    return {"higher": change, "lower": -change, "both": abs(change)}[signal.worse]
