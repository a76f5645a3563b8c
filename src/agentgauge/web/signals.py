"""The page's signals: value, expected band, how unlikely, and a line of their past."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from agentgauge.web import text
from agentgauge.web.sparkline import sparkline
from agentgauge.web.status import SignalRow
from agentgauge.web.tables import Row, card, is_sample, table
from agentgauge.web.text import NONE, Html, html

_FIRST_ROWS: Final = 6
_MAX_ROWS: Final = 60
_COLUMNS: Final = ("Signal", "State", "Value", "Expected", "z", "p", "Recent")
_UNITS: Final[tuple[tuple[str, Callable[[float], str]], ...]] = (
    ("cost_rate", lambda value: f"{text.money(value)}/h" if math.isfinite(value) else NONE),
    ("token_usage", lambda value: f"{text.count(value)}/s" if math.isfinite(value) else NONE),
    ("duration", text.seconds),
    ("ratio", text.percent),
    ("score", text.percent),
    ("cost", text.money),
)


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
    shown = max(_FIRST_ROWS, sum(row.anomaly or row.regression for row in order))
    hidden = len(order) - shown
    more = f'<p class="note"><a href="#signals">{hidden} more below</a></p>' if hidden > 0 else ""
    return card("Signals", f"{len(order)} watched, the unusual ones first", _table(order[:shown]), Html(more))


def all_signals_card(signals: Sequence[SignalRow] | None) -> Html:
    """All signals, where the first card does not hold them: anomalous, then regressed, then the least expected."""
    if signals is None or len(signals) <= _FIRST_ROWS:
        return Html("")
    order = sorted(signals, key=_rank)
    hidden = len(order) - _MAX_ROWS
    more = f'<p class="note">and {hidden} more in <a href="/metrics">/metrics</a></p>' if hidden > 0 else ""
    return card("All signals", "", _table(order[:_MAX_ROWS]), Html(more), anchor="signals")


def _table(rows: Sequence[SignalRow]) -> Html:
    return table(_COLUMNS, [_row(row) for row in rows], "signals")


def _rank(row: SignalRow) -> tuple[object, ...]:
    distance = abs(row.zscore) if math.isfinite(row.zscore) else -1.0
    return not row.anomaly, not row.regression, -distance, row.signal, sorted(row.labels.items())


def _row(row: SignalRow) -> Row:
    unit = _unit(row.signal)
    labels = " · ".join(value for _, value in sorted(row.labels.items()) if value)
    names = ", ".join(f"{name}={value}" for name, value in sorted(row.labels.items()))
    badge = ' <span class="pill sample">sample data</span>' if any(map(is_sample, row.labels.values())) else ""
    head = Html(f'{html(row.signal)}{badge}<small title="{html(names)}">{html(labels)}</small>')
    banded = math.isfinite(row.lower) and math.isfinite(row.upper)
    band = f"{unit(row.lower)} … {unit(row.upper)}" if banded else unit(row.expected)
    spoken = f"{row.signal} {labels}: {unit(row.value)}, expected {band}"
    cells = [
        _state(row),
        Html(f"<b>{html(unit(row.value))}</b>"),
        html(band),
        html(f"{row.zscore:+.1f}") if math.isfinite(row.zscore) else NONE,
        html(_probability(row.pvalue)),
        sparkline(row.history or (), row.lower, row.upper, spoken),
    ]
    return Row(head, cells, "anomaly" if row.anomaly else "regression" if row.regression else "")


def _state(row: SignalRow) -> Html:
    pills = []
    if row.anomaly:
        pills.append('<span class="pill bad">anomaly</span>')
    if row.regression:
        change = row.regression_ratio
        words = f" {'+' if change >= 0 else '−'}{text.percent(abs(change))}" if math.isfinite(change) else ""
        pills.append(f'<span class="pill warn">regression{html(words)}</span>')
    if not pills:
        learning = not math.isfinite(row.zscore)
        pills.append('<span class="pill">learning</span>' if learning else '<span class="pill good">as expected</span>')
    return Html(" ".join(pills))


def _unit(signal: str) -> Callable[[float], str]:
    return next((unit for word, unit in _UNITS if word in signal), text.significant)


def _probability(value: float) -> str:
    if not math.isfinite(value):
        return NONE
    return f"{value:.2f}" if value >= 0.01 else "<0.0001" if value < 1e-4 else f"{value:.4f}"
