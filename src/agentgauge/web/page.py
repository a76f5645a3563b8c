"""The status page: one HTML document without scripts, read as well on a phone."""

import math
from typing import Final

from agentgauge.web import text
from agentgauge.web.signals import all_signals_card, signals_card
from agentgauge.web.status import BudgetRow, ProcessRow, SignalRow, Status, Watched
from agentgauge.web.style import STYLE
from agentgauge.web.tables import budgets_card, calls_card, processes_card, tokens_card, watched_card, window_words
from agentgauge.web.text import Html, html, join

__all__ = ["BudgetRow", "ProcessRow", "SignalRow", "Status", "Watched", "render_page"]

_REFRESH_SECONDS: Final = 5
_LOGO: Final = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="14" fill="#2f5fd0"/>'
    '<path d="M7.5 20a9 9 0 1 1 17 0" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/>'
    '<path d="M16 18l5-6" stroke="#ffd166" stroke-width="2.8" stroke-linecap="round"/>'
    '<circle cx="16" cy="18.5" r="2.3" fill="#fff"/></svg>'
)
_ICON: Final = (
    "data:image/svg+xml,"
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Ccircle cx='16' cy='16' r='15' fill='%232f5fd0'/%3E"
    "%3Cpath d='M7 20a9.5 9.5 0 1 1 18 0' fill='none' stroke='white' stroke-width='3'/%3E"
    "%3Cpath d='M16 18l5-7' stroke='%23ffd166' stroke-width='3'/%3E%3C/svg%3E"
)
_CALLED: Final = (
    ("agent", "agent runs"),
    ("model", "calls to models"),
    ("tool", "tool calls"),
    ("hook", "hook runs"),
)
_EMPTY_AGENTS: Final = Html(
    "<p>No agent has run yet. Count one with a decorator:</p>"
    '<pre>import agentgauge as ag\n\n@ag.agent("researcher")\ndef research(question): ...</pre>'
    '<p class="note">Claude Code sessions appear by themselves.</p>'
)
_EMPTY_MODELS: Final = Html(
    "<p>No model was called yet.</p>"
    '<pre>with ag.llm_call("claude-opus-4-5", provider="anthropic") as call:\n    ...</pre>'
)
_EMPTY_TOOLS: Final = Html('<p>No tool was called yet.</p><pre>@ag.tool("search")\ndef search(query): ...</pre>')
_EMPTY_HOOKS: Final = Html(
    "<p>No hook has run yet. Put this in front of a hook's command:</p>"
    "<pre>agentgauge-hook --system git --event pre-commit --name ruff -- ruff check .</pre>"
)


def render_page(status: Status) -> str:
    """Return the page's HTML.

    Args:
        status: what it shows; every text in it is escaped.
    """
    counting = status.totals is not None
    cards = [signals_card(status.signals, by_itself=counting)]
    if counting:
        cards += [
            budgets_card(status),
            calls_card(status, "agent", "Agents", "Agent", _EMPTY_AGENTS),
            calls_card(status, "model", "Calls to models", "Model", _EMPTY_MODELS),
            tokens_card(status),
            calls_card(status, "tool", "Tools", "Tool", _EMPTY_TOOLS),
            calls_card(status, "hook", "Hooks", "Hook", _EMPTY_HOOKS),
        ]
        if (status.totals or {}).get("workflow"):
            cards.append(calls_card(status, "workflow", "Workflows", "Workflow", Html("")))
        cards += [processes_card(status), watched_card(status.watched)]
    cards.append(all_signals_card(status.signals))
    body = join(
        [_top(status), Html("<main>"), _notices(status), _tiles(status), *cards, _footer(status), Html("</main>")]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="refresh" content="{_REFRESH_SECONDS}"><meta name="robots" content="noindex">'
        f'<title>{html(_headline(status)[1])} · agentgauge</title><link rel="icon" href="{_ICON}">'
        f"<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def _headline(status: Status) -> tuple[str, str]:
    """Return the state's class and its words."""
    if not status.ready:
        return "warn", "starting"
    if status.problem:
        return "warn", "needs attention"
    anomalies = sum(row.anomaly for row in status.signals or ())
    regressions = sum(row.regression for row in status.signals or ())
    parts = [
        _plural(n, word, words)
        for n, word, words in ((anomalies, "anomaly", "anomalies"), (regressions, "regression", "regressions"))
        if n
    ]
    if parts:
        return ("bad" if anomalies else "warn"), ", ".join(parts)
    if not status.signals:
        return "good", "running"
    judged = any(math.isfinite(row.zscore) for row in status.signals)
    return ("good", "all as expected") if judged else ("", "learning what is normal")


def _plural(number: int, word: str, words: str) -> str:
    return f"{number} {word if number == 1 else words}"


def _top(status: Status) -> Html:
    css, words = _headline(status)
    links = [("Metrics", "/metrics"), ("Health", "/-/healthy"), ("Readiness", "/-/ready"), *status.links]
    nav = join(Html(f'<a href="{html(url)}">{html(name)}</a>') for name, url in links)
    return Html(
        f'<header class="top"><h1>{_LOGO}agentgauge</h1><span class="pill {css}">{html(words)}</span>'
        f"<nav>{nav}</nav></header>"
    )


def _notices(status: Status) -> Html:
    notices = []
    if status.sample:
        notices.append(
            '<p class="banner"><span class="pill sample">sample data</span> A sample agent runs so that you see '
            "numbers move; rows with this badge are not yours. "
            "<code>agentgauge serve --no-sample</code> leaves it out.</p>"
        )
    if status.problem:
        notices.append(f'<p class="banner"><span class="pill warn">attention</span> {html(status.problem)}</p>')
    if not status.ready:
        notices.append(
            '<p class="banner"><span class="pill warn">starting</span> Reading what is there already; '
            "with many transcripts this takes a while.</p>"
        )
    return Html("".join(notices))


def _tiles(status: Status) -> Html:
    tiles: list[tuple[str, str]] = []
    caption = ""
    if status.totals is not None:
        caption = window_words(status).capitalize()
        recent = {section: list(rows.values()) for section, rows in status.recent.items()}
        tiles = [
            (text.count(sum(tally.calls for tally in recent.get(section, ()))), words) for section, words in _CALLED
        ]
        models = recent.get("model", [])
        tokens = sum(tally.amount("input") + tally.amount("output") for tally in models)
        tiles.append((text.count(tokens), "tokens"))
        tiles.append((text.money(sum(tally.amount("cost") for tally in models)), "cost"))
    elif status.signals is not None:
        tiles = [
            (text.count(len(status.signals)), "signals watched"),
            (text.count(sum(row.anomaly for row in status.signals)), "anomalous now"),
            (text.count(sum(row.regression for row in status.signals)), "regressed"),
        ]
    parts = "".join(f'<div class="tile"><b>{html(value)}</b><span>{html(words)}</span></div>' for value, words in tiles)
    caption = f'<p class="caption">{html(caption)}</p>' if caption else ""
    return Html(f'{caption}<div class="tiles">{parts}</div>' if tiles else "")


def _footer(status: Status) -> Html:
    up = text.seconds(max(status.now - status.started, 0.0))
    return Html(
        f"<footer>agentgauge {html(status.version)} · up {html(up)} · refreshes every {_REFRESH_SECONDS} s · "
        "everything here is read on this machine and stays on it</footer>"
    )
