"""The journal: what the exporter was told directly, on disk before it is answered for, until a checkpoint covers it.

The exporter is its only writer, and reads it only when it starts: a place in it belongs to each checkpoint, and what
stands behind that place was not counted yet.
"""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from agentgauge.errors import SpoolError


class Place(NamedTuple):
    """The end of what was written: the number of a file, and bytes in it."""

    number: int = 0
    offset: int = 0


class Journal:
    """Lines in numbered files; a process begins its own.

    Args:
        directory: of the files; made where it is missing.
        name: what their names begin with.
        file_bytes: the size past which the next file is begun.
        limit_bytes: the most that all files have; they are deleted as checkpoints cover them.
    """

    def __init__(self, directory: Path, name: str, file_bytes: int = 1 << 20, limit_bytes: int = 16 << 20) -> None:
        self._directory = directory
        self._name = name
        self._file_bytes = file_bytes
        self._limit_bytes = limit_bytes
        self._descriptor = -1
        self._sizes = {number: path.stat().st_size for number, path in self._files()}
        last = max(self._sizes, default=0)
        self.place = Place(last, self._sizes.get(last, 0))

    def append(self, line: bytes) -> None:
        """Append one line that ends with a newline; once it returns, killing the process loses nothing.

        Raises:
            SpoolError: the line was not written.
        """
        if sum(self._sizes.values()) >= self._limit_bytes:
            raise SpoolError(f"the journal {self._name} is full, for no checkpoint can be saved")
        try:
            if self._descriptor < 0 or self.place.offset >= self._file_bytes or not os.fstat(self._descriptor).st_nlink:
                self._begin()
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise SpoolError(f"the journal {self._name} cannot be written: {error.strerror}") from error
        if written < len(line):
            self._take_back()
            raise SpoolError(f"the journal {self._name} cannot be written: the disk is full")
        self.place = Place(self.place.number, self.place.offset + written)
        self._sizes[self.place.number] = self.place.offset

    def since(self, place: Place) -> list[bytes]:
        """Return the lines behind a place, in their order.

        Raises:
            SpoolError: a file cannot be read.
        """
        lines: list[bytes] = []
        try:
            for number, path in self._files():
                if number >= place.number:
                    content = path.read_bytes()[place.offset if number == place.number else 0 :]
                    lines += content[: content.rfind(b"\n") + 1].splitlines()
        except OSError as error:
            raise SpoolError(f"the journal {self._name} cannot be read: {error.strerror}") from error
        return lines

    def saved(self, place: Place) -> None:
        """Take note that a checkpoint covers all up to a place: files before it are deleted."""
        for number in [number for number in self._sizes if number < place.number]:
            with contextlib.suppress(OSError):
                self._path(number).unlink(missing_ok=True)
                del self._sizes[number]

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self) -> None:
        self.close()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = self.place.number + 1
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._path(number), flags, 0o600)
        self.place = Place(number)

    def _take_back(self) -> None:
        """Remove the part of a line that was written, or begin another file with the next."""
        try:
            os.ftruncate(self._descriptor, self.place.offset)
        except OSError:
            self.close()

    def _path(self, number: int) -> Path:
        return self._directory / f"{self._name}.{number:06d}.jsonl"

    def _files(self) -> list[tuple[int, Path]]:
        """Return the files and their numbers, oldest first."""
        start = f"{self._name}."
        found = []
        for path in self._directory.glob(f"{start}*.jsonl"):
            number = path.name.removeprefix(start).removesuffix(".jsonl")
            if number.isascii() and number.isdigit():
                found.append((int(number), path))
        return sorted(found)
