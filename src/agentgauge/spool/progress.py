"""What the log says of a long backlog."""

import logging
import time
from pathlib import Path
from typing import Final

_EVERY_SECONDS: Final = 5.0

_log: Final = logging.getLogger(__name__)


class Progress:
    """Says every few seconds how much of a backlog is left, and at last that it is done.

    Args:
        directory: the spool's, named in each line.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._begun: tuple[float, int] | None = None
        self._said = 0.0

    def note(self, backlog_bytes: int) -> None:
        """Take note of what is left after a poll."""
        now = time.monotonic()
        if self._begun is None:
            self._begun, self._said = (now, backlog_bytes), now
            _log.info("%s: %.0f MB behind", self._directory, backlog_bytes / 1e6)
        elif now - self._said >= _EVERY_SECONDS:
            self._said = now
            seconds, size = self._begun
            speed = max(0.0, (size - backlog_bytes) / (now - seconds))
            left = f", done in about {backlog_bytes / speed:.0f} s" if speed else ""
            _log.info("%s: %.0f MB behind, %.0f MB/s%s", self._directory, backlog_bytes / 1e6, speed / 1e6, left)

    def end(self) -> None:
        """Take note that nothing is left."""
        if self._begun is not None:
            _log.info("%s: caught up after %.0f s", self._directory, time.monotonic() - self._begun[0])
            self._begun = None
