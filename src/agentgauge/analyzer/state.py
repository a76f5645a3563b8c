"""State: the analyzer's memory in a file, so that a restart costs no re-learning."""

import json
import logging
import os
import zipfile
from collections.abc import Container, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from agentgauge.analyzer.findings import Accepted, Episode, Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.series import Series

VERSION: Final = 1

_log: Final = logging.getLogger(__name__)


def save(path: Path, history: History, findings: Sequence[Finding] = ()) -> None:
    """Write the memory to a file, atomically.

    Args:
        path: the file.
        history: what is remembered of every series.
        findings: one per row of it; what would not be found again from the history is kept.

    Raises:
        OSError: it cannot be written; what was there before is intact.
    """
    arrays = history.arrays()
    if not arrays:
        return
    head = {
        "version": VERSION,
        "series": [[series.signal, series.labels] for series in history.series],
        "findings": [_kept(finding) for finding in findings],
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    with open(temporary, "wb", opener=_private) as file:
        np.savez(file, head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def restore(path: Path, history: History, signals: Container[str]) -> list[Finding]:
    """Take over the memory in a file, less the signals no longer watched; return a finding per series, none for none.

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
        # A memory of before findings were kept has none.
        found = head.get("findings") or [{}] * len(series)
        findings = [_finding(one, body) for one, body in zip(series, found, strict=True)]
        if not history.restore(known, arrays):
            _log.info("%s: remembered at another interval or history length; learning anew", path)
            return []
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
        _log.warning("%s: cannot be read (%s); set aside, learning anew", path, error)
        _set_aside(path)
        return []
    return [finding for finding, keep in zip(findings, kept, strict=True) if keep]


def _kept(finding: Finding) -> dict[str, Any]:
    """Return what is going on and what was accepted, as JSON; empty for nothing."""
    if not (finding.anomaly or finding.episode or finding.accepted or finding.decades):
        return {}
    return {
        "judged": finding.judged,
        "decades": finding.decades,
        "anomaly": finding.anomaly,
        "episode": finding.episode and asdict(finding.episode),
        "accepted": [asdict(one) for one in finding.accepted],
    }


def _finding(series: Series, body: dict[str, Any]) -> Finding:
    if not body:
        return Finding(series)
    episode = Episode(**body["episode"]) if body["episode"] else None
    accepted = tuple(Accepted(**one) for one in body["accepted"])
    judged = {name: body[name] for name in ("judged", "decades", "anomaly")}
    return Finding(series, episode=episode, accepted=accepted, **judged)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _set_aside(path: Path) -> None:
    try:
        path.replace(path.with_name(f"{path.name}.unreadable"))
    except OSError as error:
        _log.warning("%s: cannot be set aside: %s", path, error.strerror)
