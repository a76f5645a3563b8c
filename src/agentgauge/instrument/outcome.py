"""How a call ended, from the exception that ended it."""

import asyncio
import concurrent.futures
from typing import Final

OUTCOMES: Final = ("success", "failure", "cancelled", "timeout", "budget")
"""Outcomes of an agent's run."""

TIMEOUT: Final = "timeout"
CANCELLED: Final = "cancelled"

_CANCELLATIONS: Final = (
    asyncio.CancelledError,
    concurrent.futures.CancelledError,
    KeyboardInterrupt,
    GeneratorExit,
)


def outcome_of(error: BaseException) -> str:
    """Return the outcome an exception stands for: cancelled, timeout or failure."""
    kind = type(error)  # not what its __class__ says, which may raise
    if issubclass(kind, _CANCELLATIONS):
        return CANCELLED
    return TIMEOUT if issubclass(kind, TimeoutError) else "failure"


def error_type_of(error: BaseException) -> str:
    """Return the ``error_type`` label of an exception.

    OpenTelemetry's ``error.type`` is the exception's class, or a well-known name; a stream whose consumer stopped
    reading has no error.
    """
    if issubclass(type(error), GeneratorExit):
        return ""
    outcome = outcome_of(error)
    return type(error).__qualname__[:100] if outcome == "failure" else outcome
