"""Notice: whether something was written in a directory, told by the system where it can (inotify, Linux)."""

import ctypes
import os
import select
import struct
import sys
from pathlib import Path
from typing import Final

_MASK: Final = 0x2 | 0x100
"""IN_MODIFY, IN_CREATE; the reader's own renaming and deleting is neither."""

_IN_IGNORED: Final = 0x8000
_EVENT: Final = struct.Struct("iIII")


class Notice:
    """Waits for writers; where the system does not tell of them, ``works`` is False and whoever waits has to poll.

    Args:
        directory: may be missing, removed and made again.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._watched = (0, 0)
        self._descriptor = -1
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None)
            self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def works(self) -> bool:
        """Return whether the system tells."""
        return self._descriptor >= 0

    def wait(self, seconds: float) -> bool:
        """Wait until something is written, or so long; return whether there may be something new."""
        if self._watch():
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        self._take(os.read(self._descriptor, 1 << 16))
        return True

    def close(self) -> None:
        """Be told of nothing any more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _take(self, events: bytes) -> None:
        """Forget the directory where it is watched no longer: the one that is made anew may have its inode."""
        start = 0
        while start < len(events):
            _, mask, _, name_bytes = _EVENT.unpack_from(events, start)
            start += _EVENT.size + name_bytes
            if mask & _IN_IGNORED:
                self._watched = (0, 0)

    def _watch(self) -> bool:
        """Make sure that it is this directory which is watched; return whether it was not until now."""
        try:
            stat = self._directory.stat()
        except OSError:
            return False
        if (stat.st_dev, stat.st_ino) == self._watched:
            return False
        if self._libc.inotify_add_watch(self._descriptor, os.fsencode(self._directory), _MASK) < 0:
            return False
        self._watched = (stat.st_dev, stat.st_ino)
        return True
