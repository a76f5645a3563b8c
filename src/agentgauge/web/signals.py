"""The page's signals: value, expected band, how unlikely, and a line of their past."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlencode

from agentgauge.web import text
from agentgauge.web.sparkline import sparkline
from agentgauge.web.status import SignalRow
from agentgauge.web.tables import Row, card, is_sample, table
from agentgauge.web.text import NONE, Html, html, join
from agentgauge.web.units import unit_of

_FIRST_ROWS: Final = 6
_UNUSUAL_ROWS: Final = 24
_PAGE_ROWS: Final = 50
_NAMES_OFFERED: Final = 60
_COLUMNS: Final = ("Signal", "State", "Value", "Expected", "z", "p", "Recent")


def signals_card(signals: Sequence[SignalRow] | None, *, by_itself: bool) -> Html:
    """The unusual signals, or some of the others, with a link to all of them.

    Args:
        signals: None where no analyzer runs in this process.
        by_itself: whether the page belongs to an exporter without analyzer, which says where to find one.
    """
    if signals is None:
        if not by_itself:
            return Html("")
        hint = (
            "<p>Signals are judged by the analyzer, which does not run in this process. "
            "<code>agentgauge serve</code> runs both; with Prometheus, "
            "<code>agentgauge analyzer --prometheus.url http://127.0.0.1:9090</code> runs beside it.</p>"
        )
        return card("Signals", "", Html(hint))
    if not signals:
        hint = (
            "<p>No signal has a value yet. One appears as soon as an agent, a tool, a model or a hook is called a few "
            "times, and is judged once there is enough of its past to compare with.</p>"
        )
        return card("Signals", "", Html(hint))
    order = sorted(signals, key=_rank)
    unusual = sum(row.anomaly or row.regression or row.leak or math.isfinite(row.predicted_in) for row in order)
    shown = max(_FIRST_ROWS, min(unusual, _UNUSUAL_ROWS))
    hidden = len(order) - shown
    more = f'<p class="note"><a href="#signals">{hidden} more below</a></p>' if hidden > 0 else ""
    return card("Signals", f"{len(order)} watched, the unusual ones first", _table(order[:shown]), Html(more))


def all_signals_card(signals: Sequence[SignalRow] | None) -> Html:
    """The first page of all signals, where the first card does not hold them."""
    if signals is None or len(signals) <= _FIRST_ROWS:
        return Html("")
    order = sorted(signals, key=_rank)
    hidden = len(order) - _PAGE_ROWS
    more = f'<p class="note"><a href="/signals?page=2">{hidden} more</a></p>' if hidden > 0 else ""
    return card("All signals", "", _table(order[:_PAGE_ROWS]), Html(more), anchor="signals")


def signals_body(signals: Sequence[SignalRow], number: int, name: str) -> Html:
    """Return one page of the list of all series.

    Args:
        signals: all of them.
        number: of the page, from 1; beyond the last it is the last.
        name: only the series of this signal; empty for all.
    """
    chosen = sorted((row for row in signals if name in ("", row.signal)), key=_rank)
    pages = max(math.ceil(len(chosen) / _PAGE_ROWS), 1)
    number = min(max(number, 1), pages)
    first = (number - 1) * _PAGE_ROWS
    rows = chosen[first : first + _PAGE_ROWS]
    aside = f"{first + 1} to {first + len(rows)} of {len(chosen)}, the unusual ones first" if rows else "none"
    turns = [
        Html(f'<a rel="{rel}" href="{html(_list_url(at, name))}">{words}</a>')
        for at, rel, words in ((number - 1, "prev", "← before"), (number + 1, "next", "after →"))
        if 1 <= at <= pages
    ]
    turning = Html(f'<p class="turn">{join(turns, " ")}</p>') if turns else Html("")
    title = f"Signals named {name}" if name else "All signals"
    return card(title, aside, _names(signals, name), _table(rows) if rows else Html(""), turning)


def signal_url(row: SignalRow) -> str:
    """Return the address of a series' page."""
    labels = urlencode(sorted(row.labels.items()), errors="replace")
    return f"/signals/{quote(row.signal, safe='', errors='replace')}?{labels}"


def _list_url(number: int, name: str) -> str:
    return "/signals?" + urlencode({"page": number, **({"name": name} if name else {})}, errors="replace")


def _names(signals: Sequence[SignalRow], chosen: str) -> Html:
    """Links to the series of one signal each."""
    counts = Counter(row.signal for row in signals)
    links = [("all", "", len(signals)), *((name, name, count) for name, count in sorted(counts.items()))]
    parts = [
        Html(
            f'<a class="pill{" good" if name == chosen else ""}" href="{html(_list_url(1, name))}"'
            f"{' aria-current=page' if name == chosen else ''}>{html(words)} {count}</a>"
        )
        for words, name, count in links[:_NAMES_OFFERED]
    ]
    return Html(f'<nav class="names" aria-label="Signals by name">{join(parts, " ")}</nav>')


def _table(rows: Sequence[SignalRow]) -> Html:
    return table(_COLUMNS, [_row(row) for row in rows], "signals")


def _rank(row: SignalRow) -> tuple[object, ...]:
    distance = abs(row.zscore) if math.isfinite(row.zscore) else -1.0
    coming = row.leak or math.isfinite(row.predicted_in)
    return not row.anomaly, not row.regression, not coming, -distance, row.signal, sorted(row.labels.items())


def _row(row: SignalRow) -> Row:
    unit = unit_of(row.signal)
    labels = _labels(row)
    banded = math.isfinite(row.lower) and math.isfinite(row.upper)
    band = unit.band(row.lower, row.upper) if banded else unit.say(row.expected)
    spoken = f"{row.signal} {labels}: {unit.say(row.value)}, expected {band}"
    lower, upper = unit.inside(row.lower), unit.inside(row.upper)
    cells = [
        state(row),
        Html(f"<b>{html(unit.say(row.value))}</b>"),
        html(band),
        html(signed(row.zscore)) if math.isfinite(row.zscore) else NONE,
        html(probability(row.pvalue)),
        sparkline(row.history or (), lower, upper, spoken, unusual=row.unusual, change=row.change),
    ]
    return Row(linked(row), cells, "anomaly" if row.anomaly else "regression" if row.regression else "")


def linked(row: SignalRow) -> Html:
    """Return a series' name and labels, with a link to its page."""
    names = ", ".join(f"{name}={value}" for name, value in sorted(row.labels.items()))
    return Html(
        f'<a href="{html(signal_url(row))}">{html(row.signal)}</a>{_badge(row)}'
        f'<small title="{html(names)}">{html(_labels(row))}</small>'
    )


def _labels(row: SignalRow) -> str:
    return " · ".join(value for _, value in sorted(row.labels.items()) if value)


def heading(row: SignalRow) -> Html:
    """Return a signal's name, and a badge where it is the sample's."""
    return Html(f"{html(row.signal)}{_badge(row)}")


def _badge(row: SignalRow) -> str:
    return ' <span class="pill sample">sample data</span>' if any(map(is_sample, row.labels.values())) else ""


def state(row: SignalRow) -> Html:
    """Return a signal's state in words."""
    pills = []
    if row.anomaly:
        pills.append('<span class="pill bad">anomaly</span>')
    if row.regression:
        change = row.regression_ratio
        words = f" {'+' if change >= 0 else '−'}{text.percent(abs(change))}" if math.isfinite(change) else ""
        pills.append(f'<span class="pill warn">regression{html(words)}</span>')
    if math.isfinite(row.predicted_in) and not row.regression:
        pills.append(f'<span class="pill warn">regression in {html(text.seconds(row.predicted_in))}</span>')
    if row.leak:
        pills.append('<span class="pill warn">leak</span>')
    if not pills:
        learning = not math.isfinite(row.zscore)
        pills.append('<span class="pill">learning</span>' if learning else '<span class="pill good">as expected</span>')
    return Html(" ".join(pills))


def signed(zscore: float) -> str:
    """Write a z-score: +2.3, −0.4, 0.0."""
    digits = f"{abs(zscore):.1f}"
    return digits if digits == "0.0" else f"{'+' if zscore > 0 else '−'}{digits}"


def probability(value: float) -> str:
    """Write a p-value."""
    if not math.isfinite(value):
        return NONE
    return f"{value:.2f}" if value >= 0.01 else "<0.0001" if value < 1e-4 else f"{value:.4f}"
