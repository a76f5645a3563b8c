"""Follower: which transcript files there are, and what is new in each, in bounded memory."""

import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final, Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from agentgauge.collectors.entry import MAX_LINE_BYTES, Entry, entries

_CHUNK: Final = 1 << 20
_TAIL: Final = 64
_RESCAN_SECONDS: Final = 10.0
_RECENT_SECONDS: Final = 1800.0

_T = TypeVar("_T")


class File(NamedTuple):
    """A file as it was found: ``key`` names its device and inode, ``changed`` is unix seconds."""

    key: str
    path: str
    size: int
    changed: float


class Batch(NamedTuple, Generic[_T]):
    """What was read at once: entries, lines that are none, and lines too long to read."""

    entries: list[_T]
    invalid: int
    dropped: int


class Split(Protocol[_T]):
    """What turns bytes into entries, as ``entry.entries`` does: the entries, lines that are none, bytes done with."""

    def __call__(self, buffer: bytes, *, final: bool) -> tuple[list[_T], int, int]:
        """Return what the bytes hold, of which a last line without newline counts where ``final``."""


def is_jsonl(path: str) -> bool:
    """Return whether a file is one of JSON lines by its name."""
    return path.endswith(".jsonl")


class Listing:
    """The files of one kind under directories, at any depth, and files named themselves.

    The directories are walked every ten seconds; in between only files that changed within half an hour are looked at.

    Args:
        paths: directories and files; one that does not exist may yet appear.
        accepts: says by its path whether a file in a directory is one of them.
    """

    def __init__(self, paths: Iterable[str | Path], accepts: Callable[[str], bool] = is_jsonl) -> None:
        self._roots = [os.path.expanduser(path) for path in paths]  # noqa: PTH111 - strings are all the walk needs
        self._accepts = accepts
        self._files: dict[str, File] = {}
        self._walked = -_RESCAN_SECONDS

    def look(self, now: float, monotonic: float) -> tuple[dict[str, File], bool]:
        """Return the files by key, and whether the list is whole: a file that is not in it is gone.

        Args:
            now: unix seconds.
            monotonic: seconds of a clock that is never set.
        """
        if monotonic - self._walked >= _RESCAN_SECONDS:
            self._walked = monotonic
            self._files = {}
            walked = [self._walk(root) for root in self._roots]
            return self._files, all(walked)
        for file in [file for file in self._files.values() if now - file.changed < _RECENT_SECONDS]:
            try:
                self._keep(file.path, os.stat(file.path))  # noqa: PTH116 - half the cost of Path.stat
            except OSError:
                continue  # the next walk says whether it is gone
        return self._files, False

    def _walk(self, root: str) -> bool:
        if not os.path.isdir(root):  # noqa: PTH112
            try:
                self._keep(root, os.stat(root))  # noqa: PTH116
            except OSError:
                return False
            return True
        whole = True
        pending = [root]
        while pending:
            try:
                with os.scandir(pending.pop()) as found:
                    for item in found:
                        if item.is_dir(follow_symlinks=False):
                            pending.append(item.path)
                        elif self._accepts(item.path):
                            whole &= self._keep_item(item)
            except OSError:
                whole = False
        return whole

    def _keep_item(self, item: "os.DirEntry[str]") -> bool:
        try:
            if item.is_file():
                self._keep(item.path, item.stat())
        except OSError:
            return False
        return True

    def _keep(self, path: str, status: os.stat_result) -> None:
        key = f"{status.st_dev:x}:{status.st_ino:x}"
        self._files[key] = File(key, path, status.st_size, status.st_mtime)


class Position(Struct, array_like=True):
    """How far a file has been read.

    Args:
        offset: of the first byte not read.
        tail: a hash of the last bytes before it, by which a file that was replaced is known.
        skipping: whether the offset is inside a line too long to read.
    """

    offset: int = 0
    tail: str = ""
    skipping: bool = False

    @classmethod
    def after(cls, content: bytes) -> "Position":
        """Return the position after the whole of a file."""
        return cls(len(content), _hash(content[-_TAIL:]))

    def holds(self, file: BinaryIO) -> bool:
        """Return whether the file still has, up to the offset, what was read there."""
        return not self.offset or self.tail == _hash(self._before(file))

    def read(self, file: BinaryIO, *, final: bool = False) -> Iterator[Batch[Entry]]:
        """Yield what is new in a transcript of Claude Code; see ``split``."""
        return self.split(file, entries, final=final)

    def split(self, file: BinaryIO, split: Split[_T], *, final: bool = False) -> Iterator[Batch[_T]]:
        """Yield what is new, the position being after each batch as it is yielded.

        Args:
            file: the file, open for reading.
            split: turns its bytes into entries.
            final: nothing will follow, so that a last line without newline is read as well.
        """
        last, parts = self._before(file), list[bytes]()
        file.seek(self.offset)
        ended = False
        while not ended:
            chunk = file.read(_CHUNK)
            ended = not chunk
            if self.skipping and chunk:
                end = chunk.find(b"\n") + 1 or len(chunk)
                self.skipping = not chunk.endswith(b"\n", 0, end)
                self.offset, last = self.offset + end, (last + chunk[:end])[-_TAIL:]
                chunk = chunk[end:]
            parts.append(chunk)
            if not ended and b"\n" not in chunk and sum(map(len, parts)) <= MAX_LINE_BYTES:
                continue  # joined once, where the line ends
            buffer = b"".join(parts)
            if ended and not (final and buffer):
                break
            found, invalid, used = split(buffer, final=ended)
            dropped = len(buffer) - used > MAX_LINE_BYTES
            if dropped:
                self.skipping, used = True, len(buffer)
            last = (last + buffer[max(0, used - _TAIL) : used])[-_TAIL:]
            self.offset, parts = self.offset + used, [buffer[used:]]
            self.tail = _hash(last)
            yield Batch(found, invalid, int(dropped))
        self.tail = _hash(last)

    def _before(self, file: BinaryIO) -> bytes:
        start = max(0, self.offset - _TAIL)
        file.seek(start)
        return file.read(self.offset - start)


def transcripts(path: str | Path) -> list[File]:
    """Return the transcripts at a path: itself, or those under it."""
    return list(Listing([path]).look(0.0, 0.0)[0].values())


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()
