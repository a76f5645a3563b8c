"""How fast sessions of agents' clients are read: the recordings, as a collector reads them once, on one core.

Without AGENTGAUGE_RECORDINGS there is nothing to read, and nothing is measured.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from agentgauge.collectors.claude_code import ClaudeCodeCollector
from agentgauge.collectors.codex import codex
from agentgauge.collectors.copilot import copilot
from agentgauge.collectors.gemini import gemini
from agentgauge.record import Record
from tests.benchmarks.figure import Figure

MEGABYTES_PER_SECOND = 100.0
BYTES = 100_000_000
"""Read of each client, in rounds over the same files by a collector that has seen none of them."""


class _Collector(Protocol):
    def poll(self) -> Iterable[Record]: ...


def figures() -> list[Figure]:
    """Measure each reader."""
    if "AGENTGAUGE_RECORDINGS" not in os.environ:
        print("Reading sessions: not measured, AGENTGAUGE_RECORDINGS names no recordings", file=sys.stderr)
        return []
    recordings = Path(os.environ["AGENTGAUGE_RECORDINGS"])
    others = recordings / "other_agents"
    with tempfile.TemporaryDirectory() as place:
        long, grown = _gemini(others / "gemini", Path(place))
        return [
            _figure("Claude Code", ClaudeCodeCollector, (recordings / "claude_code").glob("*.jsonl")),
            _figure("Claude Code 1", ClaudeCodeCollector, (recordings / "claude_code_legacy").glob("*.jsonl")),
            _figure("Codex CLI", codex, (others / "codex").glob("*.jsonl")),
            _figure("Copilot CLI", copilot, (others / "copilot").glob("*.jsonl")),
            _figure("Gemini CLI, a file written whole", gemini, [long]),
            _figure("Gemini CLI, lines", gemini, [grown]),
        ]


def _figure(client: str, collector: Callable[[list[Path]], _Collector], found: Iterable[Path]) -> Figure:
    files = sorted(found)
    size = sum(file.stat().st_size for file in files)
    list(collector(files).poll())  # prices are loaded once
    times = []
    for _ in range(max(5, BYTES // size)):
        start = time.process_time()
        records = sum(1 for _ in collector(files).poll())
        times.append(time.process_time() - start)
    rate = size / statistics.median(times) / 1e6
    what = f"reading sessions of {client}"
    ours = f"{rate:,.0f} MB/s, {size / records / 1e3:.1f} kB a record"
    goal = f"{MEGABYTES_PER_SECOND:g} MB/s of one core"
    return Figure(what, ours, goal, 1e3 / rate, 1e3 / MEGABYTES_PER_SECOND, "ms/MB")


def _gemini(recorded: Path, place: Path) -> tuple[Path, Path]:
    """Return one long session of the recorded messages, which are a few, in the older form and in the newer."""
    sessions = [json.loads(file.read_bytes()) for file in sorted(recorded.glob("*.json"))]
    messages = [
        {**message, "id": f"{message['id']}-{number}"}
        for number in range(400)
        for session in sessions
        for message in session["messages"]
    ]
    head = {"sessionId": "long", "projectHash": "0" * 64, "startTime": messages[0]["timestamp"]}
    whole, lines = place / "session-long.json", place / "session-long.jsonl"
    whole.write_text(json.dumps({**head, "messages": messages}, indent=2))
    lines.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in (head, *messages)))
    return whole, lines
