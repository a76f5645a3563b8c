"""Results: what benchmarks and one-shot runs of agents leave behind, read once; each format is one function."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from agentgauge.errors import InvalidRecordError
from agentgauge.record import Record

MAX_BYTES: Final = 256 << 20
"""A larger file is not read: trajectories have some megabytes."""

_T = TypeVar("_T")
_STATUS: Final = re.compile(r"[A-Za-z_]{1,40}")


class Format(NamedTuple):
    """One format of results.

    Args:
        name: the ``source`` label.
        what: what a file of it is called in an error.
        endings: of the names of such files in a directory.
        records: turns a file's content into records; raises InvalidRecordError saying what is missing.
    """

    name: str
    what: str
    endings: tuple[str, ...]
    records: Callable[[bytes], list[Record]]


def files(path: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Yield a file itself, or the files under a directory whose names end so, in order.

    Raises:
        OSError: a directory cannot be read.
    """
    if not path.is_dir():
        yield path
        return
    for item in sorted(path.iterdir()):
        if item.is_dir() and not item.is_symlink():
            yield from files(item, endings)
        elif item.name.endswith(endings) and item.is_file():
            yield item


def read(path: Path, results: Format) -> list[Record]:
    """Return the records of one file.

    Raises:
        InvalidRecordError: it is not of the format; one line that says why.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InvalidRecordError(f"{size} bytes are more than the {MAX_BYTES} that are read")
    body = path.read_bytes()
    if not body.strip():
        raise InvalidRecordError("it is empty")
    return results.records(body)


def decoded(body: bytes, schema: type[_T]) -> _T:
    """Return a JSON file's content.

    Raises:
        InvalidRecordError: it is not JSON, or not of the schema.
    """
    try:
        return msgspec.json.decode(body, type=schema)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        raise InvalidRecordError(f"{place.rstrip('`').lstrip('.') + ': ' if place else ''}{problem}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidRecordError(f"not JSON: {error}") from None


def run(agent: str, outcome: str, error_type: str, amounts: dict[str, Any], time: float) -> Record:
    """Return the record of one run of an agent.

    Args:
        agent: the label value.
        outcome: success, failure, cancelled, timeout or budget.
        error_type: empty for a success.
        amounts: those that are known; None is not.
        time: unix seconds at its end.
    """
    labels = {"gen_ai_agent_name": agent, "task_type": "", "error_type": error_type, "outcome": outcome}
    return Record("agent", time, labels, {name: value for name, value in amounts.items() if value is not None})


def judged(status: str) -> tuple[str, str]:
    """Return the outcome and the error type of an exit status.

    A status in parentheses is why an agent had to submit what it had: that it stopped so is what counts.
    """
    reason = re.search(r"\(([^)]*)\)", status)
    stopped = (reason[1] if reason else status).strip()
    lowered = stopped.lower()
    if lowered == "submitted":
        return "success", ""
    error = stopped if _STATUS.fullmatch(stopped) else "other"
    if "cost" in lowered or "limit" in lowered or "budget" in lowered or "max_turns" in lowered:
        return "budget", error
    if "time" in lowered:
        return "timeout", error
    if "interrupt" in lowered or "cancel" in lowered or "abort" in lowered:
        return "cancelled", error
    return "failure", error
