import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.errors import SpoolError
from agentgauge.spool.journal import Journal, Place


@given(actions=st.lists(st.sampled_from(["line", "line", "checkpoint", "save", "kill"]), max_size=60))
def test_what_no_checkpoint_covers_is_read_once_after_any_kill(
    actions: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    journal = Journal(directory, "told", file_bytes=12)
    written, counted = 0, list[bytes]()  # what a process knows
    saved, saved_counted = Place(), list[bytes]()  # what the disk has
    for action in [*actions, "kill"]:
        if action == "line":
            written += 1
            line = b"%d" % written
            journal.append(line + b"\n")
            counted.append(line)
        elif action == "checkpoint":
            saved, saved_counted = journal.place, counted[:]
        elif action == "save":
            journal.saved(saved)
        else:
            journal.close()
            journal = Journal(directory, "told", file_bytes=12)
            counted = [*saved_counted, *journal.since(saved)]
            assert counted == [b"%d" % number for number in range(1, written + 1)]
    journal.saved(journal.place)
    assert len(list(directory.iterdir())) <= 1
    journal.close()


def test_without_a_checkpoint_all_of_it_is_read(tmp_path: Path) -> None:
    for line in (b"1\n", b"2\n"):
        journal = Journal(tmp_path, "told")
        journal.append(line)
        journal.close()
    (tmp_path / "told.x.jsonl").write_bytes(b"no number\n")

    assert Journal(tmp_path, "told").since(Place()) == [b"1", b"2"]


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "exporter", "told")
    journal.append(b"1\n")
    journal.close()

    (file,) = (tmp_path / "exporter").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_it_is_bounded_until_a_checkpoint_covers_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "told", file_bytes=10, limit_bytes=30)
    for _ in range(5):
        journal.append(b"12345\n")
    with pytest.raises(SpoolError, match=r"told is full, for no checkpoint can be saved$"):
        journal.append(b"12345\n")

    journal.saved(journal.place)
    journal.append(b"6\n")
    journal.close()
    assert Journal(tmp_path, "told").since(Place())[-1] == b"6"


def test_on_a_full_disk_no_line_is_cut_and_with_space_it_goes_on(full_disk: Path) -> None:
    journal = Journal(full_disk / "spool", "told")
    (full_disk / "filling").unlink()
    journal.append(b"first\n")
    with (full_disk / "filling").open("wb", buffering=0) as filling:
        _fill(filling.fileno())
    refused = 0
    for _ in range(200):  # what is left of its last block may still be had
        try:
            journal.append(b"x" * 99 + b"\n")
        except SpoolError as error:
            refused += 1
            assert "told cannot be written: " in str(error)  # noqa: PT017 - one of many
    assert refused > 100
    (full_disk / "filling").unlink()
    journal.append(b"last\n")
    place = journal.place
    journal.close()

    lines = Journal(full_disk / "spool", "told").since(Place())
    assert lines == [b"first", *[b"x" * 99] * (200 - refused), b"last"]
    assert Journal(full_disk / "spool", "told").since(place) == []


def _fill(descriptor: int) -> None:
    for size in (4096, 1):
        try:
            while os.write(descriptor, bytes(size)):
                pass
        except OSError:
            continue


def test_a_removed_directory_is_made_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "exporter", "told")
    journal.append(b"lost with its directory\n")
    for file in (tmp_path / "exporter").iterdir():
        file.unlink()
    (tmp_path / "exporter").rmdir()
    journal.append(b"kept\n")
    journal.close()

    assert Journal(tmp_path / "exporter", "told").since(Place()) == [b"kept"]
