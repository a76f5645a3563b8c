"""Lines in batches say exactly what the same lines say one by one."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentgauge.kinds import KINDS
from agentgauge.record import Batch, Delta, Record
from agentgauge.spool.lines import Lines
from agentgauge.totals import Totals

names = st.sampled_from(["", "a", "b", 'c"\\\n', "é", "x" * 250, "y" * 200])
ODD: list[Any] = [None, True, -1, -1e-9, -0.0, "1", "x" * 201, [], {}, 10**400, 10**30, math.nan, math.inf]
odd_values = st.sampled_from(ODD)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Draw a line that is a record, nearly one, or none."""
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    body: dict[str, Any] = {"kind": kind.name}
    body |= {name: draw(names) for name in kind.labels if draw(st.booleans())}
    body |= {name: draw(st.floats(0, 1e9) | st.integers(0, 1000)) for name in kind.amounts if draw(st.booleans())}
    if draw(st.booleans()):
        body["time"] = draw(st.floats(0, 4e9))
    if draw(st.integers(0, 3)) == 0:
        body["id"] = draw(st.sampled_from(["", "1", "2"]))
    if draw(st.integers(0, 4)) == 0:
        body[draw(st.sampled_from([*body, *kind.amounts, "prompt"]))] = draw(odd_values | names)
    if draw(st.integers(0, 4)) == 0:
        body = dict(reversed(body.items()))
    line = json.dumps(body, ensure_ascii=draw(st.booleans())).encode()
    if draw(st.integers(0, 6)) == 0:
        cut = draw(st.integers(0, len(line)))
        line = draw(st.sampled_from([line[:cut], line[cut:], b"\xff" + line, line + b" " + line, b" " + line + b"\t"]))
    return line.replace(b"\n", b"")


DELTA = Delta("agentgauge_hook_runs_total", ("git", "", "", "success", "0"), 0.1).to_line().strip()


def folded(lines: list[bytes], *, cap: int, in_batches: bool) -> tuple[dict[str, Any], dict[str, int], list[str]]:
    """Return totals, what was refused, and the ids remembered."""
    reading, totals = Lines(), Totals(cap)
    chunk = b"".join(line + b"\n" for line in lines)
    used = 0
    for size, entry in reading.batches(chunk) if in_batches else reading.entries(chunk):
        used += size
        assert chunk[used - 1 : used] in (b"\n", b""), "the place between two entries is not between two lines"
        if isinstance(entry, Batch):
            totals.fold_batch(entry)
        elif isinstance(entry, Record):
            totals.fold(entry)
        elif entry is not None:
            totals.add(entry)
    assert used == len(chunk)
    gauges = [[name, sorted(samples.items())] for (name, *_), samples in totals.families() if "total" not in name]
    return {**totals.snapshot(), "families": repr(gauges)}, reading.refused, list(reading.ids)


@settings(max_examples=300)
@given(st.lists(lines() | st.sampled_from([b"", DELTA]), min_size=1, max_size=25), st.sampled_from([1, 2, 1000]))
@example([b'{"kind":"hook","kind":"tool","hook_name":"a"}', b'{"hook_name":"a","kind":"tool","kind":"hook"}'], 9)
@example([b'{"kind":"hook"} {"kind":"hook"}', b'{"x":' + b"[" * 100_000], 9)
def test_batches_count_what_single_records_count(lines: list[bytes], cap: int) -> None:
    assert folded(lines, cap=cap, in_batches=True) == folded(lines, cap=cap, in_batches=False)


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:9])
@pytest.mark.parametrize("key", ["kind", "time", "id", "hook_name", "duration_seconds", "prompt"])
def test_an_odd_value_is_taken_or_refused_alike(key: str, value: Any) -> None:
    plain = {"kind": "hook", "time": 1, "id": "1", "hook_name": "a", "duration_seconds": 0.5}
    lines = [json.dumps(body).encode() for body in (plain, {**plain, "id": "2", key: value}, {**plain, "id": "3"})]
    assert folded(lines, cap=9, in_batches=True) == folded(lines, cap=9, in_batches=False)


def test_lines_of_one_kind_come_in_one_batch() -> None:
    chunk = b'\n{"kind":"hook","hook_name":"a","duration_seconds":1,"time":5}\n' * 100
    ((size, entry),) = Lines().batches(chunk)
    assert size == len(chunk)
    assert isinstance(entry, Batch)
    assert len(entry) == 100
    hook = KINDS["hook"]
    row = dict(zip((*hook.labels, *hook.amounts, "time"), entry.rows["hook"][0], strict=False))
    assert (row["hook_name"], row["hook_event"], row["duration_seconds"], row["time"]) == ("a", "", 1.0, 5.0)


def test_a_series_added_by_a_batch_is_forgotten_by_a_reset() -> None:
    totals = Totals()
    ((_, batch),) = Lines().batches(b'{"kind":"hook","hook_name":"a","duration_seconds":1}\n')
    assert isinstance(batch, Batch)
    totals.fold_batch(batch)
    totals.reset()
    totals.fold_batch(batch)
    runs = {family.metric.name: family.samples for family in totals.families()}["agentgauge_hook_runs_total"]
    assert list(runs.values()) == [1.0]


def test_more_label_sets_than_are_remembered_are_all_counted() -> None:
    totals = Totals(cap=100_000)
    for part in range(3):
        numbers = range(part * 6000, (part + 1) * 6000)
        chunk = b"".join(b'{"kind":"hook","hook_name":"%d"}\n' % (number // 2) for number in numbers)
        for _, entry in Lines().batches(chunk):
            assert isinstance(entry, Batch)
            totals.fold_batch(entry)
    (runs,) = [family.samples for family in totals.families() if family.metric.name == "agentgauge_hook_runs_total"]
    assert len(runs) == 9000
    assert set(runs.values()) == {2.0}
