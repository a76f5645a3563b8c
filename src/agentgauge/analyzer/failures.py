"""Failures: what the source did not answer, counted, and each change told once."""

import logging
from collections.abc import Mapping
from typing import Final

from agentgauge.analyzer.source import REASONS, QueryError, Reading

_log: Final = logging.getLogger(__name__)


class Failures:
    """What is wrong with a source."""

    def __init__(self) -> None:
        self.down = False
        self._errors: dict[str, int] = dict.fromkeys(REASONS, 0)
        self._failing: dict[str, str] = {}

    @property
    def problem(self) -> str:
        """What is wrong now, on one line; empty where nothing is."""
        return next(iter(self._failing.values()), "")

    @property
    def errors(self) -> Mapping[str, int]:
        """Errors so far by reason."""
        return self._errors

    def count(self, error: QueryError) -> None:
        """Count one error."""
        self._errors[error.reason] += 1

    def take(self, reading: Reading, *, asked: bool) -> None:
        """Count a reading's failures, and log each change of state once.

        Args:
            reading: what the source said.
            asked: whether it was asked for anything.
        """
        # One error object stands for all signals that were not asked after it.
        for error in {id(error): error for error in reading.failed.values()}.values():
            self.count(error)
        down = not reading.answered and asked
        if down and not self.down:
            error = next(iter(reading.failed.values()))
            _log.warning("no signal can be read: %s; findings are withdrawn until one can", error)
        elif self.down and not down:
            _log.warning("signals can be read again")
        if not down:
            before = self._failing.keys() if not self.down else set()
            for name in reading.failed.keys() - before:
                _log.warning("signal %s cannot be read: %s", name, reading.failed[name])
            for name in before - reading.failed.keys():
                _log.warning("signal %s can be read again", name)
        self.down = down
        self._failing = {name: str(error) for name, error in reading.failed.items()}
