"""Read the spool: every line once, whatever is killed, removed or written into it meanwhile.

Writers append to ``spool.jsonl`` and close it. Past a size the reader renames it to a numbered segment, which it
follows until no writer that opened it before can still be about to write, and deletes once a saved checkpoint says
that all of it has been counted. Where renamed segments cannot be deleted it renames no more once they fill their share;
writers drop what would make the file larger than its limit, and count that in ``dropped``.

The directory is polled: a poll without news costs some 40 microseconds, and a scrape polls before it answers. Where the
system tells of writers (``notice``) it is polled then too, for whoever looks between two scrapes.
"""

import logging
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from agentgauge.errors import InvalidRecordError, SpoolError
from agentgauge.record import MAX_LINE_BYTES, Batch, Delta, Record, parse_line
from agentgauge.spool.limit import Limit
from agentgauge.spool.lines import Lines
from agentgauge.spool.lock import Lock
from agentgauge.spool.progress import Progress

_CHUNK_BYTES: Final = 1 << 18
"""Fits a processor's cache with all that is made of it: four times as much is read half as fast."""

_LONGEST_BYTES: Final = MAX_LINE_BYTES + 1
"""Holds the longest line with its newline; where there is none in it the line is too long."""

_POLL_BYTES: Final = 16 << 20
"""A poll ends here, after less than a second of folding, so that a backlog does not keep a scrape waiting."""

_HEAD_BYTES: Final = 512
_CURRENT: Final = "spool.jsonl"

_log: Final = logging.getLogger(__name__)

_Identity = tuple[int, int]


class _Segment(NamedTuple):
    """One file of the spool; ``number`` is None for the one that writers append to."""

    path: Path
    number: int | None
    identity: _Identity
    size: int
    modified: int


class _Position:
    """How far a segment has been read.

    Args:
        offset: bytes read.
        head: length and checksum of the first bytes read; inodes are used again, and files are emptied.
        skipping: whether the offset is inside a line that is too long.
    """

    __slots__ = ("head", "modified", "offset", "skipping", "stalled")

    def __init__(self, offset: int = 0, head: tuple[int, int] = (0, 0), *, skipping: bool = False) -> None:
        self.offset = offset
        self.head = head
        self.skipping = skipping
        self.modified = -1  # when the file was last modified before it was last read
        self.stalled = (0, 0.0)  # the size at which a line was first seen without its end, and when


class SpoolReader:
    """The spool as a collector; one at a time may read it.

    After a poll ``backlog_bytes`` and ``oldest_seconds`` say how much is left, and how long the first of it waits;
    ``behind`` whether it ended because there is too much; ``size_bytes`` how large the file is that writers append to,
    and ``limit_bytes`` how large it may become.

    Args:
        directory: the spool's; made where it is missing.
        segment_bytes: the size past which ``spool.jsonl`` is renamed.
        grace_seconds: how long a writer may take between opening a file and writing to it, or to end a line.
        batches: whether to yield records in batches where that is faster.

    Raises:
        SpoolError: the directory cannot be used, or another exporter reads it.
    """

    name = "spool"

    def __init__(
        self, directory: Path, segment_bytes: int = 8 << 20, grace_seconds: float = 60.0, *, batches: bool = False
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._grace_seconds = grace_seconds
        self._lock = Lock(directory / "reader.lock")
        self._positions: dict[_Identity, _Position] = {}
        self._renamed: dict[_Identity, float] = {}
        self._saved: dict[_Identity, int] = {}
        self._batches = batches
        self._lines = Lines()
        self._limit = Limit(directory)
        self._progress = Progress(directory)
        self.backlog_bytes = 0
        self.oldest_seconds = 0.0
        self.behind = False
        self.size_bytes = 0
        self.limit_bytes = self._limit.bytes
        self._lock.acquire()

    def close(self) -> None:
        """Let another reader have the spool."""
        self._lock.release()

    def poll(self) -> Iterator[Record | Delta | Batch]:
        """Yield what was appended since, up to some megabytes; what is refused comes as ``read`` records.

        Raises:
            SpoolError: another exporter took the spool, or a segment cannot be read; the others have been.
        """
        self._lock.acquire()
        problems: list[OSError] = []
        budget = _POLL_BYTES
        segments = self._segments()
        for segment in segments:
            position = self._positions.setdefault(segment.identity, _Position())
            if (segment.size, segment.modified) == (position.offset, position.modified) and not position.skipping:
                continue
            before = position.offset
            try:
                yield from self._read(segment, position, budget)
            except OSError as error:
                problems.append(error)
            budget -= max(0, position.offset - before)
            if budget <= 0:
                break
        yield from self._refusals()
        problems += self._tidy(segments)
        self.behind = budget <= 0 < self.backlog_bytes
        if self.behind:
            self._progress.note(self.backlog_bytes)
        else:
            self._progress.end()
        for problem in problems:
            raise SpoolError(f"{problem.filename or self._directory}: {problem.strerror}") from problem

    def state(self) -> dict[str, Any]:
        """Return how far each segment has been yielded, and the ids last seen."""
        segments = [
            {
                "device": device,
                "inode": inode,
                "offset": position.offset,
                "head": list(position.head),
                "skipping": position.skipping,
            }
            for (device, inode), position in self._positions.items()
        ]
        return {"segments": segments, "ids": list(self._lines.ids), "dropped": list(self._limit.counted)}

    def restore(self, state: object) -> None:
        """Continue where a state was taken.

        Raises:
            SpoolError: it is no state of a spool reader.
        """
        try:
            self._positions = {
                (int(segment["device"]), int(segment["inode"])): _Position(
                    int(segment["offset"]),
                    (int(segment["head"][0]), int(segment["head"][1])),
                    skipping=bool(segment["skipping"]),
                )
                for segment in state["segments"]  # type: ignore[index]
            }
            self._lines.ids = dict.fromkeys(str(identity) for identity in state["ids"])  # type: ignore[index]
            device, inode, counted = state.get("dropped", (0, 0, 0))  # type: ignore[attr-defined]
            self._limit.counted = (int(device), int(inode), int(counted))
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise SpoolError(f"the spool's section of the checkpoint cannot be read: {error!r}") from error

    def saved(self, sections: dict[str, Any]) -> None:
        """Take note that a checkpoint with these sections is on disk: segments it covers may be deleted."""
        state = sections.get(self.name, {"segments": ()})
        self._saved = {(each["device"], each["inode"]): each["offset"] for each in state["segments"]}

    def _segments(self) -> list[_Segment]:
        """Return the spool's files, oldest first."""
        segments = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                number = entry.name.removeprefix("spool.").removesuffix(".jsonl")
                if entry.name != _CURRENT and not (
                    entry.name == f"spool.{number}.jsonl" and number.isascii() and number.isdigit()
                ):
                    continue
                try:
                    stat = entry.stat()
                except FileNotFoundError:
                    continue
                order = None if entry.name == _CURRENT else int(number)
                identity = (stat.st_dev, stat.st_ino)
                segments.append(_Segment(Path(entry.path), order, identity, stat.st_size, stat.st_mtime_ns))
        return sorted(segments, key=lambda segment: (segment.number is None, segment.number or 0))

    def _read(self, segment: _Segment, position: _Position, budget: int) -> Iterator[Record | Delta | Batch]:
        descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            stat = os.fstat(descriptor)
            if (stat.st_dev, stat.st_ino) != segment.identity:
                return  # replaced just now; the next poll sees what it is
            position.modified = stat.st_mtime_ns
            if stat.st_size < position.offset or _head(descriptor, position.head[0]) != position.head:
                position.offset, position.head, position.skipping = 0, (0, 0), False
            for chunk in self._chunks(descriptor, position, position.offset + budget):
                for size, entry in self._lines.batches(chunk) if self._batches else self._lines.entries(chunk):
                    position.offset += size
                    if entry is not None:
                        yield entry
        finally:
            if position.head[0] < _HEAD_BYTES:
                position.head = _head(descriptor, min(_HEAD_BYTES, position.offset))
            os.close(descriptor)

    def _chunks(self, descriptor: int, position: _Position, limit: int) -> Iterator[bytes]:
        """Yield whole lines, some at a time; who takes them moves the offset behind what it has taken."""
        while position.offset < limit:
            chunk = os.pread(descriptor, _CHUNK_BYTES, position.offset)
            end = chunk.rfind(b"\n") + 1
            if not end and len(chunk) == _CHUNK_BYTES:
                chunk = os.pread(descriptor, _LONGEST_BYTES, position.offset)
                end = chunk.rfind(b"\n") + 1
                if not end and len(chunk) == _LONGEST_BYTES:
                    position.skipping = True
                    position.offset += len(chunk)
                    continue
            if not end:
                if chunk or position.skipping:
                    self._await_end(position, position.offset + len(chunk))
                return
            start = 0
            if position.skipping:
                start = chunk.index(b"\n") + 1
                position.skipping = False
                position.offset += start
                self._lines.refused["invalid"] += 1
            if start < end:
                yield chunk[start:end]

    def _await_end(self, position: _Position, size: int) -> None:
        """Wait for the rest of a line; a writer that has not written it in the grace period is dead."""
        now = time.monotonic()
        if position.stalled[0] != size:
            position.stalled = (size, now)
        elif now - position.stalled[1] >= self._grace_seconds:
            position.offset = size
            position.skipping = False
            self._lines.refused["invalid"] += 1

    def _refusals(self) -> Iterator[Record]:
        self._lines.refused["dropped"] = self._limit.count_dropped()
        for result, count in self._lines.refused.items():
            if count:
                self._lines.refused[result] = 0
                _log.warning("%s: refused %d %s lines", self._directory, count, result)
                yield Record("read", time.time(), {"source": self.name, "result": result}, {"count": float(count)})

    def _tidy(self, segments: list[_Segment]) -> Iterator[OSError]:
        """Forget segments that are gone, delete those that are done, rename the current one where it is large.

        Yields:
            What went wrong with one of them.
        """
        now = time.monotonic()
        found = {segment.identity for segment in segments}
        self._positions = {identity: each for identity, each in self._positions.items() if identity in found}
        self._renamed = {identity: since for identity, since in self._renamed.items() if identity in found}
        self.backlog_bytes, self.oldest_seconds, self.size_bytes = 0, 0.0, 0
        for segment in segments:
            position = self._positions.setdefault(segment.identity, _Position())
            try:
                size = segment.path.stat().st_size
                if size > position.offset:
                    self.backlog_bytes += size - position.offset
                    self.oldest_seconds = max(self.oldest_seconds, _age(segment.path, position.offset))
                if segment.number is None:
                    self.size_bytes = self._rotate(segment, size, [each for each in segments if each is not segment])
                    continue
                quiet = now - self._renamed.setdefault(segment.identity, now) >= self._grace_seconds
                if quiet and size == position.offset == self._saved.get(segment.identity):
                    segment.path.unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                yield error
        try:
            self._limit.mark(self.size_bytes)
        except OSError as error:
            yield error

    def _rotate(self, current: _Segment, size: int, renamed: list[_Segment]) -> int:
        """Rename the file that writers append to where it is large; return the size it has then."""
        if size >= self._segment_bytes and sum(each.size for each in renamed) < self.limit_bytes:
            number = max((each.number or 0 for each in renamed), default=0) + 1
            current.path.rename(self._directory / f"spool.{number:06d}.jsonl")
            size = 0
        return size


def _head(descriptor: int, length: int) -> tuple[int, int]:
    return length, zlib.crc32(os.pread(descriptor, length, 0))


def _age(path: Path, offset: int) -> float:
    """Return how long the record at an offset has been waiting, in seconds."""
    now = time.time()
    with path.open("rb") as file:
        file.seek(offset)
        line = file.readline(4096).strip() or file.readline(4096)
    try:
        entry = parse_line(line)
    except InvalidRecordError:
        entry = None
    when = entry.time if isinstance(entry, Record) else path.stat().st_mtime
    return max(0.0, now - when)
