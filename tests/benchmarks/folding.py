"""What the exporter makes of the spool: lines a second, and memory while it works off a backlog of 1 GB."""

import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from agentgauge.spool.reader import SpoolReader
from agentgauge.totals import Totals
from agentgauge_spool import encode
from tests.benchmarks.figure import Figure

ROUNDS = 7
LINES = 200_000
BACKLOG_BYTES = 1_000_000_000

_CONFIGURATION = "collectors:\n  claude_code:\n    enabled: false\n  processes: []\n"


def _hook(number: int) -> bytes:
    """Return a line as agentgauge-hook writes it."""
    return b"\n" + encode(
        "hook",
        {
            "hook_system": "git",
            "hook_event": "pre-commit",
            "hook_name": f"check-{number % 40}",
            "outcome": "success" if number % 9 else "blocked",
            "exit_code_class": "0" if number % 9 else "1",
            "duration_seconds": number % 7919 / 1000,
            "cpu_seconds": number % 4001 / 1000,
            "max_resident_memory_bytes": 9_000_000 + number % 9973 * 4096,
            "read_bytes": 0,
            "write_bytes": number % 17 * 4096,
        },
    )


def _mixed(number: int) -> bytes:
    """Return a line of one of the kinds that agents' processes write."""
    agent = {"gen_ai_agent_name": f"agent-{number % 7}", "task_type": "review", "error_type": ""}
    seconds: dict[str, str | float] = {"duration_seconds": number % 7919 / 1000}
    tool = {"gen_ai_tool_name": f"tool-{number % 20}", "gen_ai_tool_type": "function", "gen_ai_agent_name": "agent-1"}
    model = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "anthropic", "gen_ai_request_model": "m-1"}
    match number % 4:
        case 0:
            return _hook(number)
        case 1:
            return b"\n" + encode("tool", {**tool, "error_type": "", **seconds})
        case 2:
            return b"\n" + encode("agent", {**agent, "outcome": "success", **seconds, "tool_calls": number % 30})
    tokens = {"input_tokens": number % 9973, "output_tokens": number % 997, "cache_read_input_tokens": number % 4001}
    return b"\n" + encode("llm", {**agent, **model, "cost_source": "list", **seconds, **tokens, "cost_usd": 0.01})


def figures() -> list[Figure]:
    """Measure: processor time a line, and a real exporter's peak memory."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        return [
            _folding("folding a hook's line", home / "hooks", b"".join(map(_hook, range(LINES)))),
            _folding(
                "folding lines of hooks, tools, agents, models", home / "mixed", b"".join(map(_mixed, range(LINES)))
            ),
            _backlog(home / "backlog"),
        ]


def _folding(what: str, spool: Path, content: bytes) -> Figure:
    times = [_fold(spool / str(number), content) for number in range(ROUNDS)]
    median = statistics.median(times)
    return Figure(
        what, f"{LINES / median:,.0f} lines/s", "250,000 lines/s of one core", median / LINES * 1e6, 4.0, "µs"
    )


def _fold(spool: Path, content: bytes) -> float:
    """Return the processor seconds in which a file becomes totals, from its opening on."""
    spool.mkdir(parents=True)
    (spool / "spool.jsonl").write_bytes(content)
    reader, totals = SpoolReader(spool, segment_bytes=1 << 40, batches=True), Totals()
    start = time.process_time()
    while batches := list(map(totals.fold_batch, reader.poll())):  # type: ignore[arg-type]
        del batches
    taken = time.process_time() - start
    reader.close()
    (runs,) = [each for each in totals.families() if each.metric.name == "agentgauge_hook_runs_total"]
    if sum(runs.samples.values()) not in (LINES, LINES / 4):  # type: ignore[arg-type]
        raise RuntimeError("lines were lost")
    (spool / "spool.jsonl").unlink()
    return taken


def _backlog(home: Path) -> Figure:
    """Run an exporter over a backlog until it is ready; return the most memory it had."""
    (home / "spool").mkdir(parents=True)
    block = b"".join(map(_hook, range(100_000)))
    with (home / "spool" / "spool.jsonl").open("wb") as file:
        for _ in itertools.repeat(None, BACKLOG_BYTES // len(block) + 1):
            file.write(block)
        lines = file.tell() // len(block) * 100_000
    (home / "agentgauge.yml").write_text(_CONFIGURATION)
    command = ["exporter", "--config.file", str(home / "agentgauge.yml"), "--web.listen-address", "127.0.0.1:10429"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agentgauge", *command],
        env={**os.environ, "AGENTGAUGE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        start = time.monotonic()
        while not _is_ready():
            if process.poll() is not None or time.monotonic() - start > 600:
                raise RuntimeError("the exporter does not become ready")
            time.sleep(0.05)
        taken = time.monotonic() - start
        with urllib.request.urlopen("http://127.0.0.1:10429/metrics") as answer:
            text = answer.read().decode()
        accepted = re.search(r'agentgauge_records_total\{source="spool",result="accepted"\} (\S+)', text)
        if accepted is None or float(accepted[1]) != lines:
            raise RuntimeError(f"lines were lost: {accepted and accepted[1]} of {lines}")
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    finally:
        process.terminate()
        process.wait()
    assert peak is not None
    megabytes = int(peak[1]) * 1024 / 1e6
    what = f"resident memory of an exporter, {lines / 1e6:.1f} million lines behind"
    return Figure(what, f"{megabytes:.0f} MB, ready in {taken:.0f} s", "a backlog of 1 GB", megabytes, 80.0, "MB")


def _is_ready() -> bool:
    try:
        with urllib.request.urlopen("http://127.0.0.1:10429/-/ready"):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False
