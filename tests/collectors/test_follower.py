"""Files are found, and what is new in them is read in bounded memory."""

import io
from pathlib import Path

import pytest

from agentgauge.collectors import entry as entry_module
from agentgauge.collectors import follower
from agentgauge.collectors.follower import Listing, Position, transcripts

LINE = b'{"type":"user","uuid":"1","message":{"role":"user","content":"hello"}}\n'


def read(position: Position, content: bytes, *, final: bool = False) -> tuple[int, int, int]:
    batches = list(position.read(io.BytesIO(content), final=final))
    return (
        sum(len(batch.entries) for batch in batches),
        sum(batch.invalid for batch in batches),
        sum(batch.dropped for batch in batches),
    )


def test_only_what_is_new_is_read() -> None:
    position = Position()
    assert read(position, LINE * 3 + LINE[:10]) == (3, 0, 0)
    assert position.offset == 3 * len(LINE)
    assert read(position, LINE * 3 + LINE[:10]) == (0, 0, 0)
    assert read(position, LINE * 5) == (2, 0, 0)


def test_a_large_file_is_read_whole() -> None:
    count = 3_000_000 // len(LINE)
    position = Position()
    assert read(position, LINE * count) == (count, 0, 0)
    assert position.offset == count * len(LINE)


def test_a_line_too_long_is_dropped_once_and_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "MAX_LINE_BYTES", 3 << 20)
    monkeypatch.setattr(entry_module, "MAX_LINE_BYTES", 3 << 20)
    long = b'{"type":"user","uuid":"' + b"x" * (10 << 20)
    position = Position()
    assert read(position, LINE + long) == (1, 0, 1)
    assert position.skipping
    assert read(position, LINE + long + long) == (0, 0, 0)
    assert read(position, LINE + long + long + b'"}\n' + LINE) == (1, 0, 0)
    assert not position.skipping


def test_a_position_knows_its_file_again() -> None:
    position = Position()
    read(position, LINE * 2)
    assert position.holds(io.BytesIO(LINE * 2))
    assert position.holds(io.BytesIO(LINE * 3))
    assert not position.holds(io.BytesIO(LINE))
    assert not position.holds(io.BytesIO(LINE.replace(b"hello", b"other") * 3))
    assert Position().holds(io.BytesIO(b""))


def test_no_content_is_in_a_position() -> None:
    position = Position()
    read(position, LINE)
    assert "hello" not in repr(position)


def test_transcripts_are_found_at_any_depth(tmp_path: Path) -> None:
    for name in ("a.jsonl", "p/b.jsonl", "p/s/subagents/agent-1.jsonl", "p/c.json", "p/d.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(LINE)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.jsonl").symlink_to(tmp_path / "nowhere")
    found = {Path(file.path).name for file in transcripts(tmp_path)}
    assert found == {"a.jsonl", "b.jsonl", "agent-1.jsonl"}
    assert [file.size for file in transcripts(tmp_path / "p" / "d.txt")] == [len(LINE)]
    assert not transcripts(tmp_path / "missing")


def test_a_file_under_two_roots_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.jsonl").write_bytes(LINE)
    files, whole = Listing([tmp_path, tmp_path / "p"]).look(0, 0)
    assert (len(files), whole) == (1, True)


def test_between_walks_only_what_changed_lately_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINE)
    now = path.stat().st_mtime
    listing = Listing([tmp_path])
    listing.look(now, 0)
    path.write_bytes(LINE * 2)
    (tmp_path / "b.jsonl").write_bytes(LINE)
    files, whole = listing.look(now + 1, 1)
    assert ([file.size for file in files.values()], whole) == ([2 * len(LINE)], False)
    path.write_bytes(LINE * 3)
    assert [file.size for file in listing.look(now + 7200, 2)[0].values()] == [2 * len(LINE)]
    assert len(listing.look(now + 7200, 10)[0]) == 2


def test_a_directory_that_is_missing_leaves_the_list_incomplete(tmp_path: Path) -> None:
    listing = Listing([tmp_path / "later"])
    assert listing.look(0, 0) == ({}, False)
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a.jsonl").write_bytes(LINE)
    files, whole = listing.look(0, 10)
    assert (len(files), whole) == (1, True)
