"""A signal's page: its charts, and in numbers what the analyzer sees."""

import math
from collections.abc import Iterator
from typing import Final

from agentgauge.web import text
from agentgauge.web.axes import clock
from agentgauge.web.chart import Band, Chart, Line, Mark, draw
from agentgauge.web.related import related_card
from agentgauge.web.signals import heading, probability, signed, state
from agentgauge.web.status import Change, SignalDetail
from agentgauge.web.tables import Row, card, table
from agentgauge.web.text import NONE, Html, html, join
from agentgauge.web.units import Unit, unit_of

_CHANGES_SHOWN: Final = 3
_CHANGES_LISTED: Final = 12
_LATE_SECONDS: Final = 3600.0
_LEGENDS: Final = {
    "value": "value",
    "expected": "expected",
    "band": "band that holds 95 % of values in ordinary times",
    "span": "anomaly",
    "plateau": "level",
    "change": "change of level",
    "forecast": "forecast",
    "interval": "its 95 % interval",
    "level": "threshold",
}


def signal_body(detail: SignalDetail, now: float) -> Html:
    """Return the cards of one series' page.

    Args:
        detail: what the analyzer sees.
        now: unix seconds.
    """
    row = detail.row
    unit = unit_of(row.signal)
    words = heading(row)
    labels = join(
        Html(f"<div><dt>{html(name)}</dt><dd>{html(value)}</dd></div>") for name, value in sorted(row.labels.items())
    )
    first = Html(
        f'<section class="card"><h1 class="signal">{words} {state(row)}</h1>'
        f'<dl class="labels">{labels}</dl><dl class="facts">{join(_facts(detail, unit, now))}</dl></section>'
    )
    late, levels, changes = (part(detail, unit, now) for part in (_late_card, _levels_card, _changes_card))
    return join([first, late, related_card(detail.related), levels, changes])


def _facts(detail: SignalDetail, unit: Unit, now: float) -> Iterator[Html]:
    row = detail.row
    yield _fact("Value", unit.say(row.value), f"over {text.seconds(detail.window_seconds)}")
    if math.isfinite(row.expected):
        banded = math.isfinite(row.lower) and math.isfinite(row.upper)
        yield _fact("Expected", unit.say(row.expected), unit.band(row.lower, row.upper) if banded else "")
    if math.isfinite(row.zscore):
        yield _fact("Deviation", f"z {signed(row.zscore)}", f"p {probability(row.pvalue)}")
    if math.isfinite(detail.since):
        what = "anomalous" if row.anomaly else "at this level"
        yield _fact("Since", clock(detail.since, now), f"{what} for {text.seconds(max(now - detail.since, 0.0))}")
    if math.isfinite(row.regression_ratio):
        known = math.isfinite(detail.regression_pvalue)
        note = "against the baseline" + (f", p {probability(detail.regression_pvalue)}" if known else "")
        yield _fact("Level", signed_percent(row.regression_ratio), note)
    if math.isfinite(detail.trend):
        size = unit.say(abs(detail.trend))
        sign = "" if not detail.trend else "+" if detail.trend > 0 else "−"
        yield _fact("Trend", "≈ 0" if size.startswith("<") else f"{sign}{size}", "per hour")
    if detail.ahead:
        last = detail.ahead[-1]
        ahead = text.seconds(round(last.time - (detail.ahead[0].time - _step(detail)), -1))
        yield _fact(f"Forecast, in {ahead}", unit.say(last.value), unit.band(last.lower, last.upper))
    if math.isfinite(detail.threshold):
        yield _fact("Threshold", unit.say(detail.threshold), _crossing(*detail.eta))
    if math.isfinite(row.predicted_in):
        yield _fact("Regression ahead", f"in {text.seconds(row.predicted_in)}", "if it goes on so")
    if row.leak:
        yield _fact("Leak", "grows", "and is never given back")
    yield _fact("Worse", {"higher": "when it rises", "lower": "when it falls"}.get(detail.worse, "either way"), "")


def _crossing(eta: float, soonest: float, latest: float) -> str:
    """Say when a threshold is crossed, each a number of seconds or NaN for not before the horizon."""
    if eta == 0:
        return "crossed"
    words = f"crossed in {text.seconds(eta)}" if eta > 0 else "not crossed before the horizon"
    if soonest >= 0 and soonest != eta:
        words += f", at the soonest {'now' if soonest == 0 else f'in {text.seconds(soonest)}'}"
    return words + (f", at the latest in {text.seconds(latest)}" if latest > 0 and latest != eta else "")


def _fact(name: str, value: str, note: str) -> Html:
    return Html(f"<div><dt>{html(name)}</dt><dd>{html(value)}<small>{html(note)}</small></dd></div>")


def signed_percent(change: float) -> str:
    """Write a change of level: +42 %, −3 %."""
    return f"{'+' if change >= 0 else '−'}{text.percent(abs(change))}"


def _late_card(detail: SignalDetail, unit: Unit, now: float) -> Html:
    """The last hour, tick by tick, with what was expected."""
    ticks = [point for point in detail.ticks if point[0] >= detail.ticks[-1][0] - _LATE_SECONDS]
    known = [value for _, value in ticks if math.isfinite(value)]
    if len(known) < 2:
        return card(
            "Value and expected band", "", Html("<p>Two values make a line; they come with the next ticks.</p>")
        )
    start, end = ticks[0][0], ticks[-1][0]
    band = [point for point in detail.band if point.time >= start]
    spans = [(max(begin, start), finish) for begin, finish in detail.anomalies if finish > start]
    rings = [_farthest(detail, span) for span in spans]
    marks = [_change_mark(change, unit) for change in detail.changes if change.time > start][-_CHANGES_SHOWN:]
    words = (
        f"{len(known)} values from {unit.say(min(known))} to {unit.say(max(known))}, the last {unit.say(known[-1])}. "
    )
    if math.isfinite(detail.row.lower):
        words += f"Expected now: {unit.band(detail.row.lower, detail.row.upper)}. "
    words += " ".join(
        f"Anomaly from {clock(begin, now)} to {clock(finish, now)}, as far as {unit.say(ring[1])}."
        for (begin, finish), ring in zip(spans, rings, strict=True)
    )
    chart = Chart(
        "late",
        f"{detail.row.signal}, {_period(start, end, now)}",
        words,
        start,
        end,
        unit,
        [Line([(point.time, unit.inside(point.value)) for point in band], "expected"), Line(ticks, "value")],
        [Band([(point.time, unit.inside(point.lower), unit.inside(point.upper)) for point in band], "band")],
        spans=spans,
        rings=rings,
        marks=marks,
    )
    shown = ["value", *(["expected", "band"] if band else []), *(["span"] if spans else [])]
    shown += ["change"] if marks else []
    note = "" if band else '<p class="note">The band appears once there is enough of the series’ own past.</p>'
    aside = f"{_period(start, end, now)}, every {text.seconds(ticks[1][0] - ticks[0][0])}"
    return card("Value and expected band", aside, draw(chart), _legend(shown), Html(note))


def _levels_card(detail: SignalDetail, unit: Unit, now: float) -> Html:
    """The whole history step by step with its levels, and the forecast."""
    known = [value for _, value in detail.steps if math.isfinite(value)]
    if len(known) < 2 or not detail.ahead:
        words = "Levels and a forecast need a quarter of an hour of values, with the default settings."
        return card("Levels and forecast", "", Html(f"<p>{words}</p>"))
    start, present, end = detail.steps[0][0], detail.steps[-1][0], detail.ahead[-1].time
    last = detail.ahead[-1]
    recent = detail.changes[-_CHANGES_SHOWN:]
    words = f"Means of {text.seconds(_step(detail))} from {unit.say(min(known))} to {unit.say(max(known))}. "
    words += " ".join(f"Level changed at {clock(c.time, now)}: {_before_after(c, unit)}." for c in recent)
    words += (
        f" Forecast for {clock(last.time, now)}: {unit.say(last.value)}, between {unit.band(last.lower, last.upper)}."
    )
    spans = [span for span in detail.anomalies if span[1] > start]
    chart = Chart(
        "levels",
        f"{detail.row.signal}: levels and forecast, {_period(start, end, now)}",
        words,
        start,
        end,
        unit,
        [
            Line(detail.steps, "value"),
            *_plateaus(detail, start, present),
            Line([detail.steps[-1], *((point.time, point.value) for point in detail.ahead)], "forecast"),
        ],
        [Band([(point.time, point.lower, point.upper) for point in detail.ahead], "interval")],
        level=("threshold", detail.threshold),
        spans=spans,
        marks=[*(_change_mark(change, unit) for change in recent), Mark(present, "forecast →", "now")],
    )
    shown = ["value", *(["span"] if spans else []), *(["plateau", "change"] if detail.changes else [])]
    shown += ["forecast", "interval", *(["level"] if math.isfinite(detail.threshold) else [])]
    aside = f"{_period(start, end, now)}, means of {text.seconds(_step(detail))}"
    return card("Levels and forecast", aside, draw(chart), _legend(shown))


def _changes_card(detail: SignalDetail, unit: Unit, now: float) -> Html:
    """The changes of level in numbers, the latest first."""
    if not detail.changes:
        return Html("")
    rows = [
        Row(
            html(clock(change.time, now)),
            [
                html(unit.say(change.before)),
                html(unit.say(change.after)),
                html(signed_percent((change.after - change.before) / abs(change.before)) if change.before else NONE),
            ],
        )
        for change in reversed(detail.changes[-_CHANGES_LISTED:])
    ]
    return card("Changes of level", "UTC", table(["When", "Before", "After", "Change"], rows))


def _plateaus(detail: SignalDetail, start: float, end: float) -> Iterator[Line]:
    """The level between the changes, a line each."""
    changes = detail.changes
    for number, change in enumerate(changes):
        begin = changes[number - 1].time if number else start
        yield Line([(begin, change.before), (change.time, change.before)], "plateau")
    if changes:
        yield Line([(changes[-1].time, changes[-1].after), (end, changes[-1].after)], "plateau")


def _farthest(detail: SignalDetail, span: tuple[float, float]) -> tuple[float, float]:
    """Return the point of an anomaly that is farthest from what is expected."""
    inside = [point for point in detail.ticks if span[0] <= point[0] < span[1] and math.isfinite(point[1])]
    usual = [point.value for point in detail.band if point.time < span[0] and math.isfinite(point.value)]
    centre = usual[-1] if usual else 0.0
    return max(inside, key=lambda point: abs(point[1] - centre), default=(span[0], math.nan))


def _change_mark(change: Change, unit: Unit) -> Mark:
    return Mark(change.time, _before_after(change, unit), "change")


def _before_after(change: Change, unit: Unit) -> str:
    return f"{unit.say(change.before)} → {unit.say(change.after)}"


def _step(detail: SignalDetail) -> float:
    return detail.steps[1][0] - detail.steps[0][0] if len(detail.steps) > 1 else 60.0


def _period(start: float, end: float, now: float) -> str:
    return f"{clock(start, now)} to {clock(end, now)} UTC"


def _legend(names: list[str]) -> Html:
    """Return the keys of what is drawn: each a small drawing and a word, so that colour is not all that tells."""
    keys = []
    for name in names:
        if name in ("band", "interval"):
            drawing = f'<rect class="{name}" width="22" height="10"/>'
        elif name == "span":
            drawing = '<rect class="span key" width="22" height="10"/><circle class="ring" cx="11" cy="5" r="4"/>'
        else:
            drawing = f'<line class="{name}" x1="0" x2="22" y1="5" y2="5"/>'
        keys.append(
            Html(
                f'<li><svg class="key" viewBox="0 0 22 10" width="22" height="10" aria-hidden="true">{drawing}</svg>'
                f"{html(_LEGENDS[name])}</li>"
            )
        )
    return Html(f'<ul class="legend">{join(keys)}</ul>')
