"""The lock that lets one exporter at a time read a spool."""

import contextlib
import fcntl
import os
from pathlib import Path

from agentgauge.errors import SpoolError


class Lock:
    """A lock on a file, which goes with its process however that ends.

    Args:
        path: the file; it and its directory are made where they are missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock; where it is held already make sure that its file is still the one others would lock.

        Raises:
            SpoolError: another process has it, or the file cannot be made.
        """
        try:
            if self._descriptor >= 0:
                if self._is_current(self._descriptor):
                    return
                self.release()
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
                os.close(descriptor)
                raise SpoolError(
                    f"{self._path.parent}: the exporter with process id {owner} already reads this spool; "
                    "stop it, or set AGENTGAUGE_HOME to another directory"
                ) from None
            self._descriptor = descriptor
            with contextlib.suppress(OSError):  # on a full disk the lock holds without its owner's name
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            raise SpoolError(f"{self._path.parent}: cannot be used as the spool: {error.strerror}") from error

    def release(self) -> None:
        """Give the lock up; the file stays, for another process may be about to lock it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False
