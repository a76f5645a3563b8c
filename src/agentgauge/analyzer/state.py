"""State: the analyzer's memory in a file, so that a restart costs no re-learning."""

import json
import logging
import os
import zipfile
from collections.abc import Container
from pathlib import Path
from typing import Final

import numpy as np

from agentgauge.analyzer.history import History
from agentgauge.analyzer.series import Series

VERSION: Final = 1

_log: Final = logging.getLogger(__name__)


def save(path: Path, history: History) -> None:
    """Write the memory to a file, atomically.

    Raises:
        OSError: it cannot be written; what was there before is intact.
    """
    arrays = history.arrays()
    if not arrays:
        return
    head = {"version": VERSION, "series": [[series.signal, series.labels] for series in history.series]}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    with open(temporary, "wb", opener=_private) as file:
        np.savez(file, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def restore(path: Path, history: History, signals: Container[str]) -> bool:
    """Take over the memory in a file, less the signals no longer watched; return whether there was one.

    A file that is damaged, or of a version this one does not know, is set aside as ``*.unreadable`` with one line in
    the log; the analyzer then learns anew.
    """
    try:
        # Opened here: numpy does not close what turns out to be no archive.
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            if head["version"] != VERSION:
                raise ValueError(f"version {head['version']!r}, not {VERSION}")  # noqa: TRY301 - one place for all
            series = [Series(str(name), tuple((str(n), str(v)) for n, v in labels)) for name, labels in head["series"]]
            arrays = {name: file[name] for name in file.files if name != "head"}
        kept = np.array([one.signal in signals for one in series], dtype=np.bool_)
        for name in ("fine", "excluded", "coarse", "last_seen", "usual_events"):
            if name in arrays or name != "usual_events":
                arrays[name] = arrays[name][kept]
        known = [one for one, keep in zip(series, kept, strict=True) if keep]
        if not history.restore(known, arrays):
            _log.info("%s: remembered at another interval or history length; learning anew", path)
            return False
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
        _log.warning("%s: cannot be read (%s); set aside, learning anew", path, error)
        _set_aside(path)
        return False
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _set_aside(path: Path) -> None:
    try:
        path.replace(path.with_name(f"{path.name}.unreadable"))
    except OSError as error:
        _log.warning("%s: cannot be set aside: %s", path, error.strerror)
