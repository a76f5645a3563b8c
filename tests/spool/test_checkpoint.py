import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentgauge.errors import SpoolError
from agentgauge.spool.checkpoint import Checkpoint


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "exporter" / "checkpoint.json"


def test_what_is_saved_is_loaded_by_the_next_process(path: Path) -> None:
    assert Checkpoint(path).load() == {}
    sections = {"totals": {"series": {"m": [[["a"], 1.5]]}}, "spool": {"ids": []}}

    Checkpoint(path).save({"totals": {}})
    Checkpoint(path).save(sections)

    assert Checkpoint(path).load() == sections
    assert [each.name for each in path.parent.iterdir()] == ["checkpoint.json"]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_who_asks_is_told_what_is_on_disk(path: Path) -> None:
    told: list[tuple[object, bool]] = []

    Checkpoint(path, saved=lambda sections: told.append((sections, path.exists()))).save({"spool": 1})

    assert told == [({"spool": 1}, True)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"version":1,"sections":{"totals"',
        b"\x00" * 4096,
        b"\xff",
        b"[]",
        b"{}",
        b'{"version":1,"sections":[]}',
        b'{"version":"1","sections":{}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_one_is_moved_aside_and_reported(body: bytes, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(body)

    with caplog.at_level(logging.WARNING):
        assert Checkpoint(path).load() == {}

    (aside,) = path.parent.iterdir()
    assert aside.name.startswith("checkpoint.json.invalid-")
    assert aside.read_bytes() == body
    assert [each.getMessage() for each in caplog.records] == [
        f"{path} is damaged; moved to {aside.name}, counting from zero"
    ]


def test_a_newer_one_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b'{"version":2,"sections":{}}')

    with pytest.raises(SpoolError, match=r"checkpoint\.json: written by a newer agentgauge .* upgrade agentgauge, or"):
        Checkpoint(path).load()
    assert path.read_bytes() == b'{"version":2,"sections":{}}'


def test_one_that_cannot_be_written_is_an_error_that_names_it(path: Path) -> None:
    path.parent.write_text("a file where the directory should be")

    with pytest.raises(SpoolError, match=r"checkpoint\.json: cannot be written: File exists$"):
        Checkpoint(path, saved=lambda _: pytest.fail("nothing was saved")).save({})
    with pytest.raises(SpoolError, match=r"checkpoint\.json: cannot be read: Not a directory$"):
        Checkpoint(path).load()


def test_a_full_disk_leaves_the_last_one(full_disk: Path) -> None:
    path = full_disk / "checkpoint.json"
    (full_disk / "filling").write_bytes(bytes(40_000))
    Checkpoint(path).save({"n": 1})

    with pytest.raises(SpoolError, match="No space left on device"):
        Checkpoint(path).save({"n": "x" * 60_000})
    assert Checkpoint(path).load() == {"n": 1}


def test_a_kill_at_any_instant_leaves_a_whole_one(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agentgauge.spool.checkpoint import Checkpoint\n"
        "checkpoint = Checkpoint(Path(sys.argv[1])); n = checkpoint.load().get('n', 0)\n"
        "while True: n += 1; checkpoint.save({'n': n, 'padding': 'x' * 100_000}); print(n, flush=True)"
    )
    last = 0
    for number in range(8):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(0.003 * number)
        process.kill()
        told = int([first, *process.stdout.read().split()][-1])
        process.wait()
        process.stdout.close()
        saved = Checkpoint(path).load()["n"]
        assert last < told <= saved <= told + 1
        last = saved
