"""Real exporters, writers and hooks; SIGKILL, full disks, removed directories, clocks that go back."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agentgauge.spool import hook
from agentgauge.spool.reader import SpoolReader
from agentgauge_spool import append
from tests.spool.processes import SCALE, Exporters, clocked_hook, hook_command, set_clock, start_writer, written

EXPORTER = [sys.executable, "-m", "agentgauge", "exporter", "--web.listen-address", "127.0.0.1:0"]


@pytest.fixture
def made(home: Path) -> Path:
    home.mkdir()
    return home


def runs_by_name(home: Path) -> dict[str, int]:
    """Return the runs of hooks in the checkpoint."""
    totals = json.loads((home / "exporter" / "checkpoint.json").read_bytes())["sections"]["totals"]["series"]
    runs: dict[str, int] = {}
    for labels, value in totals["agentgauge_hook_runs_total"]:
        runs[labels[2]] = runs.get(labels[2], 0) + int(value)
    return runs


def test_killed_exporters_lose_nothing_and_count_nothing_twice(made: Path) -> None:
    chance = random.Random(10420)
    writers = [start_writer(number, 0.005) for number in range(8)]
    with Exporters() as exporters:
        for number in range(int(200 * SCALE)):
            # Some live long enough to delete what they have counted.
            exporters.follow(chance.random() * (0.05 if number % 8 else 0.4))
            exporters.kill()
            exporters.await_start()
        (made / "stop").touch()
        assert [each.wait() for each in writers] == [0] * 8
        expected = {str(number): written(made, number) for number in range(8)}
        exporters.await_runs(sum(expected.values()))
        exporters.follow(1)  # past the grace period: what is counted is deleted

    assert exporters.runs == sorted(exporters.runs), "a counter fell"
    assert exporters.runs[-1] == sum(expected.values())
    assert runs_by_name(made) == expected
    assert exporters.refused == 0
    left = sum(each.stat().st_size for each in (made / "spool").glob("spool*.jsonl"))
    assert left < 100 * exporters.runs[-1], "no segment was deleted"


def test_killed_writers_lose_at_most_what_they_were_writing(made: Path) -> None:
    chance = random.Random(10421)
    with Exporters() as exporters:
        writers = [start_writer(number, 0.0) for number in range(8)]
        while not all((made / f"written-{number}").exists() for number in range(8)):
            exporters.follow(0.01)
        for each in writers:
            exporters.follow(chance.random() * 0.05)
            each.kill()
            each.wait()
        known = [written(made, number) for number in range(8)]
        exporters.await_runs(sum(known))
        exporters.follow(0.2)

    counted = runs_by_name(made)
    assert all(counted[str(number)] - known[number] in (0, 1) for number in range(8))
    assert exporters.refused == 0


def test_a_writer_killed_within_a_line_spoils_that_line_alone(made: Path) -> None:
    code = (
        "import os, sys, time; from agentgauge_spool import append, encode\n"
        "append('hook', hook_name='torn'); file = open(sys.argv[1], 'ab', buffering=0)\n"
        "file.write(encode('hook', {'hook_name': 'torn'})[:-9]); print(flush=True); time.sleep(600)"
    )
    with Exporters() as exporters:
        command = [sys.executable, "-c", code, str(made / "spool" / "spool.jsonl")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as torn:
            assert torn.stdout is not None
            torn.stdout.readline()
            torn.kill()
        for _ in range(3):
            assert subprocess.run(hook_command("whole", "true")).returncode == 0
        exporters.await_runs(4)
        exporters.follow(0.1)

    assert runs_by_name(made) == {"torn": 1, "whole": 3}
    assert exporters.refused == 1


def test_a_full_disk_costs_only_what_is_written_meanwhile(full_disk: Path) -> None:
    (full_disk / "filling").write_bytes(bytes(24_000))
    with Exporters() as exporters:
        for _ in range(3):
            assert subprocess.run(hook_command("before", "true")).returncode == 0
        exporters.await_runs(3)
        with (full_disk / "filling").open("ab", buffering=0) as filling:
            _fill(filling)
        lost = subprocess.run(hook_command("meanwhile", "echo", "out"), capture_output=True)
        assert (lost.returncode, lost.stdout, lost.stderr) == (0, b"out\n", b"")
        deadline = time.monotonic() + 30
        while not exporters.checkpoint_errors:  # appending to the last block may still succeed
            assert time.monotonic() < deadline
            append("hook", hook_name="meanwhile")
            exporters.follow(0.01)
        (full_disk / "filling").unlink()
        exporters.kill()
        exporters.await_start()
        for _ in range(3):
            assert subprocess.run(hook_command("after", "true")).returncode == 0
        deadline = time.monotonic() + 30
        while runs_by_name(full_disk).get("after") != 3 and time.monotonic() < deadline:
            exporters.follow(0.05)

    runs = runs_by_name(full_disk)
    assert (runs["before"], runs["after"]) == (3, 3)
    assert exporters.refused <= 1, "the one line that the end of the disk cut"


def _fill(file: Any) -> None:
    for size in (4096, 1):
        try:
            while file.write(bytes(size)):
                pass
        except OSError:
            continue


def test_a_removed_spool_is_made_again_and_read_on(made: Path) -> None:
    with Exporters() as exporters:
        for count in range(1, 4):
            assert append("hook", hook_name=str(count))
            exporters.await_runs(count)
            shutil.rmtree(made / "spool", ignore_errors=True)
        assert subprocess.run(hook_command("4", "true")).returncode == 0
        exporters.await_runs(4)
        exporters.follow(0.1)

    assert exporters.runs[-1] == 4
    assert runs_by_name(made) == dict.fromkeys("1234", 1)


def test_a_clock_that_goes_back_changes_no_count(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    reader = SpoolReader(made / "spool", segment_bytes=300, grace_seconds=0)
    count = 0
    for hours in (0, -1, -48, 1, -1):
        monkeypatch.setattr("time.time", lambda hours=hours: now + 3600 * hours)
        for _ in range(3):
            assert append("hook", hook_name="x", hook_event="y" * 100)
            os.utime(made / "spool" / "spool.jsonl", (now + 3600 * hours,) * 2)
            count += sum(1 for _ in reader.poll())
            assert reader.oldest_seconds >= 0
            reader.saved({"spool": reader.state()})

    assert count == 15
    reader.close()


def test_a_clock_that_goes_back_while_exporters_and_hooks_run_changes_no_count(made: Path) -> None:
    count = 0
    with Exporters() as exporters:
        for hours in (0, -1, -48, 24, -1):
            set_clock(made, 3600 * hours)
            for _ in range(2):
                assert subprocess.run(clocked_hook("x", "true")).returncode == 0
            count += 2
            exporters.await_runs(count)
            if hours == -48:
                exporters.kill()
                exporters.await_start()
        exporters.follow(0.3)

    assert exporters.runs == sorted(exporters.runs)
    assert runs_by_name(made) == {"x": count}
    assert exporters.refused == 0


def test_a_second_exporter_is_refused_in_one_line_and_the_first_goes_on(made: Path) -> None:
    with Exporters() as exporters:
        second = subprocess.run(EXPORTER, capture_output=True, text=True, timeout=60)
        assert second.returncode == 2
        assert second.stderr == (
            f"agentgauge: {made}/spool: the exporter with process id {exporters.pid} already reads this spool; "
            "stop it, or set AGENTGAUGE_HOME to another directory\n"
        )
        assert append("hook", hook_name="x")
        exporters.await_runs(1)


@pytest.mark.parametrize("damage", ["truncated", "empty"])
def test_a_damaged_checkpoint_is_set_aside_and_what_is_in_the_spool_counted(damage: str, made: Path) -> None:
    checkpoint = made / "exporter" / "checkpoint.json"
    with Exporters() as exporters:
        assert append("hook", hook_name="x")
        exporters.await_runs(1)
    os.truncate(checkpoint, 0 if damage == "empty" else checkpoint.stat().st_size // 2)
    assert append("hook", hook_name="x")

    with Exporters() as exporters:
        exporters.await_runs(2)
        exporters.follow(0.1)

    assert exporters.runs[-1] == 2
    assert len(list(checkpoint.parent.glob("checkpoint.json.invalid-*"))) == 1


def test_a_checkpoint_of_a_newer_version_is_left_alone(made: Path) -> None:
    (made / "exporter").mkdir()
    (made / "exporter" / "checkpoint.json").write_text('{"version": 99, "sections": {}}')
    refused = subprocess.run(EXPORTER, capture_output=True, text=True, timeout=60)

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"agentgauge: {made}/exporter/checkpoint.json: written by a newer agentgauge")
    assert refused.stderr.count("\n") == 1
    assert json.loads((made / "exporter" / "checkpoint.json").read_text())["version"] == 99


def test_a_thousand_hooks_at_once_are_all_counted(made: Path) -> None:
    functions = Path(hook.__file__).with_name("agentgauge.sh")
    script = f'. {functions}; n=0; while [ $n -lt "$0" ]; do agentgauge_hook ci e shell : & n=$((n + 1)); done; wait'
    wrapped = min(1000, int(100 * SCALE))
    with Exporters() as exporters:
        processes = [subprocess.Popen(hook_command("wrapped", "true")) for _ in range(wrapped)]
        processes.append(subprocess.Popen(["sh", "-c", script, str(1000 - wrapped)]))
        assert {each.wait() for each in processes} == {0}
        exporters.await_runs(1000)
        exporters.follow(0.1)

    assert runs_by_name(made) == {
        name: count for name, count in (("wrapped", wrapped), ("shell", 1000 - wrapped)) if count
    }


def test_a_killed_hook_leaves_no_half_line(made: Path) -> None:
    chance = random.Random(10422)
    for _ in range(int(15 * SCALE)):
        with subprocess.Popen(hook_command("killed", "true")) as process:
            time.sleep(chance.random() * 0.1)
            process.send_signal(signal.SIGKILL)
    spool = made / "spool" / "spool.jsonl"
    lines = spool.read_bytes().split(b"\n") if spool.exists() else []
    assert all(json.loads(line)["hook_name"] == "killed" for line in lines if line)
