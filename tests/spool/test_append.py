import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge import record
from agentgauge.record import Record, parse_line
from agentgauge_spool import MAX_LABEL_CHARS, append, encode

SOURCE = str(Path(record.__file__).parents[1])


def spooled(home: Path) -> list[Record]:
    records = [parse_line(line) for line in (home / "spool" / "spool.jsonl").read_bytes().split(b"\n") if line]
    return [each for each in records if isinstance(each, Record)]


def test_append_writes_one_record_with_the_time(home: Path) -> None:
    before = time.time()

    assert append("hook", hook_system="git", hook_name="ruff", duration_seconds=0.25)

    (written,) = spooled(home)
    assert (written.kind, written.amounts) == ("hook", {"duration_seconds": 0.25})
    assert written.labels == {"hook_system": "git", "hook_name": "ruff"}
    assert before <= written.time <= time.time()


@given(
    name=st.text(),
    event=st.text(),
    identity=st.text(),
    seconds=st.floats(0, allow_infinity=False),
    when=st.integers(0, 2**60),
)
def test_any_text_and_number_comes_back_as_it_was(
    name: str, event: str, identity: str, seconds: float, when: int
) -> None:
    line = encode(
        "hook", {"hook_name": name, "hook_event": event, "id": identity, "duration_seconds": seconds, "time": when}
    )

    assert line.count(b"\n") == 1
    labels = {"hook_name": name[: record.MAX_LABEL_CHARS], "hook_event": event[: record.MAX_LABEL_CHARS]}
    assert parse_line(line) == Record("hook", float(when), labels, {"duration_seconds": seconds}, identity)
    assert isinstance(json.loads(line), dict)


def test_bytes_of_a_file_name_that_are_no_text_become_question_marks() -> None:
    line = encode("hook", {"hook_name": os.fsdecode(b"caf\xe9")})

    entry = parse_line(line)
    assert isinstance(entry, Record)
    assert entry.labels == {"hook_name": "caf?"}


def test_labels_are_cut_where_the_reader_cuts_them() -> None:
    assert MAX_LABEL_CHARS == record.MAX_LABEL_CHARS


def test_an_id_is_not_cut(home: Path) -> None:
    assert append("tool", id="x" * 500)

    assert spooled(home)[0].id == "x" * 500


def test_directories_and_file_are_the_owners_alone(home: Path) -> None:
    mask = os.umask(0)
    try:
        assert append("hook")
    finally:
        os.umask(mask)

    modes = [(home / place).stat().st_mode & 0o777 for place in (".", "spool", "spool/spool.jsonl")]
    assert modes == [0o700, 0o700, 0o600]


def test_a_torn_line_spoils_only_itself(home: Path) -> None:
    (home / "spool").mkdir(parents=True)
    (home / "spool" / "spool.jsonl").write_bytes(b'{"kind":"hook","hook_na')

    assert append("hook", hook_name="next")

    torn, following = [line for line in (home / "spool" / "spool.jsonl").read_bytes().split(b"\n") if line]
    assert torn == b'{"kind":"hook","hook_na'
    assert parse_line(following) == Record("hook", json.loads(following)["time"], {"hook_name": "next"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None, b"bytes", 10**400])
def test_a_value_that_cannot_be_recorded_writes_nothing(value: float, home: Path) -> None:
    assert append("hook", duration_seconds=value) is False

    assert not home.exists()


@pytest.mark.parametrize("debug", ["", "1"])
def test_an_unusable_directory_is_silent_unless_asked(
    debug: str, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file where the directory should be")
    monkeypatch.setenv("AGENTGAUGE_DEBUG", debug)

    assert append("hook") is False

    complaint = capfd.readouterr().err
    assert complaint.startswith("agentgauge: not recorded: ") if debug else complaint == ""
    assert complaint.count("\n") == len(debug)


def test_on_a_full_disk_it_says_so_and_a_later_line_is_whole(full_disk: Path) -> None:
    outcomes = [append("hook", hook_name="x" * 200, hook_event="y" * 200) for _ in range(50)]
    assert outcomes[-1] is False

    (full_disk / "filling").unlink()
    assert append("hook", hook_name="after")

    lines = (full_disk / "spool" / "spool.jsonl").read_bytes().strip().split(b"\n")
    entry = parse_line(lines[-1])
    assert isinstance(entry, Record)
    assert entry.labels == {"hook_name": "after"}


def test_importing_it_loads_nothing_dear() -> None:
    code = (
        f"import sys; sys.path.append({SOURCE!r}); import agentgauge_spool, agentgauge.spool.hook;"
        "print(*sorted(name for name in sys.modules if not name.startswith('_')))"
    )
    loaded = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True, check=True).stdout.split()

    dear = {"argparse", "click", "dataclasses", "enum", "json", "pathlib", "prometheus_client", "re", "subprocess"}
    assert not {*dear, "signal", "typing"} & set(loaded)


def test_lines_of_many_processes_stay_whole(home: Path) -> None:
    code = (
        "import sys; from agentgauge_spool import append\n"
        "for i in range(1000): assert append('hook', hook_name=sys.argv[1] * 200, hook_event=str(i) * (i % 200))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for number in range(8)]
    assert [process.wait() for process in processes] == [0] * 8

    assert len(spooled(home)) == 8000
