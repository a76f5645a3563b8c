"""The collector of Claude Code transcripts: follows the files and yields the records of what is in them."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from agentgauge.collectors.conversation import label
from agentgauge.collectors.follower import File, Listing, Position
from agentgauge.collectors.saved import read_state
from agentgauge.collectors.seen import Seen
from agentgauge.collectors.transcript import MAIN_AGENT, SUBAGENT, Transcript
from agentgauge.record import Record

REST_SECONDS: Final = 30.0
"""A file that has not grown for so long ends the calls that said why they stopped, and their runs."""

IDLE_SECONDS: Final = 900.0
"""... ends every call and run, unless a tool is still at work; a model may write one line for minutes."""

ABANDONED_SECONDS: Final = 6 * 3600.0
"""... ends everything, so that nothing is remembered of it."""

_MAX_META_BYTES: Final = 1 << 16


class _Followed(Struct, array_like=True):
    position: Position
    transcript: Transcript | None = None


class _State(Struct):
    seen: list[str]
    files: dict[str, _Followed]


class _Meta(Struct):
    agent_type: str = msgspec.field(default="", name="agentType")


class ClaudeCodeCollector:
    """Follows the transcripts under directories; implements the exporter's Collector.

    What ``poll`` yields and what ``state`` returns afterwards belong together: saved at once they neither lose
    nor double anything. The state holds no path, id or text, only hashes, inode numbers, times and label values.

    Args:
        paths: directories that hold ``*.jsonl`` files at any depth, or such files.
        tool_calls: calls to tools counted by anyone, whose state is kept by someone else; by default by nobody.
    """

    name = "claude_code"

    def __init__(self, paths: Iterable[str | Path], tool_calls: Seen | None = None) -> None:
        self._listing = Listing(paths)
        self._files: dict[str, _Followed] = {}
        self._seen = Seen()
        self._tool_calls = Seen() if tool_calls is None else tool_calls
        self._looked: dict[str, tuple[int, float]] = {}
        self._paths: dict[str, str] = {}
        self._refused = {"invalid": 0, "duplicate": 0, "dropped": 0}

    @property
    def files(self) -> int:
        """Return how many files are followed."""
        return len(self._files)

    def poll(self) -> Iterator[Record]:
        """Yield the records of what was written since the last poll."""
        now = time.time()
        files, whole = self._listing.look(now, time.monotonic())
        for file in _in_order(file for file in files.values() if self._concerns(file)):
            if self._grown(file):
                yield from self._read(file, files)
                self._looked[file.key] = (file.size, file.changed)
            yield from self._rest(file, now - file.changed)
        if whole:
            yield from self._forget(files)
        yield from self._refusals(now)

    def finish(self) -> Iterator[Record]:
        """Yield the records of what is still open, taking every file to be at its end."""
        now = time.time()
        files, _ = self._listing.look(now, time.monotonic())
        for file in _in_order(files.values()):
            yield from self._read(file, files, final=True)
            followed = self._files.get(file.key)
            if followed is not None and followed.transcript is not None:
                records: list[Record] = []
                followed.transcript.close(records)
                yield from records
        yield from self._refusals(now)

    def state(self) -> object:
        """Return what ``restore`` needs: 8 bytes a message of the last 65,536, about 60 bytes a file."""
        return msgspec.to_builtins(_State(self._seen.state(), self._files))

    def restore(self, state: object) -> None:
        """Go on from a state.

        Raises:
            SpoolError: it is not one.
        """
        saved = read_state(self.name, state, _State)
        self._seen.restore(saved.seen)
        self._files = saved.files
        self._looked.clear()

    def _grown(self, file: File) -> bool:
        return self._looked.get(file.key) != (file.size, file.changed)

    def _concerns(self, file: File) -> bool:
        # Of thousands of files few have changed or wait for anything.
        return self._grown(file) or (file.key in self._files and self._files[file.key].transcript is not None)

    def _read(self, file: File, files: dict[str, File], *, final: bool = False) -> Iterator[Record]:
        followed = self._files.get(file.key)
        if followed is None:
            followed = self._files[file.key] = _Followed(Position(), self._replaced(file, files))
        self._paths[file.path] = file.key
        try:
            with Path(file.path).open("rb") as body:
                if file.size < followed.position.offset or not followed.position.holds(body):
                    yield from self._begin_anew(followed)
                for batch in followed.position.read(body, final=final):
                    self._refused["invalid"] += batch.invalid
                    self._refused["dropped"] += batch.dropped
                    if followed.transcript is None:
                        followed.transcript = Transcript(_agent(file.path))
                    records: list[Record] = []
                    for entry in batch.entries:
                        if followed.transcript.read(entry, self._seen, records):
                            self._refused["duplicate"] += 1
                    yield from self._once(records)
        except OSError:
            self._refused["dropped"] += 1

    def _begin_anew(self, followed: _Followed) -> Iterator[Record]:
        followed.position = Position()
        if followed.transcript is not None:
            followed.transcript, records = _successor(followed.transcript)
            yield from records

    def _replaced(self, file: File, files: dict[str, File]) -> Transcript | None:
        """Return what the file that was at this path waits for: its tools may find their results in the new one."""
        before = self._paths.get(file.path, "")
        followed = self._files.get(before)
        if followed is None or followed.transcript is None or before in files:
            return None
        successor = Transcript(followed.transcript.agent, {}, followed.transcript.tools)
        followed.transcript.tools = {}
        return successor

    def _rest(self, file: File, quiet: float) -> Iterator[Record]:
        followed = self._files.get(file.key)
        if followed is None or followed.transcript is None or quiet < REST_SECONDS:
            return
        transcript, records = followed.transcript, list[Record]()
        if quiet >= ABANDONED_SECONDS or (quiet >= IDLE_SECONDS and not transcript.tools):
            if file.size > followed.position.offset:
                self._last_line(file, followed, records)
            transcript.close(records)
            followed.transcript = None
        elif quiet >= IDLE_SECONDS or transcript.settled:
            transcript.rest(records)
        yield from self._once(records)

    def _once(self, records: list[Record]) -> Iterator[Record]:
        """Yield what was not counted before, from another file or from the session's own hooks."""
        for record in records:
            if not record.id or self._tool_calls.add(record.id):
                yield record
            else:
                self._refused["duplicate"] += 1

    def _last_line(self, file: File, followed: _Followed, records: list[Record]) -> None:
        """Read a last line that has no newline if it is whole; else it goes on waiting."""
        if followed.position.skipping or followed.transcript is None:
            return
        ahead = Position(followed.position.offset, followed.position.tail)
        try:
            with Path(file.path).open("rb") as body:
                batches = list(ahead.read(body, final=True))
        except OSError:
            return
        if not any(batch.invalid or batch.dropped for batch in batches):
            followed.position = ahead
            for entry in [entry for batch in batches for entry in batch.entries]:
                followed.transcript.read(entry, self._seen, records)

    def _forget(self, files: dict[str, File]) -> Iterator[Record]:
        for key in [key for key in self._files if key not in files]:
            transcript = self._files.pop(key).transcript
            self._looked.pop(key, None)
            if transcript is not None:
                records: list[Record] = []
                transcript.close(records)
                yield from records
        self._paths = {file.path: file.key for file in files.values()}

    def _refusals(self, now: float) -> Iterator[Record]:
        for result, count in self._refused.items():
            if count:
                yield Record("read", now, {"source": self.name, "result": result}, {"count": count})
                self._refused[result] = 0


def _in_order(files: Iterable[File]) -> list[File]:
    # A session comes before one that was resumed from it, and before subagents that begin with a copy of it.
    return sorted(files, key=lambda file: (_is_subagent(file.path), file.changed, file.path))


def _is_subagent(path: str) -> bool:
    return path.rpartition("/")[2].startswith("agent-")


def _agent(path: str) -> str:
    """Return the agent whose transcript a file is."""
    if not _is_subagent(path):
        return MAIN_AGENT
    try:
        with Path(path).with_suffix(".meta.json").open("rb") as file:
            return label(msgspec.json.decode(file.read(_MAX_META_BYTES), type=_Meta).agent_type, SUBAGENT)
    except (OSError, msgspec.DecodeError):
        return SUBAGENT


def _successor(transcript: Transcript) -> tuple[Transcript, list[Record]]:
    """Return a transcript for the new content of a file, and the records of what the old one had open."""
    records: list[Record] = []
    tools, transcript.tools = transcript.tools, {}
    transcript.close(records)
    return Transcript(transcript.agent, {}, tools), records
