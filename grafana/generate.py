"""Writes ``dashboards/*.json`` from the boards beside it; ``--check`` only says whether a file is stale."""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # a script finds only its own directory

from grafana import sdk  # noqa: E402
from grafana.details.board import details  # noqa: E402
from grafana.overview.board import overview  # noqa: E402

BOARDS = {"overview": overview, "details": details}


def render(name: str) -> str:
    """Return a board's JSON, the same text every time."""
    return json.dumps(BOARDS[name](), cls=sdk.encoder.JSONEncoder, indent=2, sort_keys=True) + "\n"


def main() -> int:
    """Write or check every board and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    check = parser.parse_args().check
    stale = []
    for name in BOARDS:
        path, text = HERE / "dashboards" / f"{name}.json", render(name)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            stale.append(path.name)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path}")
    if stale:
        print(f"grafana/dashboards: stale: {', '.join(stale)}; run python grafana/generate.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
