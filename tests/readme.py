"""The README's tables of signals and metrics, from the code.

python -m tests.readme writes them; with --check it exits 1 where they are stale.
"""

import re
import sys
from pathlib import Path

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.catalogue import METRICS, SIGNAL_LABELS

README = Path(__file__).parents[1] / "README.md"


def signals() -> str:
    """Return the table of built-in signals."""
    rows = ["| signal | measure | of | by | window | worse |", "|---|---|---|---|---|---|"]
    for signal in BUILTIN:
        of = f"`{signal.metric}`" + (f" per `{signal.per}`" if signal.per else "")
        by = ", ".join(f"`{label}`" for label in signal.by)
        window = f"{signal.window_seconds / 60:g} min"
        rows.append(f"| `{signal.name}` | {signal.measure} | {of} | {by} | {window} | {signal.worse} |")
    return "\n".join(rows)


def metrics() -> str:
    """Return the table of metrics."""
    rows = ["| metric | type | labels | |", "|---|---|---|---|"]
    for metric in METRICS.values():
        labels = ", ".join("the signal's" if label == SIGNAL_LABELS else f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.name}` | {metric.type} | {labels} | {metric.help} |")
    return "\n".join(rows)


def written(text: str) -> str:
    """Return the README's text with its tables as the code has them."""
    for name, table in (("signals", signals()), ("metrics", metrics())):
        fenced = f"<!-- {name} -->\n{table}\n<!-- /{name} -->"
        text = re.sub(rf"<!-- {name} -->.*<!-- /{name} -->", lambda _, fenced=fenced: fenced, text, flags=re.DOTALL)  # type: ignore[misc]
    return text


def main() -> None:
    """Write the tables, or check them."""
    text = README.read_text()
    if "--check" not in sys.argv:
        README.write_text(written(text))
    elif written(text) != text:
        sys.exit("README.md: its tables are stale; run: make generate")


if __name__ == "__main__":
    main()
