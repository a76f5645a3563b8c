"""JUnit XML reports, as most test runners write them, become records of tests and of their run.

Test cases are counted, not what a suite says of them: the sums of runners differ, and suites may be nested. A run
lasts as long as its report says (``testsuites@time``), else as its outermost suites together, else as its cases.
Several reports are one run: some runners write one for each class.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Final
from xml.parsers import expat

from agentgauge.collectors.results import MAX_BYTES
from agentgauge.errors import InvalidRecordError
from agentgauge.record import Record

_CHUNK: Final = 1 << 20
_MAX_DEPTH: Final = 200
_NOT_RUN: Final = frozenset({"notrun", "disabled", "skipped"})
# A case may have several of these children: the worst counts.
_RESULTS: Final = {"error": "error", "failure": "failed", "skipped": "skipped", "disabled": "skipped"}
_ORDER: Final = ("error", "failed", "skipped")


@dataclass
class Report:
    """What one report says.

    Args:
        outcomes: test cases by outcome: passed, failed, error, skipped.
        seconds: how long the run lasted.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class _Refused(Exception):  # noqa: N818 - expat passes it through; it never leaves this module
    pass


class _Parser:
    """Reads a report in bounded memory; it expands no entity, for it takes no document type."""

    def __init__(self) -> None:
        self.report = Report()
        self._path: list[str] = []
        self._found: set[str] = set()
        self._whole: float | None = None
        self._suites = self._cases = 0.0
        self._expat = expat.ParserCreate()
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.StartDoctypeDeclHandler = self._doctype

    def feed(self, chunk: bytes) -> None:
        self._expat.Parse(chunk, False)

    def close(self) -> Report:
        self._expat.Parse(b"", True)
        self.report.seconds = self._whole or self._suites or self._cases
        return self.report

    def _doctype(self, *_: object) -> None:
        raise _Refused("it declares a document type, which no report needs")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition("}")[2].rpartition(":")[2]
        if not self._path and name not in {"testsuites", "testsuite"}:
            raise _Refused(f"its outermost element is {name[:40]!r}, not testsuites or testsuite")
        if len(self._path) >= _MAX_DEPTH:
            raise _Refused(f"elements are nested more than {_MAX_DEPTH} deep")
        if name == "testsuites" and not self._path:
            self._whole = _seconds(attributes)
        elif name == "testsuite" and "testsuite" not in self._path:
            self._suites += _seconds(attributes)
        elif name == "testcase":
            self._cases += _seconds(attributes)
            status = attributes.get("status", "").lower()
            self._found = {"skipped"} if status in _NOT_RUN else set()
        elif self._path and self._path[-1] == "testcase" and name in _RESULTS:
            self._found.add(_RESULTS[name])
        self._path.append(name)

    def _end(self, name: str) -> None:
        if self._path.pop() == "testcase":
            self.report.outcomes[next((one for one in _ORDER if one in self._found), "passed")] += 1


def read(path: Path) -> Report:
    """Return what a report says.

    Raises:
        InvalidRecordError: it is none; one line that says why.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InvalidRecordError(f"{size} bytes are more than the {MAX_BYTES} that are read")
    parser = _Parser()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                parser.feed(chunk)
        return parser.close()
    except expat.ExpatError as error:
        raise InvalidRecordError(f"not XML: {error}") from None
    except (_Refused, ValueError, LookupError) as error:
        raise InvalidRecordError(str(error)) from None


def records(reports: Iterable[Report], *, suite: str, stage: str) -> list[Record]:
    """Return the records of one run.

    Args:
        reports: what its reports say.
        suite: the label value.
        stage: the label value.
    """
    outcomes, seconds, now = Counter[str](), 0.0, time.time()
    for report in reports:
        outcomes += report.outcomes
        seconds += report.seconds
    labels = {"suite": suite, "stage": stage}
    return [
        *(Record("tests", now, {**labels, "outcome": name}, {"count": count}) for name, count in outcomes.items()),
        Record("test_run", now, labels, {"duration_seconds": seconds}),
    ]


def _seconds(attributes: dict[str, str]) -> float:
    try:
        # Some runners write thousands with a comma.
        seconds = float(attributes.get("time", "").replace(",", ""))
    except ValueError:
        return 0.0
    return seconds if isfinite(seconds) and seconds > 0 else 0.0
