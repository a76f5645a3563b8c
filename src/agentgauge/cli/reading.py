"""What ``agentgauge collect`` has read so far, in one line and in text format."""

import os
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agentgauge.errors import UsageError
from agentgauge.exposition import render
from agentgauge.record import Record
from agentgauge.totals import Totals


@dataclass
class Reading:
    """What was read so far.

    Args:
        source: the ``source`` label.
    """

    source: str
    totals: Totals = field(default_factory=Totals)
    calls: int = 0
    failed: int = 0
    unpriced: int = 0
    cost: float = 0.0
    tokens: dict[str, float] = field(default_factory=lambda: {"input": 0.0, "output": 0.0})
    refused: dict[str, int] = field(default_factory=lambda: {"invalid": 0, "duplicate": 0, "dropped": 0})
    outcomes: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)

    def take(self, records: Iterable[Record]) -> bool:
        """Fold records; return whether there were any."""
        any_record = False
        for record in records:
            any_record = True
            self.totals.fold(record)
            if record.kind == "llm":
                self._call(record)
            elif record.kind == "agent":
                self.outcomes[record.labels["outcome"]] += 1
            elif record.kind == "tests":
                self.tests[record.labels["outcome"]] += int(record.amounts["count"])
            elif record.kind == "read":
                self.refused[record.labels["result"]] += int(record.amounts["count"])
                continue
            self.totals.increase("agentgauge_records_total", (self.source, "accepted"))
        return any_record

    def refuse(self, result: str) -> None:
        """Count a file that could not be read: "invalid" or "dropped"."""
        self.refused[result] += 1
        self.totals.increase("agentgauge_records_total", (self.source, result))

    def used(self) -> str:
        """Return what the calls used, in words."""
        return (
            f"{self.calls} calls ({self.failed} failed), "
            f"{self.tokens['input']:.0f} input and {self.tokens['output']:.0f} output tokens, "
            f"{self.cost:.6f} USD ({self.unpriced} calls unpriced)"
        )

    def runs(self) -> str:
        """Return the runs by outcome, in words."""
        return f"{self.outcomes.total()} runs ({_counts(self.outcomes)})"

    def tested(self) -> str:
        """Return the tests by outcome, in words."""
        return f"{self.tests.total()} tests ({_counts(self.tests)})"

    def refused_lines(self) -> str:
        """Return which lines were refused, in words."""
        return (
            f"{self.refused['invalid']} invalid lines, {self.refused['duplicate']} messages copied from other files, "
            f"{self.refused['dropped']} lines too long or files unreadable"
        )

    def refused_files(self) -> str:
        """Return how many files were refused, in words."""
        return f"{self.refused['invalid'] + self.refused['dropped']} invalid"

    def write(self, output: str) -> None:
        """Write the metrics.

        Args:
            output: a file, replaced whole; "-" is standard output.

        Raises:
            UsageError: it cannot be written.
        """
        text = render(self.totals.families())
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

    def _call(self, record: Record) -> None:
        # Copilot's calls tell their tokens in records of their own, at the session's end.
        self.calls += self.source != "copilot" or "duration_seconds" in record.amounts
        self.failed += bool(record.labels["error_type"])
        self.unpriced += int(record.amounts.get("unpriced", 0))
        self.cost += record.amounts.get("cost_usd", 0.0)
        for kind in self.tokens:
            self.tokens[kind] += record.amounts.get(f"{kind}_tokens", 0.0)


def check_output(output: str) -> None:
    """Check that there is a place to write to.

    Raises:
        UsageError: a directory, or a file in one that does not exist.
    """
    path = Path(output)
    if output != "-" and path.is_dir():
        raise UsageError(f"--output {output}: a directory; name a file in it")
    if output != "-" and not path.absolute().parent.is_dir():
        raise UsageError(f"--output {output}: its directory does not exist; make it first")


def many(number: int) -> str:
    """Return a number of files, in words."""
    return f"{number} {'file' if number == 1 else 'files'}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items())) or "none"


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
