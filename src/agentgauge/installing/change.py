"""Change: what an installation does to one file, shown before it is done and done at once or not at all."""

import contextlib
import difflib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from agentgauge.errors import UsageError

_NEW_FILE_MODE: Final = 0o600


class Change(Protocol):
    """One step of a plan."""

    def diff(self) -> str:
        """Return it as a unified diff."""

    def apply(self) -> None:
        """Do it; raises UsageError, one line, where the system refuses."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and what there is to say about it."""

    changes: Sequence[Change] = ()
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A file's new content.

    Args:
        path: the file.
        before: what it holds; None where there is no file.
        after: what it shall hold; None to delete it.
        backup: a file beside it that keeps ``kept``, or is deleted where that is None.
        kept: what was there before agentgauge came.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    backup: Path | None = None
    kept: bytes | None = None

    def diff(self) -> str:
        """Return it as a unified diff."""
        return unified_diff(self.path, self.before, self.after)

    def apply(self) -> None:
        """Write the backup, then the file, each atomically.

        Raises:
            UsageError: the system refuses.
        """
        if self.before is not None and not os.access(self.path, os.W_OK):
            raise UsageError(f"{self.path}: cannot be changed: it is read-only")
        try:
            if self.backup is not None and self.kept is not None:
                replace_file(self.backup, self.kept, like=self.path)
            if self.after is None:
                self.path.unlink()
            else:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(self.path, self.after, like=self.path)
            if self.backup is not None and self.kept is None:
                self.backup.unlink(missing_ok=True)
        except OSError as error:
            raise refused(self.path, error) from error


def read_file(path: Path) -> bytes | None:
    """Return a file's content, None where there is none.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def replace_file(path: Path, body: bytes, *, like: Path) -> None:
    """Replace a file atomically; it gets the mode and, where allowed, the owner of ``like``.

    Raises:
        OSError: the system refuses.
    """
    try:
        status = like.stat()
        mode = stat.S_IMODE(status.st_mode)
    except FileNotFoundError:
        status, mode = None, _NEW_FILE_MODE
    temporary = path.with_name(f"{path.name}.agentgauge-{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(descriptor)
            if status is not None:
                with contextlib.suppress(OSError):
                    os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def unified_diff(path: Path, before: bytes | None, after: bytes | None) -> str:
    """Return the difference of two contents of a file; None is no file."""
    old, new = ["/dev/null" if body is None else str(path) for body in (before, after)]
    was, becomes = [_lines(body or b"") for body in (before, after)]
    lines = difflib.unified_diff(was, becomes, old, new)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def refused(path: Path, error: OSError) -> UsageError:
    """Return the error for a file that the system does not let us change."""
    return UsageError(f"{path}: cannot be changed: {error.strerror}")


def _lines(body: bytes) -> list[str]:
    return [line.decode("utf-8", "replace") for line in body.splitlines(keepends=True)]
