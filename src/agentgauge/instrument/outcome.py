"""How a call ended, from the exception that ended it or from a verdict on what it returned."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Collection
from typing import Any, Final

from agentgauge.errors import UsageError
from agentgauge.instrument.refusal import refuse

Verdict = Callable[[Any], str]
"""Says how a call ended from what it returned."""

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


def checked_verdict(decorator: str, verdict: object, outcomes: Collection[str]) -> None:
    """Check a verdict given to a decorator.

    Raises:
        UsageError: it cannot be called.
    """
    if verdict is not None and not callable(verdict):
        raise UsageError(f"@{decorator}: outcome must be a function of the result that returns {', '.join(outcomes)}")


def judged(decorator: str, verdict: Verdict, result: object, outcomes: Collection[str], unknown: str) -> str:
    """Return what a verdict says of a result: success where it raises, ``unknown`` where it says no known outcome."""
    try:
        outcome = verdict(result)
    except Exception as error:  # noqa: BLE001 - a faulty verdict must not break the call it judges
        refuse(f"@{decorator}: outcome raised {type(error).__name__}")
        return "success"
    if type(outcome) is str and outcome in outcomes:
        return outcome
    refuse(f"@{decorator}: unknown outcome; one of {', '.join(outcomes)}")
    return unknown
