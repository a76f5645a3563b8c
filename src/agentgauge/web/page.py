"""The status page: one HTML document without scripts, read as well on a phone."""

from typing import Final

from agentgauge.web import text
from agentgauge.web.document import document
from agentgauge.web.signals import all_signals_card, signals_card
from agentgauge.web.status import BudgetRow, ProcessRow, SignalRow, Status, Watched
from agentgauge.web.tables import budgets_card, calls_card, processes_card, tokens_card, watched_card, window_words
from agentgauge.web.text import Html, html, join

__all__ = ["BudgetRow", "ProcessRow", "SignalRow", "Status", "Watched", "render_page"]

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
    return document(status, join([_notices(status), _tiles(status), *cards]))


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
