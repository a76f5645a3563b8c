"""Detail: one series as its page draws it, the past judged anew from what is remembered of it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.acceptance import corrected
from agentgauge.analyzer.anomalies import strides_of
from agentgauge.analyzer.findings import Accepted, Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.levels import FEWEST_STEPS, continued
from agentgauge.analyzer.statistics import change_points, detect, forecast
from agentgauge.configuration import Signal
from agentgauge.web.status import Change, Expected, SignalDetail, SignalRow

Vector = npt.NDArray[np.float64]

_NAN: Final = float("nan")


class Remembered(NamedTuple):
    """Copies of what is remembered of one series, so that it can be judged while the analyzer goes on.

    Args:
        slots, times, values: of the ticks, NaN where missing.
        excluded: which ticks were anomalous, and are not learned from.
        accepted: the anomalies that became the normal level.
        stride: ticks between the columns that are judged; 0 before there is enough past.
        step_times, steps: the complete coarse steps, known by their end.
        step: seconds of a coarse step.
    """

    slots: npt.NDArray[np.int64]
    times: Vector
    values: Vector
    excluded: npt.NDArray[np.bool_]
    accepted: tuple[Accepted, ...]
    stride: int
    step_times: Vector
    steps: Vector
    step: float


def remembered(history: History, row: int, finding: Finding, window_seconds: float) -> Remembered:
    """Copy one row of the history, whose finding is this and whose signal has this window."""
    fine, coarse = history.fine, history.coarse
    assert fine.slot is not None
    assert coarse.slot is not None
    step_slots = (coarse.slot - np.arange(coarse.filled)[::-1])[:-1]
    excluded = history.excluded.values[row]
    slots = fine.slot - np.arange(fine.filled)[::-1]
    return Remembered(
        slots,
        (slots * history.interval).astype(np.float64),
        fine.values[row].copy(),
        # A window that was filled from a source reaches further back than its anomalies.
        np.concatenate([np.zeros(max(fine.filled - len(excluded), 0), dtype=np.bool_), excluded[-fine.filled :]]),
        finding.accepted,
        int(strides_of(history, np.array([row]), np.array([window_seconds]))[0]),
        (step_slots * history.coarse_step).astype(np.float64),
        coarse.values[row, :-1].copy(),
        history.coarse_step,
    )


def detail_of(row: SignalRow, finding: Finding, signal: Signal, past: Remembered, horizon: float) -> SignalDetail:
    """Judge one series' past.

    Args:
        row: what was found of it now.
        finding: the same, as the analyzer keeps it; only what does not change once set is read.
        signal: its declaration.
        past: what is remembered of it.
        horizon: seconds to forecast.
    """
    known = np.flatnonzero(~np.isnan(past.values))
    first = known[0] if known.size else len(past.values)
    ticks = list(zip(past.times[first:].tolist(), past.values[first:].tolist(), strict=True))
    some = np.flatnonzero(~np.isnan(past.steps))
    start = some[0] if some.size else len(past.steps)
    step_times, steps = past.step_times[start:], past.steps[start:]
    spoken = some.size >= FEWEST_STEPS
    changes = _changes(step_times, steps, past.step) if spoken else []
    ahead = _ahead(signal, step_times, steps, past.step, horizon) if spoken else []
    began = _interval(past) if len(past.times) > 1 else 0.0
    # What was accepted as the new level is learned from, but was an anomaly all the same.
    anomalies = _spans(past.times, past.excluded | _anomalous(past.accepted, past.slots), began)
    threshold = _NAN if signal.threshold is None else signal.threshold
    return SignalDetail(
        row,
        signal.worse,
        signal.window_seconds,
        ticks,
        _band(row, signal, past),
        anomalies,
        anomalies[-1][0] if row.anomaly and anomalies else (finding.change or _NAN) if row.regression else _NAN,
        list(zip(step_times.tolist(), steps.tolist(), strict=True)),
        changes,
        ahead,
        finding.trend,
        finding.regression_pvalue,
        threshold,
        (finding.eta, finding.eta_soonest, finding.eta_latest),
    )


def _band(row: SignalRow, signal: Signal, past: Remembered) -> list[Expected]:
    if not past.stride:
        return []
    columns = np.arange(len(past.times) - 1, -1, -past.stride)[::-1]
    times, slots = past.times[columns], past.slots[columns]
    # As in the analyzer, an anomaly is judged from what was before it, until it is accepted.
    values = np.where(past.excluded, np.nan, past.values)[columns]
    band: list[Expected] = []
    for number in range(len(past.accepted) + 1):
        still = np.where(_anomalous(past.accepted[number:], slots), np.nan, values)
        found = detect(times, corrected(still, slots, past.accepted[:number], signal, interval=_interval(past))[None])
        until = past.accepted[number].ended if number < len(past.accepted) else slots[-1]
        some = slice(len(band), int(np.searchsorted(slots, until, side="right")))
        edges = (found.expected[0, some], found.lower[0, some], found.upper[0, some])
        band += [Expected(*point) for point in zip(*(part.tolist() for part in (times[some], *edges)), strict=True)]
    return [*band[:-1], Expected(float(times[-1]), row.expected, row.lower, row.upper)]


def _anomalous(accepted: Sequence[Accepted], slots: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which slots were anomalous until these were accepted."""
    flags = np.zeros(len(slots), dtype=np.bool_)
    for one in accepted:
        flags |= (slots >= one.began) & (slots <= one.ended)
    return flags


def _interval(past: Remembered) -> float:
    return float(past.times[-1] - past.times[-2])


def _spans(times: Vector, flags: npt.NDArray[np.bool_], interval: float) -> list[tuple[float, float]]:
    """Return (from, to) of each run of flags; one tick lasts an interval."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [(float(times[a]), float(times[b - 1] + interval)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _changes(times: Vector, steps: Vector, step: float) -> list[Change]:
    # The level is new from the start of a step on, and a step is known by its end.
    return [
        Change(float(times[point.index] - step), point.before, point.after) for point in change_points(steps[None])[0]
    ]


def _ahead(signal: Signal, times: Vector, steps: Vector, step: float, horizon: float) -> list[Expected]:
    made = forecast(steps[None], max(1, round(horizon / step)))
    paths = continued(signal, steps, (made.mean[0], made.lower[0], made.upper[0]))
    mean, lower, upper = (path.tolist() for path in paths)
    after = (times[-1] + step * np.arange(1, len(mean) + 1)).tolist()
    return [Expected(*point) for point in zip(after, mean, lower, upper, strict=True)]
