import logging
import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.catalogue import METRICS
from agentgauge.errors import SpoolError
from agentgauge.record import Delta, Record, parse_line
from agentgauge.spool.reader import SpoolReader
from agentgauge.totals import Totals
from agentgauge_spool import append, encode, write


@pytest.fixture
def spool(home: Path) -> Path:
    return home / "spool"


@pytest.fixture
def reader(spool: Path) -> Iterator[SpoolReader]:
    reader = SpoolReader(spool)
    yield reader
    reader.close()


def hook(name: str, **more: Any) -> None:
    assert append("hook", hook_name=name, **more)


def raw(spool: Path, content: bytes) -> None:
    with (spool / "spool.jsonl").open("ab") as file:
        file.write(content)


def names(reader: SpoolReader) -> list[str]:
    return [each.labels["hook_name"] for each in reader.poll() if isinstance(each, Record) and each.kind == "hook"]


def refused(reader: SpoolReader) -> dict[str, float]:
    """Poll, and return what was counted as refused."""
    reads = [each for each in reader.poll() if isinstance(each, Record) and each.kind == "read"]
    assert all(each.labels["source"] == "spool" for each in reads)
    return {each.labels["result"]: each.amounts["count"] for each in reads}


def again(reader: SpoolReader, spool: Path, **more: Any) -> SpoolReader:
    """Return what a new process makes of a reader's state."""
    state = reader.state()
    reader.close()
    fresh = SpoolReader(spool, **more)
    fresh.restore(state)
    return fresh


def test_a_poll_yields_what_is_new_in_order(reader: SpoolReader) -> None:
    hook("a")
    hook("b")
    assert names(reader) == ["a", "b"]
    assert names(reader) == []
    hook("c")
    assert names(reader) == ["c"]


def test_deltas_are_yielded_too(reader: SpoolReader) -> None:
    delta = Delta("agentgauge_hook_runs_total", ("git", "", "", "success", "0"), 3.0)
    write(delta.to_line())

    assert list(reader.poll()) == [delta]


def test_an_incomplete_line_is_waited_for(reader: SpoolReader, spool: Path) -> None:
    hook("a")
    raw(spool, b'{"kind":"hook","hook_n')
    assert names(reader) == ["a"]
    assert (reader.backlog_bytes, refused(reader)) == (22, {})
    raw(spool, b'ame":"b"}\n')
    assert names(reader) == ["b"]
    assert reader.backlog_bytes == 0


def test_an_end_that_never_comes_is_given_up(spool: Path) -> None:
    reader = SpoolReader(spool, grace_seconds=0)
    raw(spool, b'{"kind":"hook","hook_n')
    assert refused(reader) == {}
    assert refused(reader) == {"invalid": 1}
    raw(spool, b'{"kind":"hook","hook_name":"b"}\n')
    assert names(reader) == ["b"]


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON",
        b"[]",
        b"[" * 100_000,
        b"\x00" * 100,
        b'{"kind":"nonsense"}',
        b'{"kind":"hook","hook_name":"\xff"}',
        b'{"kind":"hook","hook_name":7}',
        b'{"kind":"hook","prompt":"x"}',
        b'{"kind":"hook","duration_seconds":-1}',
        b'{"kind":"hook","duration_seconds":NaN}',
        b'{"kind":"hook","duration_seconds":1' + b"0" * 400 + b"}",
        b'{"kind":"hook","hook_na',
    ],
)
def test_a_line_that_is_no_record_is_counted_and_its_neighbours_kept(
    line: bytes, reader: SpoolReader, spool: Path
) -> None:
    hook("before")
    raw(spool, line)
    hook("after")

    entries = [each for each in reader.poll() if isinstance(each, Record)]

    assert [each.labels.get("hook_name") for each in entries] == ["before", "after", None]
    assert (entries[-1].labels, entries[-1].amounts) == ({"source": "spool", "result": "invalid"}, {"count": 1.0})


@pytest.mark.parametrize("restarted", [False, True])
def test_a_line_of_ten_megabytes_is_skipped_in_bounded_memory(
    restarted: bool, reader: SpoolReader, spool: Path
) -> None:
    hook("before")
    raw(spool, b'{"kind":"hook","hook_name":"' + b"x" * 10_000_000)
    tracemalloc.start()
    try:
        assert names(reader) == ["before"]
        if restarted:
            reader = again(reader, spool)
        raw(spool, b'"}\n')
        hook("after")
        entries = [each for each in reader.poll() if isinstance(each, Record)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert [each.labels.get("hook_name") for each in entries] == ["after", None]
    assert entries[-1].amounts == {"count": 1.0}
    assert peak < 6_000_000


def test_a_backlog_is_read_in_parts_and_bounded_memory(reader: SpoolReader, spool: Path) -> None:
    block = b"".join(b'{"kind":"hook","hook_name":"%0150d"}\n' % number for number in range(1000))
    for _ in range(110):
        raw(spool, block)
    total = (spool / "spool.jsonl").stat().st_size
    lines: list[int] = []
    tracemalloc.start()
    try:
        while not lines or reader.backlog_bytes:
            lines.append(sum(1 for _ in reader.poll()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert sum(lines) == 110_000
    assert max(lines) * len(block) / 1000 < (17 << 20) < total
    assert peak < 12_000_000


seconds = st.floats(0, 1e6)
entries = st.lists(st.tuples(st.sampled_from("abc"), seconds, st.sampled_from(["", "", "", "1", "2"])), max_size=30)


@settings(max_examples=60)
@given(entries=entries, cuts=st.lists(st.integers(0, 12), max_size=6), data=st.data())
def test_reading_in_pieces_counts_what_reading_at_once_counts(
    entries: list[tuple[str, float, str]],
    cuts: list[int],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    spool = tmp_path_factory.mktemp("home") / "spool"
    whole, pieces, written = Totals(), Totals(), b""
    torn = data.draw(st.booleans())  # writes that end within a line; their rest goes to the same file
    reader = SpoolReader(spool, segment_bytes=1 << 20 if torn else 500)
    seen = set()
    for name, duration, identity in entries:
        line = encode("hook", {"hook_name": name, "duration_seconds": duration, "id": identity, "time": 1})
        written += b"\n" + line
        if identity not in seen:
            whole.fold(record(line))
        if identity:
            seen.add(identity)
    for cut in [*cuts, 10_000]:  # the last poll reads all
        size = data.draw(st.integers(0, len(written))) if cut < 10_000 else len(written)
        if not torn:
            size = written.rfind(b"\n", 0, size) + 1
        raw(spool, written[:size])
        written = written[size:]
        for number, entry in enumerate(reader.poll()):
            if isinstance(entry, Record) and entry.kind == "hook":
                pieces.fold(entry)
            if number == cut:
                break  # killed, with what has been yielded saved
        reader = again(reader, spool)
    for entry in reader.poll():
        if isinstance(entry, Record) and entry.kind == "hook":
            pieces.fold(entry)
    reader.close()

    assert counts(pieces) == counts(whole)


def record(line: bytes) -> Record:
    entry = parse_line(line)
    assert isinstance(entry, Record)
    return entry


def counts(totals: Totals) -> object:
    """Return what is counted; sums rounded, for addition in another order rounds otherwise."""
    snapshot = totals.snapshot()["series"]
    return {
        name: sorted(
            (labels, [round(value[0], 3), value[1]] if METRICS[name].type == "histogram" else value)
            for labels, value in rows
        )
        for name, rows in snapshot.items()
    }


def test_a_large_file_becomes_a_segment_that_late_writers_still_reach(spool: Path) -> None:
    reader = SpoolReader(spool, segment_bytes=100, grace_seconds=0)
    hook("a" * 100)
    late = os.open(spool / "spool.jsonl", os.O_WRONLY | os.O_APPEND)
    assert names(reader) == ["a" * 100]
    assert [each.name for each in spool.glob("spool*")] == ["spool.000001.jsonl"]

    hook("b")
    os.write(late, b'{"kind":"hook","hook_name":"late"}\n')
    os.close(late)

    assert names(reader) == ["late", "b"]


def test_a_segment_is_deleted_once_saved_and_not_before(spool: Path) -> None:
    reader = SpoolReader(spool, segment_bytes=100, grace_seconds=0)
    segment = spool / "spool.000001.jsonl"
    hook("a" * 100)
    names(reader)
    early = {"spool": reader.state()}
    with segment.open("ab") as file:
        file.write(b'{"kind":"hook","hook_name":"late"}\n')
    reader.saved(early)
    assert names(reader) == ["late"]
    assert segment.exists(), "the saved state does not cover the late line"

    reader.saved({"spool": reader.state()})
    assert names(reader) == []
    assert not segment.exists()


def test_a_segment_outlives_the_grace_period_of_its_writers(spool: Path) -> None:
    reader = SpoolReader(spool, segment_bytes=100, grace_seconds=3600)
    hook("a" * 100)
    for _ in range(3):
        names(reader)
        reader.saved({"spool": reader.state()})

    assert (spool / "spool.000001.jsonl").exists()


def test_segments_are_read_in_their_order(spool: Path, reader: SpoolReader) -> None:
    for number in (10, 9, 2):
        (spool / f"spool.{number}.jsonl").write_bytes(b'{"kind":"hook","hook_name":"%d"}\n' % number)
    (spool / "spool.old.jsonl").write_bytes(b'{"kind":"hook","hook_name":"not a segment"}\n')
    hook("current")

    assert names(reader) == ["2", "9", "10", "current"]


def test_a_restarted_reader_continues_where_the_state_was_taken(spool: Path, reader: SpoolReader) -> None:
    for name in "abcd":
        hook(name)
    poll = reader.poll()
    assert [record_name(next(poll)) for _ in range(2)] == ["a", "b"]

    assert names(again(reader, spool)) == ["c", "d"]


def record_name(entry: object) -> str:
    assert isinstance(entry, Record)
    return entry.labels["hook_name"]


def test_a_missing_or_removed_directory_is_made_again(spool: Path, reader: SpoolReader) -> None:
    hook("a")
    assert names(reader) == ["a"]
    for file in spool.iterdir():
        file.unlink()
    spool.rmdir()

    assert names(reader) == []
    assert spool.stat().st_mode & 0o777 == 0o700
    hook("b")
    assert names(reader) == ["b"]


def test_an_emptied_file_is_read_from_its_beginning(spool: Path, reader: SpoolReader) -> None:
    hook("a")
    assert names(reader) == ["a"]
    os.truncate(spool / "spool.jsonl", 0)
    assert names(reader) == []
    hook("b")
    assert names(reader) == ["b"]


def test_an_emptied_file_of_the_old_size_is_recognised(spool: Path, reader: SpoolReader) -> None:
    hook("a", time=1)
    assert names(reader) == ["a"]
    os.truncate(spool / "spool.jsonl", 0)
    hook("b", time=2)
    assert names(reader) == ["b"]


def test_an_emptied_file_that_has_grown_past_the_old_place_is_recognised(spool: Path, reader: SpoolReader) -> None:
    hook("a")
    assert names(reader) == ["a"]
    os.truncate(spool / "spool.jsonl", 0)
    hook("b" * 100)
    hook("c")
    assert names(reader) == ["b" * 100, "c"]


@pytest.mark.parametrize("longer", [0, 50])
def test_another_file_in_the_place_of_the_saved_one_is_read_whole(
    longer: int, spool: Path, reader: SpoolReader
) -> None:
    hook("a", time=1)
    assert names(reader) == ["a"]
    state = reader.state()
    reader.close()
    os.truncate(spool / "spool.jsonl", 0)  # the inode of a deleted segment, used again
    hook("b" + "b" * longer, time=1)

    fresh = SpoolReader(spool)
    fresh.restore(state)

    assert names(fresh) == ["b" + "b" * longer]


def test_a_recreated_file_is_read_whole(spool: Path, reader: SpoolReader) -> None:
    hook("a")
    assert names(reader) == ["a"]
    (spool / "spool.jsonl").rename(spool / "elsewhere")
    hook("b")
    assert names(reader) == ["b"]


def test_a_segment_that_cannot_be_read_is_named_and_the_others_are_read(spool: Path, reader: SpoolReader) -> None:
    (spool / "spool.000001.jsonl").mkdir()
    hook("a")
    read: list[str] = []
    with pytest.raises(SpoolError, match=r"spool\.000001\.jsonl: Is a directory|Is a directory"):
        read.extend(record_name(entry) for entry in reader.poll())
    assert read == ["a"]


def test_an_id_counts_once_per_kind_even_after_a_restart(spool: Path, reader: SpoolReader) -> None:
    hook("a", id="1")
    assert append("tool", id="1", gen_ai_tool_name="Bash")
    hook("again", id="1")
    hook("b", id="2")
    kinds = [each.kind for each in reader.poll() if isinstance(each, Record)]
    assert kinds == ["hook", "tool", "hook", "read"]

    reader = again(reader, spool)
    hook("again", id="2")
    hook("c", id="3")
    assert names(reader) == ["c"]


def test_duplicates_are_counted_and_ids_remembered_in_bounded_memory(spool: Path, reader: SpoolReader) -> None:
    raw(spool, b"".join(b'{"kind":"hook","hook_name":"x","id":"%d"}\n' % number for number in range(12_000)))
    hook("x", id="11999")
    hook("x", id="0")

    assert refused(reader) == {"duplicate": 1}
    assert len(reader.state()["ids"]) == 10_000


def test_backlog_and_age_say_what_waits(spool: Path, reader: SpoolReader) -> None:
    hook("a")
    list(reader.poll())
    assert (reader.backlog_bytes, reader.oldest_seconds) == (0, 0.0)

    (spool / "spool.jsonl").unlink()
    line = encode("hook", {"hook_name": "x" * 200, "hook_event": "x" * 200, "time": time.time() - 3600})
    raw(spool, line * (20_000_000 // len(line)))
    read = sum(1 for _ in reader.poll())
    assert reader.backlog_bytes == (20_000_000 // len(line) - read) * len(line) > 0
    assert 3600 <= reader.oldest_seconds < 4200


def test_a_second_reader_is_refused_with_the_process_id_of_the_first(spool: Path, reader: SpoolReader) -> None:
    with pytest.raises(
        SpoolError, match=rf"process id {os.getpid()} already reads this spool; stop it, or set"
    ) as error:
        SpoolReader(spool)
    assert "\n" not in str(error.value)

    reader.close()
    SpoolReader(spool).close()


def test_a_reader_whose_spool_was_taken_says_so(spool: Path, reader: SpoolReader) -> None:
    (spool / "reader.lock").unlink()
    thief = SpoolReader(spool)
    with pytest.raises(SpoolError, match="already reads this spool"):
        list(reader.poll())
    thief.close()
    assert names(reader) == []


def test_a_file_in_the_place_of_the_directory_is_one_clear_line(home: Path) -> None:
    home.write_text("")
    with pytest.raises(SpoolError, match=r"spool: cannot be used as the spool: Not a directory$"):
        SpoolReader(home / "spool")


@pytest.mark.parametrize("state", [None, {}, [], {"segments": [{}], "ids": []}, {"segments": 1, "ids": []}])
def test_a_state_that_is_none_is_refused(state: object, reader: SpoolReader) -> None:
    with pytest.raises(SpoolError, match="the spool's section of the checkpoint cannot be read"):
        reader.restore(state)


def test_what_writers_dropped_at_the_limit_is_told_and_there_is_room_again(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTGAUGE_SPOOL_MAX_BYTES", "1000")
    written = 0
    while append("hook", hook_name="x" * 100):
        written += 1
    assert not append("hook", hook_name="y")
    assert 5 < written < 10
    assert (spool / "spool.jsonl").stat().st_size < 1200
    assert (spool / "full").exists()

    reader = SpoolReader(spool, segment_bytes=500)
    entries = [each for each in reader.poll() if isinstance(each, Record)]

    assert len(entries) == written + 1
    assert entries[-1].labels == {"source": "spool", "result": "dropped"}
    assert entries[-1].amounts == {"count": 2.0}
    assert (reader.size_bytes, reader.limit_bytes) == (0, 1000)
    assert not (spool / "full").exists()
    hook("z")
    reader = again(reader, spool)
    assert names(reader) == ["z"], "and what was dropped is not told again"
    assert refused(reader) == {}
    (spool / "dropped").unlink()
    assert refused(reader) == {}
    (spool / "dropped").write_bytes(b"...")
    assert refused(reader) == {"dropped": 3}
    reader.close()


def test_segments_that_cannot_be_deleted_are_bounded_too(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTGAUGE_SPOOL_MAX_BYTES", "2000")
    reader = SpoolReader(spool, segment_bytes=500, grace_seconds=0)  # no checkpoint is ever saved
    written = 0
    for _ in range(100):
        written += append("hook", hook_name="x" * 100)
        list(reader.poll())

    assert 20 < written < 40
    assert sum(each.stat().st_size for each in spool.glob("spool*.jsonl")) < 5000
    assert reader.size_bytes >= reader.limit_bytes
    assert (spool / "full").exists()

    reader.saved({"spool": reader.state()})
    for _ in range(2):  # deletes, and then has room to rename
        list(reader.poll())
    assert append("hook", hook_name="x")
    assert not (spool / "full").exists()
    reader.close()


def test_a_long_backlog_says_how_it_goes(spool: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = SpoolReader(spool, batches=True)
    line = encode("hook", {"hook_name": "x" * 200, "hook_event": "x" * 200})
    raw(spool, line * (40_000_000 // len(line)))
    caplog.set_level(logging.INFO)

    behind = []
    for _ in range(4):
        list(reader.poll())
        behind.append(reader.behind)

    assert behind == [True, True, False, False]
    messages = [each.getMessage() for each in caplog.records]
    assert messages[0] == f"{spool}: 23 MB behind"
    assert messages[-1].startswith(f"{spool}: caught up after ")
    reader.close()
