"""Record: one thing that happened, and its JSON line; Delta: what a long-lived process counted itself.

The line is a protocol, for writers in any language:

* A record is one JSON object (RFC 8259, UTF-8) on one line that ends with a newline, 1 MiB at most. ``kind`` is a key
  of ``agentgauge.kinds.KINDS``; ``time`` unix seconds (absent: when it is read); ``id`` text that is the same where
  the same thing is told twice. All other keys are labels (text, cut after 200 characters) and amounts (numbers >= 0,
  finite) of that kind. Absent labels are empty, absent amounts feed nothing; any other key makes the line invalid.
* Lines are appended to ``spool/spool.jsonl`` under AGENTGAUGE_HOME: open it anew with O_APPEND for each line or few
  lines, write them in one write(2), close it. The reader renames the file, and deletes it a minute later. Begin with a
  newline: what a dying writer left half-written then spoils no line but its own. Empty lines say nothing.
* Where the file has AGENTGAUGE_SPOOL_MAX_BYTES (1 GiB), or ``spool/full`` exists, a writer drops its line and appends
  one byte to ``spool/dropped`` instead, which counts it.
* A writer does not wait, does not retry and never fails what it measures.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agentgauge.catalogue import METRICS
from agentgauge.errors import InvalidRecordError
from agentgauge.kinds import KINDS, Kind

MAX_LINE_BYTES: Final = 1 << 20
"""A longer line is not a record: no record needs more than a few hundred bytes."""

MAX_LABEL_CHARS: Final = 200
"""A longer label value is cut: Prometheus keeps every distinct one in memory."""

_LARGEST: Final = sys.float_info.max
"""JSON has integers beyond it."""


@dataclass(slots=True)
class Record:
    """One thing that happened.

    Args:
        kind: a key of ``agentgauge.kinds.KINDS``.
        time: unix seconds at its end.
        labels: label name to value; absent labels are the empty string.
        amounts: amount name to a finite number >= 0 (seconds, tokens, bytes, USD, or a plain count).
        id: where the same thing may be reported twice, what identifies it; never exposed.
    """

    kind: str
    time: float
    labels: dict[str, str] = field(default_factory=dict)
    amounts: dict[str, float] = field(default_factory=dict)
    id: str = ""

    def to_line(self) -> bytes:
        """Return the record as one JSON line with its newline."""
        body: dict[str, object] = {"kind": self.kind, "time": self.time}
        if self.id:
            body["id"] = self.id
        return json.dumps({**body, **self.labels, **self.amounts}, separators=(",", ":")).encode() + b"\n"


@dataclass(slots=True)
class Delta:
    """What one process added to one series since its last delta.

    Args:
        metric: a counter or histogram of ``agentgauge.catalogue.METRICS``.
        labels: label values in the metric's order.
        value: a counter's increase, or the sum of a histogram's observations.
        counts: a histogram's observations per bucket, not cumulative, +Inf last; empty for a counter.
    """

    metric: str
    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()

    def to_line(self) -> bytes:
        """Return the delta as one JSON line with its newline."""
        body = {"metric": self.metric, "labels": self.labels, "value": self.value, "counts": self.counts}
        return json.dumps({"kind": "delta", **body}, separators=(",", ":")).encode() + b"\n"


@dataclass(slots=True)
class Batch:
    """Many records at once.

    Args:
        rows: by kind, tuples of the kind's label values (absent ones empty), its amounts, in the kind's order, and the
            time; absent amounts and times are NaN.
    """

    rows: dict[str, list[tuple[Any, ...]]]

    def __len__(self) -> int:
        """Return the number of records."""
        return sum(map(len, self.rows.values()))


def parse_line(line: bytes) -> Record | Delta:
    """Parse one line of a spool.

    Raises:
        InvalidRecordError: not a JSON object, an unknown kind, key or metric, a label that is not a string,
            an amount that is negative, not finite or not a number, or a line over MAX_LINE_BYTES.
    """
    if len(line) > MAX_LINE_BYTES:
        raise InvalidRecordError(f"a line of {len(line)} bytes; a record has at most {MAX_LINE_BYTES}")
    try:
        body = _decode(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRecordError(f"not a JSON object: {error}") from None
    if not isinstance(body, dict):
        raise InvalidRecordError(f"a JSON {type(body).__name__}, not an object")
    name = body.pop("kind", None)
    if name == "delta":
        return _delta(body)
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidRecordError(f"unknown kind {str(name)[:40]!r}; one of {', '.join(KINDS)}")
    when = body.pop("time", None)
    identity = body.pop("id", "")
    if not isinstance(identity, str):
        raise InvalidRecordError("id is not a string")
    return checked_record(kind, time.time() if when is None else _number("time", when), identity, body)


def checked_record(kind: Kind, when: float, identity: str, fields: Mapping[str, object]) -> Record:
    """Build a record from its labels and amounts by name.

    Raises:
        InvalidRecordError: a name the kind has not, a label that is not a string, or an amount that is negative,
            not finite or not a number.
    """
    record = Record(kind.name, when, id=identity)
    for key, value in fields.items():
        if key in kind.labels:
            if not isinstance(value, str):
                raise InvalidRecordError(f"label {key} is not a string")
            record.labels[key] = value[:MAX_LABEL_CHARS]
        elif key in kind.amounts:
            record.amounts[key] = _number(f"amount {key}", value)
        else:
            raise InvalidRecordError(f"kind {kind.name} has no key {str(key)[:40]!r}")
    return record


def _delta(body: dict[str, object]) -> Delta:
    metric = METRICS.get(str(body.get("metric")))
    if metric is None or metric.type == "gauge":
        raise InvalidRecordError(f"delta of {str(body.get('metric'))[:80]!r}, which is no counter or histogram")
    labels, counts = body.get("labels"), body.get("counts", [])
    if not isinstance(labels, list) or len(labels) != len(metric.labels) or not all(isinstance(v, str) for v in labels):
        raise InvalidRecordError(f"delta of {metric.name} needs {len(metric.labels)} labels, all strings")
    width = len(metric.buckets) + 1 if metric.type == "histogram" else 0
    if not isinstance(counts, list) or len(counts) != width or not all(type(n) is int and n >= 0 for n in counts):
        raise InvalidRecordError(f"delta of {metric.name} needs {width} counts >= 0")
    value = _number("value", body.get("value"))
    return Delta(metric.name, tuple(v[:MAX_LABEL_CHARS] for v in labels), value, tuple(counts))


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LARGEST <= value <= _LARGEST:
        raise InvalidRecordError(f"{name} is not a finite number")
    if value < 0:
        raise InvalidRecordError(f"{name} is negative")
    return float(value)


def _decode(line: bytes) -> object:
    # The exporter has msgspec (five times json's speed); a service that reads its own lines need not.
    try:
        import msgspec
    except ImportError:
        return json.loads(line)
    return msgspec.json.decode(line)
