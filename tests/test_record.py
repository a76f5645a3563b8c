"""A record is one JSON line, and what is not one is refused with a reason."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.errors import InvalidRecordError
from agentgauge.kinds import KINDS
from agentgauge.record import MAX_LABEL_CHARS, Delta, Record, parse_line


@st.composite
def any_record(draw: st.DrawFn) -> Record:
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_LABEL_CHARS)
    labels = {name: draw(text) for name in kind.labels if draw(st.booleans())}
    amounts = {name: draw(st.floats(0, 1e300)) for name in kind.amounts if draw(st.booleans())}
    return Record(kind.name, draw(st.floats(0, 4e9)), labels, amounts, draw(text))


@given(any_record())
def test_a_record_survives_its_line(record: Record) -> None:
    line = record.to_line()
    assert line.count(b"\n") == 1
    assert parse_line(line) == record


def test_a_delta_survives_its_line() -> None:
    counter = Delta("agentgauge_tests_total", ("s", "", "passed"), 2.0)
    assert parse_line(counter.to_line()) == counter


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([1], "a JSON list, not an object"),
        ({"time": 1}, "unknown kind 'None'"),
        ({"kind": "party"}, "unknown kind 'party'; one of llm, agent"),
        ({"kind": ["hook"]}, "unknown kind"),
        ({"kind": "hook", "duration_seconds": -0.1}, "amount duration_seconds is negative"),
        ({"kind": "hook", "duration_seconds": True}, "amount duration_seconds is not a finite number"),
        ({"kind": "hook", "duration_seconds": "1"}, "amount duration_seconds is not a finite number"),
        ({"kind": "hook", "hook_name": 3}, "label hook_name is not a string"),
        ({"kind": "hook", "path": "/x"}, "kind hook has no key 'path'"),
        ({"kind": "hook", "time": "now"}, "time is not a finite number"),
        ({"kind": "hook", "id": 3}, "id is not a string"),
        ({"kind": "delta", "metric": "agentgauge_processes"}, "no counter or histogram"),
        ({"kind": "delta", "metric": "agentgauge_tests_total", "labels": ["s"]}, "needs 3 labels"),
        (
            {"kind": "delta", "metric": "agentgauge_tests_total", "labels": ["s", "", ""], "value": -1},
            "value is negative",
        ),
        (
            {"kind": "delta", "metric": "agentgauge_probe_duration_seconds", "labels": ["p"], "counts": [1]},
            "needs 15 counts >= 0",
        ),
    ],
)
def test_what_is_no_record_is_refused_with_a_reason(body: Any, reason: str) -> None:
    with pytest.raises(InvalidRecordError) as error:
        parse_line(json.dumps(body).encode())
    assert reason in str(error.value)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"nonsense", b"\xff\xfe{}", b'{"kind":"hook"} {"kind":"hook"}', b"x" * (2 << 20)]
)
def test_what_is_no_json_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidRecordError):
        parse_line(line)


def test_numbers_that_are_none_and_labels_that_are_long() -> None:
    with pytest.raises(InvalidRecordError):
        parse_line(b'{"kind":"hook","duration_seconds":NaN}')
    with pytest.raises(InvalidRecordError):
        parse_line(b'{"kind":"hook","duration_seconds":1e999}')
    record = parse_line(Record("hook", 1.0, {"hook_name": "x" * 1000}).to_line())
    assert isinstance(record, Record)
    assert len(record.labels["hook_name"]) == MAX_LABEL_CHARS
    assert math.isfinite(record.time)
