"""``agentgauge collect``: recordings of agents in, their metrics in text format out."""

import os
import signal
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from agentgauge.collectors.claude_code import ClaudeCodeCollector
from agentgauge.collectors.entry import TRANSCRIPT_TYPES
from agentgauge.collectors.follower import Position, transcripts
from agentgauge.errors import UsageError
from agentgauge.exposition import render
from agentgauge.record import Record
from agentgauge.totals import Totals

_INTERVAL_SECONDS: Final = 2.0


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
def collect() -> None:
    """Read recordings of agents and write their metrics in text format."""


@collect.command("claude-code")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Read what is there and end; without it the files are followed.")
@click.option(
    "--output",
    metavar="FILE",
    default="-",
    show_default=True,
    help="File to write, replaced at once when complete; - is standard output, with --once only.",
)
def claude_code(paths: tuple[Path, ...], once: bool, output: str) -> None:
    """Read Claude Code transcripts: files, or directories that hold *.jsonl at any depth."""
    for path in paths:
        _check(path)
    if output == "-" and not once:
        raise UsageError("collect claude-code: following needs --output FILE; or add --once to read and end")
    _check_output(output)
    collector, reading = ClaudeCodeCollector(paths), _Reading()
    reading.take(collector.poll())
    if not once:
        _follow(collector, reading, output)
    reading.take(collector.finish())
    _write(output, reading)
    files = len({file.key for path in paths for file in transcripts(path)})
    print(f"agentgauge: {files} {'file' if files == 1 else 'files'}, {reading.summary()}", file=sys.stderr)


def _follow(collector: ClaudeCodeCollector, reading: "_Reading", output: str) -> None:
    """Rewrite the file whenever there is something new, until interrupted."""
    stop = threading.Event()
    # An exception in the middle of a poll would lose what it had read and not yet folded.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    _write(output, reading)
    while not stop.wait(_INTERVAL_SECONDS):
        if reading.take(collector.poll()):
            _write(output, reading)


@dataclass
class _Reading:
    """What was read so far."""

    totals: Totals = field(default_factory=Totals)
    calls: int = 0
    failed: int = 0
    unpriced: int = 0
    cost: float = 0.0
    tokens: dict[str, float] = field(default_factory=lambda: {"input": 0.0, "output": 0.0})
    refused: dict[str, int] = field(default_factory=lambda: {"invalid": 0, "duplicate": 0, "dropped": 0})

    def take(self, records: Iterable[Record]) -> bool:
        """Fold records; return whether there were any."""
        any_record = False
        for record in records:
            any_record = True
            self.totals.fold(record)
            if record.kind == "llm":
                self._call(record)
            elif record.kind == "read":
                self.refused[record.labels["result"]] += int(record.amounts["count"])
                continue
            self.totals.increase("agentgauge_records_total", (ClaudeCodeCollector.name, "accepted"))
        return any_record

    def summary(self) -> str:
        """Return what was read in one line."""
        return (
            f"{self.calls} calls ({self.failed} failed), "
            f"{self.tokens['input']:.0f} input and {self.tokens['output']:.0f} output tokens, "
            f"{self.cost:.6f} USD ({self.unpriced} calls unpriced), {self.refused['invalid']} invalid lines, "
            f"{self.refused['duplicate']} messages copied from other files, "
            f"{self.refused['dropped']} lines too long or files unreadable"
        )

    def _call(self, record: Record) -> None:
        self.calls += 1
        self.failed += bool(record.labels["error_type"])
        self.unpriced += "unpriced" in record.amounts
        self.cost += record.amounts.get("cost_usd", 0.0)
        for kind in self.tokens:
            self.tokens[kind] += record.amounts.get(f"{kind}_tokens", 0.0)


def _check(path: Path) -> None:
    """Check that there is something to read at a path.

    Raises:
        UsageError: it does not exist, cannot be read, or holds none.
    """
    try:
        if path.is_dir():
            with os.scandir(path):
                pass
            if not transcripts(path):
                raise UsageError(f"{path}: no *.jsonl file in it or below; give a directory of transcripts")
            return
        with path.open("rb") as file:
            for batch in Position().read(file, final=True):
                if any(entry.type in TRANSCRIPT_TYPES for entry in batch.entries):
                    return
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    raise UsageError(f"{path}: not a Claude Code transcript: no line of it is one of a session")


def _check_output(output: str) -> None:
    path = Path(output)
    if output != "-" and path.is_dir():
        raise UsageError(f"--output {output}: a directory; name a file in it")
    if output != "-" and not path.absolute().parent.is_dir():
        raise UsageError(f"--output {output}: its directory does not exist; make it first")


def _write(output: str, reading: _Reading) -> None:
    text = render(reading.totals.families())
    try:
        if output == "-":
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        elif Path(output).exists() and not Path(output).is_file():
            Path(output).write_bytes(text)  # a device or a pipe is written to, not replaced
        else:
            _replace(Path(output), text)
    except OSError as error:
        raise UsageError(f"--output {output}: cannot be written: {error.strerror or error}") from error


def _replace(path: Path, text: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
