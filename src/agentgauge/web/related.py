"""What a signal's page says of other series: which may have caused it, and which moved with it."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from agentgauge.web.signals import linked, state
from agentgauge.web.status import Related
from agentgauge.web.tables import Row, card, table
from agentgauge.web.text import Html, html
from agentgauge.web.units import unit_of

_SHOWN: Final = 12
_ORDINALS: Final = ("likeliest cause", "second likeliest cause", "third likeliest cause")


def related_card(related: Sequence[Related]) -> Html:
    """The likely causes first, then what began at the same time, then what moved together; nothing where none is."""
    if not related:
        return Html("")
    order = sorted(related, key=lambda one: (one.cause or math.inf, not one.together, -abs(one.correlation or 0.0)))
    rows = [
        Row(
            linked(one.row),
            [html("; ".join(_words(one))), state(one.row), html(unit_of(one.row.signal).say(one.row.value))],
            "anomaly" if one.row.anomaly else "regression" if one.row.regression else "",
        )
        for one in order[:_SHOWN]
    ]
    hidden = len(order) - _SHOWN
    note = Html(f'<p class="note">and {hidden} more that moved together</p>' if hidden > 0 else "")
    aside = "what may have caused it, and what moved with it in the last hour"
    return card(
        "Likely cause, and moved together", aside, table(["Signal", "Why", "State", "Value"], rows, "related"), note
    )


def _words(one: Related) -> Iterator[str]:
    if one.cause:
        yield _ORDINALS[min(one.cause, len(_ORDINALS)) - 1]
    if one.together:
        yield "began at the same time"
    if one.correlation:
        way = "moved together" if one.correlation > 0 else "moved the other way"
        yield f"{way} (rank correlation {'−' if one.correlation < 0 else ''}{abs(one.correlation):.2f})"
