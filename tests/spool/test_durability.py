"""Real writers, a real reader, and SIGKILL."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentgauge.spool.checkpoint import Checkpoint
from agentgauge.spool.reader import SpoolReader
from agentgauge.totals import Totals

# Appends COUNT records in the name NUMBER, and keeps in a file how many it knows to be written.
WRITER = """
import os, sys
from agentgauge.spool.writer import append
number, count, pace = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
known = os.open(os.environ["AGENTGAUGE_HOME"] + "/written-" + number, os.O_WRONLY | os.O_CREAT)
import time
for written in range(1, count + 1):
    assert append("hook", hook_name=number, outcome="success", duration_seconds=0.001, hook_event="x" * (written % 150))
    os.pwrite(known, written.to_bytes(8, "little"), 0)
    time.sleep(pace)
"""

# Folds as the exporter does: what it prints has been saved.
READER = """
import sys
from pathlib import Path
from agentgauge.spool.checkpoint import Checkpoint
from agentgauge.spool.reader import SpoolReader
from agentgauge.totals import Totals
home = Path(sys.argv[1])
reader = SpoolReader(home / "spool", segment_bytes=100_000, grace_seconds=0.2)
checkpoint = Checkpoint(home / "exporter" / "checkpoint.json", saved=reader.saved)
sections, totals = checkpoint.load(), Totals(cap=10_000)
if sections:
    totals.restore(sections["totals"])
    reader.restore(sections["spool"])
while True:
    changed = False
    for entry in reader.poll():
        totals.fold(entry)
        changed = True
    if changed:
        checkpoint.save({"totals": totals.snapshot(), "spool": reader.state()})
    runs = totals.snapshot()["series"].get("agentgauge_hook_runs_total", [])
    refused = totals.snapshot()["series"].get("agentgauge_records_total", [])
    print(int(sum(value for _, value in runs)), int(sum(value for _, value in refused)), flush=True)
"""


def start_writer(number: int, count: int, pace: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(number), str(count), str(pace)])


def written(home: Path, number: int) -> int:
    return int.from_bytes((home / f"written-{number}").read_bytes(), "little")


class Follower:
    """A reader's process, and what it has said."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.shown = [0]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", READER, str(self._home)], stdout=subprocess.PIPE, text=True)

    def kill_after(self, process: subprocess.Popen[str], seconds: float) -> None:
        assert process.stdout is not None
        self._note(process.stdout.readline())
        time.sleep(seconds)
        process.kill()
        for line in process.stdout:
            self._note(line)
        process.stdout.close()
        assert process.wait() == -9

    def _note(self, line: str) -> None:
        if line.endswith("\n"):
            self.shown.append(int(line.split()[0]))


@pytest.fixture
def follower(home: Path) -> Follower:
    home.mkdir()
    return Follower(home)


def finally_counted(home: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Read to the end in this process; return runs by hook name and what was refused by result."""
    reader = SpoolReader(home / "spool")
    sections, totals = Checkpoint(home / "exporter" / "checkpoint.json").load(), Totals(cap=10_000)
    if sections:
        totals.restore(sections["totals"])
        reader.restore(sections["spool"])
    while True:
        entries = list(reader.poll())
        if not entries:
            break
        for entry in entries:
            totals.fold(entry)  # type: ignore[arg-type]
    reader.close()
    series = totals.snapshot()["series"]
    runs: dict[str, int] = {}
    for labels, value in series["agentgauge_hook_runs_total"]:
        runs[labels[2]] = runs.get(labels[2], 0) + int(value)
    return runs, {labels[1]: int(value) for labels, value in series.get("agentgauge_records_total", [])}


def test_nothing_is_lost_or_counted_twice_while_the_reader_is_killed(home: Path, follower: Follower) -> None:
    chance = random.Random(10420)
    writers = [start_writer(number, 1500, 0.005) for number in range(8)]

    for _ in range(22):
        follower.kill_after(follower.start(), chance.random() * 0.4)
    assert [writer.wait() for writer in writers] == [0] * 8
    assert not (home / "spool" / "spool.000001.jsonl").exists(), "no segment was deleted: the hard part went untested"

    assert follower.shown == sorted(follower.shown), "a counter fell"
    assert follower.shown[-1] > 0
    assert finally_counted(home) == ({str(number): 1500 for number in range(8)}, {})


def test_a_killed_writer_loses_at_most_what_it_was_writing(home: Path, follower: Follower) -> None:
    chance = random.Random(10421)
    writers = [start_writer(number, 1_000_000, 0.0) for number in range(8)]
    process = follower.start()
    while not all((home / f"written-{number}").exists() for number in range(8)):
        time.sleep(0.01)
    for writer in writers:
        time.sleep(chance.random() * 0.05)
        writer.kill()
        writer.wait()
    follower.kill_after(process, 0.1)

    runs, refused = finally_counted(home)

    assert all(runs[str(number)] - written(home, number) in (0, 1) for number in range(8))
    assert refused == {}
