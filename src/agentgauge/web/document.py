"""What every page of ours has around its content: head, title with the state, links, footer."""

import math
from typing import Final

from agentgauge.web import text
from agentgauge.web.status import Status
from agentgauge.web.style import STYLE
from agentgauge.web.text import Html, html, join

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


def document(status: Status, content: Html, *, title: str = "", refresh_seconds: int = 5) -> str:
    """Return a page's HTML.

    Args:
        status: the process' state, for the title, the links and the footer.
        content: what the page is about.
        title: what comes before the state in the window's title; a page with one links back to the status page.
        refresh_seconds: until the page is loaded again.
    """
    state = headline(status)[1]
    name = f"{title} · {state}" if title else state
    home = '<a href="/">agentgauge</a>' if title else "agentgauge"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="refresh" content="{refresh_seconds}"><meta name="robots" content="noindex">'
        f'<title>{html(name)} · agentgauge</title><link rel="icon" href="{_ICON}">'
        f"<style>{STYLE}</style></head><body>{_top(status, home, 'div' if title else 'h1')}"
        f"<main>{content}{_footer(status, refresh_seconds)}</main></body></html>\n"
    )


def headline(status: Status) -> tuple[str, str]:
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


def _top(status: Status, home: str, tag: str) -> Html:
    css, words = headline(status)
    analyzer = [("Signals", "/signals"), ("Findings", "/api/v1/findings")] if status.signals is not None else []
    links = [*analyzer, ("Metrics", "/metrics"), ("Health", "/-/healthy"), ("Readiness", "/-/ready"), *status.links]
    nav = join(Html(f'<a href="{html(url)}">{html(name)}</a>') for name, url in links)
    return Html(
        f'<header class="top"><{tag} class="brand">{_LOGO}{home}</{tag}><span class="pill {css}">{html(words)}</span>'
        f"<nav>{nav}</nav></header>"
    )


def _footer(status: Status, refresh_seconds: int) -> Html:
    up = text.seconds(max(status.now - status.started, 0.0))
    return Html(
        f"<footer>agentgauge {html(status.version)} · up {html(up)} · refreshes every {refresh_seconds} s · "
        "everything here is read on this machine and stays on it</footer>"
    )
