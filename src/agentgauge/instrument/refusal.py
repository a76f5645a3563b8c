"""Refusal: what is wrong with something recorded at run time is counted and told once, never raised."""

import logging
import math
import time
from typing import Final

from agentgauge.cells import CELLS
from agentgauge.record import MAX_LABEL_CHARS, Record

_log: Final = logging.getLogger("agentgauge")
_told: Final[set[str]] = set()
_MOST_TOLD: Final = 100


def refuse(problem: str) -> None:
    """Count something that cannot be recorded, and log why, once.

    The code that records is the user's, and goes on: ``agentgauge_records_total{source="instrument",
    result="invalid"}`` counts it.

    Args:
        problem: one line, of names and types but no content.
    """
    CELLS.record(Record("read", time.time(), {"source": "instrument", "result": "invalid"}, {"count": 1.0}))
    if problem not in _told and len(_told) < _MOST_TOLD:
        _told.add(problem)
        _log.warning("%s; it is not recorded", problem)


def label_or_refuse(what: str, value: object) -> str | None:
    """Return a label value, cut to its greatest length, or None and refuse what is no string."""
    if isinstance(value, str):
        return value[:MAX_LABEL_CHARS]
    refuse(f"{what} must be a string, not {type(value).__name__}")
    return None


def number_or_refuse(what: str, value: object, most: float = math.inf) -> float | None:
    """Return a finite number from 0 to ``most``, or None and refuse anything else."""
    if isinstance(value, (bool, str)) or not hasattr(type(value), "__float__"):
        refuse(f"{what} must be a number, not {type(value).__name__}")
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - an integer beyond all floats, or whatever a foreign number may raise
        number = math.nan
    if not 0 <= number <= most or number == math.inf:
        refuse(f"{what} must be a number {f'from 0 to {most:g}' if most < math.inf else '>= 0'}")
        return None
    return number
