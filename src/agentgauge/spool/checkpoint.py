"""The checkpoint: where reading stopped and what had been counted by then, in one file, whole or not at all."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from agentgauge.errors import SpoolError

VERSION: Final = 1

_log: Final = logging.getLogger(__name__)


class Checkpoint:
    """Sections of state in one JSON file that is replaced atomically.

    Args:
        path: the file; its directory is made where it is missing.
        saved: called with the sections once they are on disk; the spool reader's ``saved``, for instance.
    """

    def __init__(self, path: Path, saved: Callable[[dict[str, Any]], None] | None = None) -> None:
        self._path = path
        self._saved = saved

    def load(self) -> dict[str, Any]:
        """Return the sections last saved: none where there is no file, or one that is damaged and is moved aside.

        Raises:
            SpoolError: the file cannot be read, or a newer agentgauge wrote it.
        """
        try:
            body = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SpoolError(f"{self._path}: cannot be read: {error.strerror}") from error
        try:
            checkpoint = msgspec.json.decode(body)
            version, sections = checkpoint["version"], checkpoint["sections"]
        except (ValueError, RecursionError, KeyError, TypeError):
            return self._set_aside()
        if isinstance(version, int) and version > VERSION:
            raise SpoolError(
                f"{self._path}: written by a newer agentgauge (format {version}, this one knows {VERSION}); "
                "upgrade agentgauge, or move the file away to count from zero"
            )
        return sections if version == VERSION and isinstance(sections, dict) else self._set_aside()

    def save(self, sections: dict[str, Any]) -> None:
        """Replace what is saved.

        Raises:
            SpoolError: it cannot be written; what was saved before still is.
        """
        body = msgspec.json.encode({"version": VERSION, "sections": sections})
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self._path.with_name(self._path.name + ".tmp")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(descriptor)
            temporary.replace(self._path)
            _sync_directory(self._path.parent)
        except OSError as error:
            raise SpoolError(f"{self._path}: cannot be written: {error.strerror}") from error
        if self._saved is not None:
            self._saved(sections)

    def _set_aside(self) -> dict[str, Any]:
        aside = self._path.with_name(f"{self._path.name}.invalid-{int(time.time())}")
        try:
            self._path.replace(aside)
        except OSError as error:
            raise SpoolError(f"{self._path}: damaged, and cannot be moved aside: {error.strerror}") from error
        _log.warning("%s is damaged; moved to %s, counting from zero", self._path, aside.name)
        return {}


def _sync_directory(directory: Path) -> None:
    """Make a rename in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
