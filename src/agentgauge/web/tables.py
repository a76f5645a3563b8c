"""The page's tables of calls, tokens, processes, budgets and what is watched."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from agentgauge.web import text
from agentgauge.web.activity import SECTION_BUCKETS, Key, Tally, quantile
from agentgauge.web.status import Status, Watched
from agentgauge.web.text import NONE, Html, html, join

MAX_ROWS: Final = 12
_NOTHING: Final = Tally()
_ERROR_SHARE_WARN, _ERROR_SHARE_BAD = 0.02, 0.1
_BUDGET_WARN: Final = 0.8


class Row(NamedTuple):
    """One row: its heading, its cells, and a class."""

    head: Html
    cells: Sequence[Html]
    css: str = ""


def table(columns: Sequence[str], rows: Iterable[Row], css: str = "") -> Html:
    """Lay out a table that becomes a list of cards on a phone.

    Args:
        columns: the heading's column first.
        rows: with one cell less than there are columns.
        css: a class that sets the columns' widths.
    """
    head = join(Html(f'<th scope="col">{html(name)}</th>') for name in columns)
    body = []
    for row in rows:
        cells = join(
            # A phone has no room for what is not known.
            Html(
                f'<td class="none">{cell}</td>'
                if cell in ("", NONE)
                else f'<td data-label="{html(name)}"><span>{cell}</span></td>'
            )
            for name, cell in zip(columns[1:], row.cells, strict=True)
        )
        opening = f'<tr class="{html(row.css)}">' if row.css else "<tr>"
        body.append(f'{opening}<th scope="row">{row.head}</th>{cells}</tr>')
    return Html(
        f'<table class="{html(f"fold {css}".strip())}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def card(title: str, aside: str, *content: Html, anchor: str = "") -> Html:
    """Put content under a heading."""
    small = f" <small>{html(aside)}</small>" if aside else ""
    place = f' id="{html(anchor)}"' if anchor else ""
    return Html(f'<section class="card"{place}><h2>{html(title)}{small}</h2>{join(content)}</section>')


def calls_card(status: Status, section: str, title: str, first: str, empty: Html) -> Html:
    """Rate, errors and duration of one section, the busiest first; ``empty`` where nothing was ever called."""
    totals = (status.totals or {}).get(section, {})
    recent = status.recent.get(section, {})
    called = {key: tally for key, tally in totals.items() if tally.calls}
    if not called:
        return card(title, "", empty)
    order = sorted(called, key=lambda key: (-recent.get(key, _NOTHING).calls, -called[key].calls, key))
    rows = [_calls_row(section, key, called[key], recent.get(key, _NOTHING)) for key in order[:MAX_ROWS]]
    columns = [first, window_words(status).capitalize(), "Failed", "p50", "p95", "In all", "Failed in all"]
    return card(title, "", table(columns, rows), _more(len(order)))


def _calls_row(section: str, key: Key, total: Tally, recent: Tally) -> Row:
    bounds = SECTION_BUCKETS[section]
    # Where nothing happened lately the durations of all time say more than a dash.
    durations = recent if recent.calls else total
    soft = "" if recent.calls else ' class="soft"'
    cells = [
        Html(text.count(recent.calls)),
        _errors(recent),
        *(
            Html(f"<span{soft}>{text.seconds(quantile(share, bounds, durations.counts))}</span>")
            for share in (0.5, 0.95)
        ),
        Html(text.count(total.calls)),
        _errors(total),
    ]
    return Row(_head(key), cells)


def _errors(tally: Tally) -> Html:
    if not tally.calls:
        return NONE
    share = tally.errors / tally.calls
    css = "bad-text" if share >= _ERROR_SHARE_BAD else "warn-text" if share >= _ERROR_SHARE_WARN else ""
    blocked = tally.amount("blocked")
    extra = f" <small>+ {text.count(blocked)} blocked</small>" if blocked else ""
    words = text.percent(share) if tally.errors else "0"
    return Html((f'<span class="{css}">{words}</span>' if css else words) + extra)


def tokens_card(status: Status) -> Html:
    """Tokens and cost per model, the dearest first; nothing where no model was called."""
    totals = (status.totals or {}).get("model", {})
    recent = status.recent.get("model", {})
    used = {key: tally for key, tally in totals.items() if any(value for _, value in tally.amounts)}
    if not used:
        return Html("")
    order = sorted(used, key=lambda key: (-used[key].amount("cost"), -used[key].amount("input"), key))
    rows = []
    for key in order[:MAX_ROWS]:
        total, lately = used[key], recent.get(key, _NOTHING)
        unpriced = total.amount("unpriced")
        cached = total.amount("cached") / total.amount("input") if total.amount("input") else float("nan")
        note = f"<br><small>{text.count(unpriced)} calls without price</small>" if unpriced else ""
        rows.append(
            Row(
                _head(key),
                [
                    Html(text.count(total.amount("input"))),
                    Html(text.percent(cached)),
                    Html(text.count(total.amount("output"))),
                    Html(text.money(lately.amount("cost"))),
                    Html(text.money(total.amount("cost")) + note),
                ],
            )
        )
    cost = f"Cost, {window_words(status)}"
    columns = ["Model", "Input tokens", "From cache", "Output tokens", cost, "Cost in all"]
    return card("Tokens and cost", "", table(columns, rows), _more(len(order)))


def budgets_card(status: Status) -> Html:
    """Budgets with a bar each; nothing where none is configured."""
    if not status.budgets:
        return Html("")
    rows = []
    for budget in status.budgets:
        css = "bad" if budget.used_ratio >= 1 else "warn" if budget.used_ratio >= _BUDGET_WARN else "good"
        width = min(max(budget.used_ratio, 0.0), 1.0) * 100
        bar = (
            f'<span class="bar {css}"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect width="{width:.1f}" height="8"/></svg></span>'
        )
        used = Html(
            f"{text.money(budget.used_ratio * budget.limit_usd)} <small>of {text.money(budget.limit_usd)}</small>"
        )
        rows.append(
            Row(
                html(budget.name),
                [html(f"per {budget.period}"), used, Html(f"{text.percent(budget.used_ratio)} {bar}")],
            )
        )
    return card("Budgets", "UTC periods", table(["Budget", "Period", "Spent", "Used"], rows))


def processes_card(status: Status) -> Html:
    """Processes per role; nothing where none runs."""
    if not status.processes:
        return Html("")
    cpu = status.recent.get("process", {})
    span = status.recent_seconds
    rows = [
        Row(
            html(row.role),
            [
                Html(text.count(row.processes)),
                Html(text.percent(cpu.get((row.role,), _NOTHING).amount("cpu") / span) if span else NONE),
                Html(text.size(row.resident_bytes)),
                Html(text.count(row.threads)),
                Html(text.count(row.open_fds)),
            ],
        )
        for row in sorted(status.processes, key=lambda row: row.role)[:MAX_ROWS]
    ]
    columns = ["Role", "Processes", "CPU", "Memory", "Threads", "Open files"]
    return card("Processes", "CPU of one core", table(columns, rows), _more(len(status.processes)))


def watched_card(watched: Sequence[Watched]) -> Html:
    """What is watched, what was read from it, and what to do where there is nothing."""
    rows = []
    for item in watched:
        refused = {name: value for name, value in item.counts.items() if name != "accepted" and value}
        words = ", ".join(f"{text.count(value)} {name}" for name, value in refused.items())
        hint = f"<br><small>{html(item.hint)}</small>" if item.hint else ""
        rows.append(
            Row(
                Html(f"{html(item.name)}<small>{html(item.detail)}</small>"),
                [
                    Html(f'<span class="pill {html(item.state)}">{html(item.summary)}</span>{hint}'),
                    Html(text.count(item.counts.get("accepted", 0.0))),
                    Html(f'<span class="warn-text">{html(words)}</span>' if words else "0"),
                ],
            )
        )
    return card("What is watched", "", table(["Source", "State", "Records", "Refused"], rows, "sources"))


def _head(key: Key) -> Html:
    name, *rest = key
    badge = ' <span class="pill sample">sample data</span>' if any(is_sample(part) for part in key) else ""
    below = " · ".join(part for part in rest if part)
    small = f"<small>{html(below)}</small>" if below else ""
    return Html(f"{html(name) if name else '<span class=soft>(no name)</span>'}{badge}{small}")


def window_words(status: Status) -> str:
    """Return what the recent column is about, for instance "last 5 min"."""
    seconds = round(status.recent_seconds)
    if seconds < 60:
        return f"last {seconds} s"
    return f"last {seconds // 60} min"


def is_sample(name: str) -> bool:
    """Return whether a name is one of the sample agent's, which are all marked so."""
    return name.startswith("sample")


def _more(rows: int) -> Html:
    hidden = rows - MAX_ROWS
    return Html(f'<p class="note">and {hidden} more in <a href="/metrics">/metrics</a></p>' if hidden > 0 else "")
