"""The limit of the spool: how large the file may become that writers append to, and what they dropped at it."""

from pathlib import Path

from agentgauge_spool import spool_max_bytes


class Limit:
    """The reader's side of the limit; writers see to it themselves, and count in ``dropped``, a byte a record.

    Args:
        directory: the spool's.
    """

    def __init__(self, directory: Path) -> None:
        self._dropped = directory / "dropped"
        self._full = directory / "full"
        self.bytes = spool_max_bytes()
        self.counted = (0, 0, 0)
        """Device and inode of ``dropped``, and how much of it was counted."""

    def count_dropped(self) -> int:
        """Return how many records writers have dropped since the last time."""
        try:
            stat = self._dropped.stat()
        except FileNotFoundError:
            self.counted = (0, 0, 0)
            return 0
        device, inode, counted = self.counted
        if (device, inode) != (stat.st_dev, stat.st_ino) or stat.st_size < counted:
            counted = 0
        self.counted = (stat.st_dev, stat.st_ino, stat.st_size)
        return stat.st_size - counted

    def mark(self, size: int) -> None:
        """Tell writers that see no sizes, shells, whether the file is full."""
        if size >= self.bytes:
            self._full.touch(mode=0o600)
        else:
            self._full.unlink(missing_ok=True)
