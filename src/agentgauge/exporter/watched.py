"""What the exporter watches, in words for the status page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agentgauge.totals import Family, Histogram
from agentgauge.web import text
from agentgauge.web.hooks import PATH
from agentgauge.web.status import ProcessRow, Watched

_LATE_SECONDS: Final = 60.0
_PROCESS: Final = {
    "agentgauge_processes": "processes",
    "agentgauge_process_resident_memory_bytes": "resident_bytes",
    "agentgauge_process_open_fds": "open_fds",
    "agentgauge_process_threads": "threads",
}

Counts = dict[str, float]


def spool_row(directory: Path, backlog_bytes: float, oldest_seconds: float, counts: Counts) -> Watched:
    """Describe the spool.

    Args:
        directory: where it is.
        backlog_bytes: what is not read yet.
        oldest_seconds: how long the oldest of that has waited.
        counts: records by result.
    """
    late = oldest_seconds > _LATE_SECONDS
    behind = f"{text.size(backlog_bytes)} behind" if backlog_bytes else "up to date"
    hint = (
        ""
        if counts.get("accepted")
        else "Hooks run by agentgauge-hook and workers that report to the spool appear here."
    )
    return Watched("Spool", tilde(str(directory)), "warn" if late else "good", behind, counts, hint)


def transcripts_row(directories: Sequence[str], files: int, counts: Counts) -> Watched:
    """Describe the Claude Code transcripts.

    Args:
        directories: as configured.
        files: how many are followed.
        counts: records by result.
    """
    where = ", ".join(tilde(directory) for directory in directories)
    if files:
        return Watched("Claude Code transcripts", where, "good", f"{files} {'file' if files == 1 else 'files'}", counts)
    hint = "No transcript there yet. Another place: --transcripts DIR."
    return Watched("Claude Code transcripts", where, "", "none found", counts, hint)


def hooks_row(counts: Counts) -> Watched:
    """Describe the hooks that Claude Code's sessions call over HTTP.

    Args:
        counts: records by result.
    """
    if counts.get("accepted"):
        return Watched("Claude Code hooks", PATH, "good", "received", counts)
    hint = "Sessions report here once 'agentgauge hooks install claude-code' has told them to."
    return Watched("Claude Code hooks", PATH, "", "none received", counts, hint)


def logs_row(client: str, directories: Sequence[str], files: int, counts: Counts) -> Watched:
    """Describe the logs of another client.

    Args:
        client: the collector's name.
        directories: as configured.
        files: how many are followed.
        counts: records by result.
    """
    where = ", ".join(tilde(directory) for directory in directories)
    return Watched(
        f"{client.capitalize()} CLI logs", where, "good", f"{files} {'file' if files == 1 else 'files'}", counts
    )


def processes_row(roles: Sequence[str], running: Sequence[ProcessRow], counts: Counts) -> Watched:
    """Describe the process groups.

    Args:
        roles: as configured.
        running: roles with a process.
        counts: records by result.
    """
    number = sum(row.processes for row in running)
    summary = f"{text.count(number)} running" if number else "none running"
    return Watched("Processes", ", ".join(roles), "good" if number else "", summary, counts)


def process_rows(families: Sequence[Family]) -> list[ProcessRow]:
    """Return the roles that have a process."""
    rows: dict[str, dict[str, float]] = {}
    for family in families:
        field = _PROCESS.get(family.metric.name)
        if field is not None:
            for (role,), value in family.samples.items():
                assert not isinstance(value, Histogram)
                rows.setdefault(role, dict.fromkeys(_PROCESS.values(), 0.0))[field] = value
    return [ProcessRow(role, **values) for role, values in rows.items() if values["processes"]]


def record_counts(families: Sequence[Family]) -> dict[str, Counts]:
    """Return the number of records by source and result."""
    counts: dict[str, Counts] = {}
    for family in families:
        if family.metric.name == "agentgauge_records_total":
            for (source, result), value in family.samples.items():
                assert not isinstance(value, Histogram)
                counts.setdefault(source, {})[result] = value
    return counts


def tilde(path: str) -> str:
    """Write the user's own directory as ``~``, as a page on a shared screen should."""
    own = str(Path.home())
    return "~" + path[len(own) :] if path == own or path.startswith(own + "/") else path
