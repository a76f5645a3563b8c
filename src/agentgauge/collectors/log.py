"""Log: follows the files in which an agent's client logs its sessions, and yields the records of what is in them."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from agentgauge.collectors.entry import MAX_LINE_BYTES
from agentgauge.collectors.follower import File, Listing, Position, Split, is_jsonl
from agentgauge.collectors.saved import read_state
from agentgauge.collectors.seen import Seen
from agentgauge.record import Record

IDLE_SECONDS: Final = 900.0
"""A file that has not grown for so long ends its run, unless a tool is still at work."""

ABANDONED_SECONDS: Final = 6 * 3600.0
"""... ends everything."""

_MAX_WHOLE_BYTES: Final = 64 << 20
_WRITTEN_SECONDS: Final = 30.0


class Line(Protocol):
    """One entry of a log."""

    @property
    def known(self) -> bool:
        """Whether it is one such a log has."""


_Line = TypeVar("_Line", bound=Line)
_Read = TypeVar("_Read", contravariant=True)


class Session(Protocol[_Read]):
    """What must be remembered of one file between two readings; a msgspec Struct."""

    def read(self, line: _Read, seen: Seen, records: list[Record]) -> bool:
        """Take the next line, append the records now complete, and return whether it was counted before."""

    @property
    def waiting(self) -> bool:
        """Whether something has begun and not ended."""

    @property
    def busy(self) -> bool:
        """Whether a tool is at work."""

    def rest(self, records: list[Record]) -> None:
        """End the run in progress: nothing will follow for a while."""

    def close(self, records: list[Record]) -> None:
        """End everything: nothing will follow."""


class LogCollector(Generic[_Line]):
    """Follows one client's logs; implements the exporter's Collector.

    The state holds no path, id or text, only hashes, inode numbers, times, counts and label values.

    Args:
        name: the ``source`` label.
        paths: directories and files.
        session: makes what is remembered of a file; its type is a msgspec Struct.
        split: turns the bytes of a file of lines into lines.
        whole: turns a file that is written whole, again and again, into lines; its name ends with ``.json``.
        accepts: says by its path whether a file in a directory is a log.
    """

    def __init__(
        self,
        name: str,
        paths: Iterable[str | Path],
        session: type[Session[_Line]],
        split: Split[_Line],
        *,
        whole: Callable[[bytes], list[_Line]] | None = None,
        accepts: Callable[[str], bool] = is_jsonl,
    ) -> None:
        self.name = name
        self._listing, self._accepts = Listing(paths, accepts), accepts
        self._session, self._split, self._whole = session, split, whole
        self._followed: dict[str, tuple[Position, Session[_Line]]] = {}
        self._seen = Seen()
        self._looked: dict[str, tuple[int, float]] = {}
        self._ended: dict[str, tuple[int, float]] = {}
        self._refused = {"invalid": 0, "duplicate": 0, "dropped": 0}

    @property
    def files(self) -> int:
        """Return how many files are followed."""
        return len(self._followed)

    def poll(self) -> Iterator[Record]:
        """Yield the records of what was written since the last poll."""
        now = time.time()
        files, whole = self._listing.look(now, time.monotonic())
        for file in sorted(files.values(), key=_by_name):
            if self._looked.get(file.key) != (file.size, file.changed):
                yield from self._read(file, final=False)
            if now - file.changed >= IDLE_SECONDS and file.key in self._followed:
                yield from self._last_line(file)
                yield from self._rest(file, now - file.changed)
        if whole:
            for key in [key for key in self._followed if key not in files]:
                self._looked.pop(key, None)
                self._ended.pop(key, None)
                yield from _closed(self._followed.pop(key)[1])
        yield from self._refusals(now)

    def finish(self) -> Iterator[Record]:
        """Yield the records of what is still open, taking every file to be at its end."""
        now = time.time()
        files, _ = self._listing.look(now, time.monotonic())
        for file in sorted(files.values(), key=_by_name):
            yield from self._read(file, final=True)
            if file.key in self._followed:
                yield from _closed(self._followed[file.key][1])
        yield from self._refusals(now)

    def found(self, path: Path) -> list[File]:
        """Return the logs at a path: itself, or those under it."""
        return list(Listing([path], self._accepts).look(0.0, 0.0)[0].values())

    def knows(self, path: Path) -> bool:
        """Return whether any entry of a file is one such a log has.

        Raises:
            OSError: it cannot be read.
        """
        if self._whole is not None and path.name.endswith(".json"):
            try:
                return any(line.known for line in self._whole(path.read_bytes()))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                return False
        with path.open("rb") as body:
            batches = Position().split(body, self._split, final=True)
            return any(line.known for batch in batches for line in batch.entries)

    def state(self) -> object:
        """Return what ``restore`` needs."""
        return {"seen": self._seen.state(), "files": msgspec.to_builtins(self._followed)}

    def restore(self, state: object) -> None:
        """Go on from a state.

        Raises:
            SpoolError: it is not one.
        """
        schema: Any = dict[str, tuple[Position, self._session]]  # type: ignore[name-defined]
        saved = read_state(self.name, state, dict[str, Any])
        followed = read_state(self.name, saved.get("files"), schema)
        self._seen.restore(saved.get("seen"))
        self._followed = followed
        self._looked.clear()

    def _read(self, file: File, *, final: bool) -> Iterator[Record]:
        if file.key not in self._followed:
            self._followed[file.key] = (Position(), self._session())
        known = file.key in self._looked
        self._looked[file.key] = (file.size, file.changed)
        try:
            if self._whole is not None and file.path.endswith(".json"):
                yield from self._read_whole(file, self._whole, known, final)
            else:
                yield from self._read_lines(file, final)
        except OSError:
            self._refused["dropped"] += 1

    def _read_lines(self, file: File, final: bool) -> Iterator[Record]:
        position, session = self._followed[file.key]
        with Path(file.path).open("rb") as body:
            if file.size < position.offset or not position.holds(body):
                yield from _closed(session)
                position, session = self._followed[file.key] = (Position(), self._session())
            for batch in position.split(body, self._split, final=final):
                self._refused["invalid"] += batch.invalid
                self._refused["dropped"] += batch.dropped
                yield from self._take(session, batch.entries)

    def _read_whole(
        self, file: File, whole: Callable[[bytes], list[_Line]], known: bool, final: bool
    ) -> Iterator[Record]:
        before, session = self._followed[file.key]
        if file.size > _MAX_WHOLE_BYTES:
            self._refused["dropped"] += 1
            return
        body = Path(file.path).read_bytes()
        position = Position.after(body)
        if position == before and not known:
            return  # after a restart, what it was when it was last read
        try:
            lines = whole(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            if final or time.time() - file.changed >= _WRITTEN_SECONDS:
                self._refused["invalid"] += 1
            else:
                del self._looked[file.key]  # it may be being written
            return
        self._followed[file.key] = (position, session)
        yield from self._take(session, lines)

    def _take(self, session: Session[_Line], lines: Iterable[_Line]) -> Iterator[Record]:
        records: list[Record] = []
        for line in lines:
            self._refused["duplicate"] += session.read(line, self._seen, records)
            if records:  # handed on at once: thousands that wait would keep the garbage collector busy
                yield from records
                records.clear()

    def _last_line(self, file: File) -> Iterator[Record]:
        """Read a last line that has no newline if it is whole; else it goes on waiting."""
        position, session = self._followed[file.key]
        looked = (file.size, file.changed)
        if file.size <= position.offset or position.skipping or self._ended.get(file.key) == looked:
            return
        self._ended[file.key] = looked
        ahead = Position(position.offset, position.tail)
        try:
            with Path(file.path).open("rb") as body:
                batches = list(ahead.split(body, self._split, final=True))
        except OSError:
            return
        if not any(batch.invalid or batch.dropped for batch in batches):
            self._followed[file.key] = (ahead, session)
            yield from self._take(session, [line for batch in batches for line in batch.entries])

    def _rest(self, file: File, quiet: float) -> Iterator[Record]:
        session = self._followed[file.key][1]
        if session.waiting and (quiet >= ABANDONED_SECONDS or not session.busy):
            records: list[Record] = []
            session.rest(records)
            yield from records

    def _refusals(self, now: float) -> Iterator[Record]:
        for result, count in self._refused.items():
            if count:
                yield Record("read", now, {"source": self.name, "result": result}, {"count": count})
                self._refused[result] = 0


def split_lines(decode: Callable[[bytes], _Line]) -> Split[_Line]:
    """Return a Split for files with one JSON object a line.

    Args:
        decode: raises msgspec.DecodeError for a line that is none.
    """

    def split(buffer: bytes, *, final: bool) -> tuple[list[_Line], int, int]:
        end = len(buffer) if final else buffer.rfind(b"\n") + 1
        found, invalid = list[_Line](), 0
        for line in buffer[:end].split(b"\n"):
            stripped = line.strip()
            try:
                if stripped and len(stripped) <= MAX_LINE_BYTES:
                    found.append(decode(stripped))
                else:
                    invalid += bool(stripped)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                invalid += 1
        return found, invalid, end

    return split


def unix(timestamp: str | None) -> float:
    """Return an ISO-8601 time as unix seconds, or 0 where it is none."""
    try:
        return datetime.fromisoformat(timestamp).timestamp() if timestamp else 0.0
    except (ValueError, OverflowError, OSError):
        return 0.0


def _closed(session: Session[Any]) -> list[Record]:
    records: list[Record] = []
    session.close(records)
    return records


def _by_name(file: File) -> tuple[str, str]:
    # The names of sessions begin with their date, so that one comes before those forked from it.
    return file.path.rpartition("/")[2], file.path
