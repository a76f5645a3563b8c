"""``agentgauge collect``: recordings of agents and reports of tests in, their metrics in text format out."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Protocol

import click

from agentgauge.cli.reading import Reading, check_output, many
from agentgauge.collectors import junit as junit_reports
from agentgauge.collectors import results
from agentgauge.collectors.aider import AIDER
from agentgauge.collectors.claude_code import ClaudeCodeCollector
from agentgauge.collectors.claude_print import CLAUDE_PRINT
from agentgauge.collectors.codex import codex as codex_logs
from agentgauge.collectors.copilot import copilot as copilot_logs
from agentgauge.collectors.entry import TRANSCRIPT_TYPES
from agentgauge.collectors.follower import File, Position, transcripts
from agentgauge.collectors.gemini import gemini as gemini_logs
from agentgauge.collectors.log import LogCollector
from agentgauge.collectors.mini_swe_agent import MINI_SWE_AGENT
from agentgauge.collectors.swe_agent import SWE_AGENT
from agentgauge.errors import InvalidRecordError, UsageError
from agentgauge.record import Record

_INTERVAL_SECONDS: Final = 2.0
_PATHS: Final = click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
_OUTPUT: Final = click.option(
    "--output",
    metavar="FILE",
    default="-",
    show_default=True,
    help="File to write, replaced at once when complete; - is standard output.",
)


class _Followed(Protocol):
    """A collector that can be told that nothing will follow."""

    name: str

    def poll(self) -> Iterable[Record]: ...

    def finish(self) -> Iterable[Record]: ...


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"]})
def collect() -> None:
    """Read recordings of agents and reports of tests, and write their metrics in text format."""


def _followed(command: Callable[..., None]) -> Callable[..., None]:
    once = "Read what is there and end; without it the files are followed, which needs --output FILE."
    return _PATHS(click.option("--once", is_flag=True, help=once)(_OUTPUT(command)))


def _read_once(command: Callable[..., None]) -> Callable[..., None]:
    once = "Read what is there and end, as always."
    return _PATHS(click.option("--once", is_flag=True, expose_value=False, help=once)(_OUTPUT(command)))


@collect.command("claude-code")
@_followed
def claude_code(paths: tuple[Path, ...], once: bool, output: str) -> None:
    """Read Claude Code transcripts: files, or directories that hold *.jsonl at any depth."""
    for path in paths:
        _check(path, "Claude Code transcript", "*.jsonl", transcripts, _is_transcript, once)
    _collect(ClaudeCodeCollector(paths), paths, transcripts, once, output)


@collect.command()
@_followed
def codex(paths: tuple[Path, ...], once: bool, output: str) -> None:
    """Read Codex CLI rollouts: files, or directories that hold *.jsonl at any depth."""
    _collect_logs(codex_logs(paths), "Codex CLI rollout", "*.jsonl", paths, once, output)


@collect.command()
@_followed
def copilot(paths: tuple[Path, ...], once: bool, output: str) -> None:
    """Read Copilot CLI event logs: files, or directories that hold *.jsonl at any depth."""
    _collect_logs(copilot_logs(paths), "Copilot CLI event log", "*.jsonl", paths, once, output)


@collect.command()
@_followed
def gemini(paths: tuple[Path, ...], once: bool, output: str) -> None:
    """Read Gemini CLI sessions: files, or directories that hold session-*.json or .jsonl at any depth."""
    _collect_logs(gemini_logs(paths), "Gemini CLI session", "session-*.json or .jsonl", paths, once, output)


@collect.command("swe-agent")
@_read_once
def swe_agent(paths: tuple[Path, ...], output: str) -> None:
    """Read SWE-agent trajectories: files, or directories that hold *.traj at any depth."""
    _collect_results(SWE_AGENT, paths, output)


@collect.command("mini-swe-agent")
@_read_once
def mini_swe_agent(paths: tuple[Path, ...], output: str) -> None:
    """Read mini-swe-agent trajectories: files, or directories that hold *.traj.json at any depth."""
    _collect_results(MINI_SWE_AGENT, paths, output)


@collect.command()
@_read_once
def aider(paths: tuple[Path, ...], output: str) -> None:
    """Read aider's results, its benchmark's, SWE-bench's or leaderboards: files, or directories of *.json and *.yml."""
    _collect_results(AIDER, paths, output)


@collect.command("claude-print")
@_read_once
def claude_print(paths: tuple[Path, ...], output: str) -> None:
    """Read results of claude -p --output-format json: files, or directories that hold *.json or *.jsonl."""
    _collect_results(CLAUDE_PRINT, paths, output)


@collect.command()
@_read_once
@click.option("--suite", metavar="NAME", default="default", show_default=True, help="The suite label.")
@click.option("--stage", metavar="STAGE", default="", help="The stage label, for instance ci.")
def junit(paths: tuple[Path, ...], output: str, suite: str, stage: str) -> None:
    """Read JUnit XML reports, all of them one run: files, or directories that hold *.xml at any depth."""
    check_output(output)
    reading = Reading("junit")
    reports, count = _read_files(reading, "JUnit XML report", paths, (".xml",), junit_reports.read)
    reading.take(junit_reports.records(reports, suite=suite, stage=stage))
    reading.write(output)
    print(f"agentgauge: {many(count)}, {reading.tested()}, {reading.refused_files()}", file=sys.stderr)


def _collect_logs(
    logs: LogCollector[Any], what: str, pattern: str, paths: tuple[Path, ...], once: bool, output: str
) -> None:
    for path in paths:
        _check(path, what, pattern, logs.found, logs.knows, once)
    _collect(logs, paths, logs.found, once, output)


def _collect(
    collector: _Followed, paths: tuple[Path, ...], found: Callable[[Path], list[File]], once: bool, output: str
) -> None:
    if output == "-" and not once:
        command = collector.name.replace("_", "-")
        raise UsageError(f"collect {command}: following needs --output FILE; or add --once to read and end")
    check_output(output)
    reading = Reading(collector.name)
    reading.take(collector.poll())
    if not once:
        _follow(collector, reading, output)
    reading.take(collector.finish())
    reading.write(output)
    files = len({file.key for path in paths for file in found(path)})
    print(f"agentgauge: {many(files)}, {reading.used()}, {reading.refused_lines()}", file=sys.stderr)


def _follow(collector: _Followed, reading: Reading, output: str) -> None:
    """Rewrite the file whenever there is something new, until interrupted."""
    stop = threading.Event()
    # An exception in the middle of a poll would lose what it had read and not yet folded.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    reading.write(output)
    while not stop.wait(_INTERVAL_SECONDS):
        if reading.take(collector.poll()):
            reading.write(output)


def _collect_results(kind: results.Format, paths: tuple[Path, ...], output: str) -> None:
    check_output(output)
    reading = Reading(kind.name)
    found, count = _read_files(reading, kind.what, paths, kind.endings, lambda path: results.read(path, kind))
    for records in found:
        reading.take(records)
    reading.write(output)
    print(f"agentgauge: {many(count)}, {reading.runs()}, {reading.used()}, {reading.refused_files()}", file=sys.stderr)


def _read_files(
    reading: Reading, what: str, paths: tuple[Path, ...], endings: tuple[str, ...], read: Callable[[Path], Any]
) -> tuple[list[Any], int]:
    """Read every file; those in a directory may be refused, those named themselves may not.

    Returns:
        What was read, and of how many files.

    Raises:
        UsageError: a path does not exist or cannot be read, or there is nothing to read at it.
    """
    contents, seen, refusal = [], set[Path](), ""
    for path in paths:
        try:
            found = list(results.files(path, endings))
        except OSError as error:
            raise UsageError(f"{error.filename}: cannot be read: {error.strerror or error}") from error
        for file in found:
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            try:
                contents.append(read(file))
                continue
            except InvalidRecordError as error:
                problem, result = f"{file}: not a {what}: {error}", "invalid"
            except OSError as error:
                problem, result = f"{file}: cannot be read: {error.strerror or error}", "dropped"
            if file is path:
                raise UsageError(problem)
            refusal = refusal or problem
            reading.refuse(result)
    if not contents:
        endings_text = " or ".join(f"*{ending}" for ending in endings)
        raise UsageError(refusal or f"{paths[0]}: no {endings_text} file in it or below; give a {what}")
    return contents, len(contents)


def _check(
    path: Path, what: str, pattern: str, found: Callable[[Path], list[File]], knows: Callable[[Path], bool], once: bool
) -> None:
    """Check that there is something to read at a path; what is followed in a directory may yet come.

    Raises:
        UsageError: it does not exist, cannot be read, or holds none.
    """
    try:
        if path.is_dir():
            with os.scandir(path):
                pass
            files = found(path)
            if not files:
                raise UsageError(f"{path}: no {pattern} file in it or below; give a directory of {what}s")
            if once and not any(_is_known(Path(file.path), knows) for file in files):
                raise UsageError(f"{path}: no file in it or below is a {what}; give a directory of {what}s")
            return
        if knows(path):
            return
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    raise UsageError(f"{path}: not a {what}: no line of it is one of a session")


def _is_known(path: Path, knows: Callable[[Path], bool]) -> bool:
    try:
        return knows(path)
    except OSError:
        return False  # counted where it is read


def _is_transcript(path: Path) -> bool:
    with path.open("rb") as file:
        return any(
            entry.type in TRANSCRIPT_TYPES for batch in Position().read(file, final=True) for entry in batch.entries
        )
