"""Groups of processes: found by pattern, measured without counting twice, and never in the way."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agentgauge.collectors.processes import ProcessesCollector
from agentgauge.configuration import ProcessGroup
from agentgauge.errors import SpoolError
from agentgauge.record import Record

BUSY = "import sys, time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(flush=True); "
WAIT = "sys.stdin.read()"
TICK = 1 / os.sysconf("SC_CLK_TCK")
"""To which the kernel rounds down what a process used, of the user's time and of the system's."""
WITHOUT_WORK = f"import sys; print(flush=True); {WAIT}"
MARK = f"agentgauge-test-{os.getpid()}"


class Started:
    """Processes a test started, marked on their command line."""

    def __init__(self) -> None:
        self.all: list[subprocess.Popen[bytes]] = []

    def __call__(self, code: str = BUSY + WAIT, mark: str = MARK) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-c", code, mark], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.all.append(process)
        assert process.stdout is not None
        process.stdout.readline()  # its work is done
        return process

    def end(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        process.communicate()


@pytest.fixture
def start() -> Iterator[Started]:
    started = Started()
    yield started
    for process in started.all:
        if process.returncode is None:
            started.end(process)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds of the clock that says when to scan; a test moves it by assigning its element."""
    seconds = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    return seconds


def measure(collector: ProcessesCollector, role: str = "worker") -> Record:
    (record,) = [record for record in collector.poll() if record.labels.get("role") == role]
    return record


def test_a_role_without_processes_shows_zeros() -> None:
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line="no-such-command-line-anywhere")])
    record = measure(collector)
    assert record.kind == "process"
    assert set(record.amounts.values()) == {0.0}
    assert {"cpu_seconds_total", "resident_memory_bytes", "processes", "open_fds", "threads"} <= set(record.amounts)


def test_a_process_that_ran_before_counts_from_then_on(start: Started, clock: list[float]) -> None:
    start()
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    record = measure(collector)
    assert record.amounts["processes"] == 1
    assert record.amounts["cpu_seconds_total"] == 0
    assert record.amounts["resident_memory_bytes"] > 1_000_000
    assert record.amounts["threads"] >= 1
    assert record.amounts["open_fds"] >= 3


def test_a_process_that_began_later_counts_whole_and_once(start: Started, clock: list[float]) -> None:
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    assert measure(collector).amounts["processes"] == 0
    start()
    clock[0] += 10
    used = [measure(collector).amounts["cpu_seconds_total"] for _ in range(3)]
    assert used[0] >= 0.3 - 2 * TICK
    assert used[1:] == [0, 0]


def test_children_are_included_whatever_they_are_called(start: Started, clock: list[float]) -> None:
    code = "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); print(flush=True); sys.stdin.read()"
    parent = start(code)
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    assert measure(collector).amounts["processes"] == 2
    for child in psutil.Process(parent.pid).children():
        child.kill()


def test_a_process_that_ends_lowers_no_counter(start: Started, clock: list[float]) -> None:
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    measure(collector)
    process = start()
    clock[0] += 10
    assert measure(collector).amounts["processes"] == 1
    start.end(process)
    record = measure(collector)
    assert record.amounts["processes"] == 0
    assert all(value >= 0 for value in record.amounts.values())
    assert [record.amounts["ended_total"], measure(collector).amounts["ended_total"]] == [1, 0]


def test_processes_that_ended_are_counted_once_also_while_the_exporter_was_down(
    start: Started, clock: list[float]
) -> None:
    groups = [ProcessGroup(role="worker", command_line=MARK)]
    processes = [start(WITHOUT_WORK) for _ in range(3)]
    collector = ProcessesCollector(groups)
    assert measure(collector).amounts["ended_total"] == 0
    start.end(processes[0])
    saved = json.loads(json.dumps(collector.state()))
    start.end(processes[1])
    again = ProcessesCollector(groups)
    again.restore(saved)
    assert [measure(again).amounts["ended_total"] for _ in range(2)] == [2, 0]
    # Whoever leaves the group has not ended.
    other = ProcessesCollector([ProcessGroup(role="worker", command_line="no-such-command-line-anywhere")])
    other.restore(json.loads(json.dumps(again.state())))
    record = measure(other)
    assert (record.amounts["processes"], record.amounts["ended_total"]) == (0, 0)


def test_memory_shared_with_nobody_is_part_of_the_resident(start: Started, clock: list[float]) -> None:
    start(WITHOUT_WORK)
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    for _ in range(2):
        record = measure(collector)
        assert 500_000 < record.amounts["unique_memory_bytes"] <= record.amounts["resident_memory_bytes"]


def test_memory_that_may_not_be_looked_at_is_left_out_and_counted(
    start: Started, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(process: psutil.Process) -> int:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "memory_full_info", deny)
    start(WITHOUT_WORK)
    role, dropped = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)]).poll()
    assert role.amounts["resident_memory_bytes"] > 0
    assert "unique_memory_bytes" not in role.amounts
    assert (dropped.labels["result"], dropped.amounts) == ("dropped", {"count": 1})


def test_polls_between_two_looks_yield_nothing(start: Started, clock: list[float]) -> None:
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)], 5.0)
    looks = []
    for _ in range(12):
        looks.append(len(list(collector.poll())))
        clock[0] += 1
    assert looks == [1, 0, 0, 0, 0] * 2 + [1, 0]


def test_every_given_pattern_must_fit(start: Started, clock: list[float]) -> None:
    process = start()
    name = psutil.Process(process.pid).name()
    groups = [
        ProcessGroup(role="both", name=f"^{name}$", command_line=MARK),
        ProcessGroup(role="one", name="^another$", command_line=MARK),
    ]
    collector = ProcessesCollector(groups)
    counts = {record.labels["role"]: record.amounts["processes"] for record in collector.poll()}
    assert counts == {"both": 1, "one": 0}


def test_a_pidfile_names_the_process_and_its_successor(start: Started, clock: list[float], tmp_path: Path) -> None:
    first, second = start(), start()
    pidfile = tmp_path / "service.pid"
    collector = ProcessesCollector([ProcessGroup(role="worker", pidfile=str(pidfile))])
    assert measure(collector).amounts["processes"] == 0
    for content, expected in ((f"{first.pid}\n", 1), ("no number", 0), (f"{second.pid}", 1), ("", 0)):
        pidfile.write_text(content)
        clock[0] += 10
        assert measure(collector).amounts["processes"] == expected


def test_another_process_with_the_same_id_is_another(start: Started, clock: list[float]) -> None:
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    measure(collector)
    process = start()
    clock[0] += 10
    measure(collector)
    state = json.loads(json.dumps(collector.state()))
    # As if what was saved had been said of an earlier process with this id, which had used an hour.
    state["roles"]["worker"][str(process.pid)][:2] = [1.0, 3600.0]
    successor = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    successor.restore(state)
    assert 0.2 <= measure(successor).amounts["cpu_seconds_total"] < 60


def test_what_was_used_while_the_exporter_was_down_is_counted_once(start: Started, clock: list[float]) -> None:
    groups = [ProcessGroup(role="worker", command_line=MARK)]
    collector = ProcessesCollector(groups)
    measure(collector)
    saved = json.loads(json.dumps(collector.state()))
    start()
    clock[0] += 10
    first = measure(collector).amounts["cpu_seconds_total"]
    again = ProcessesCollector(groups)
    again.restore(saved)
    assert measure(again).amounts["cpu_seconds_total"] == pytest.approx(first, abs=0.1)
    once_more = ProcessesCollector(groups)
    once_more.restore(json.loads(json.dumps(again.state())))
    assert measure(once_more).amounts["cpu_seconds_total"] < 0.1


def test_permission_denied_is_counted_once_a_process(
    start: Started, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    measure(collector)

    def deny(process: psutil.Process) -> int:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "num_fds", deny)
    role, dropped = collector.poll()
    assert (role.amounts["processes"], role.amounts["open_fds"]) == (1, 0)
    assert role.amounts["resident_memory_bytes"] > 0
    assert (dropped.kind, dropped.labels) == ("read", {"source": "processes", "result": "dropped"})
    assert dropped.amounts == {"count": 1}
    assert len(list(collector.poll())) == 1


def test_a_command_line_is_read_only_where_the_name_fits(
    start: Started, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start()
    read = []
    cmdline = psutil.Process.cmdline

    def spy(asked: psutil.Process) -> list[str]:
        read.append(asked.pid)
        return cmdline(asked)

    monkeypatch.setattr(psutil.Process, "cmdline", spy)
    collector = ProcessesCollector([ProcessGroup(role="worker", name="^a-name-nobody-has$", command_line=MARK)])
    for _ in range(3):
        measure(collector)
    assert process.pid not in read  # psutil completes long names of others by their command lines
    collector = ProcessesCollector([ProcessGroup(role="worker", command_line=MARK)])
    measure(collector)
    assert read.count(process.pid) == 1
    measure(collector)
    assert read.count(process.pid) == 1


@pytest.mark.parametrize("state", [None, [], {"since": "x", "roles": {}}, {"since": 1.0, "roles": {"a": {"1": [1]}}}])
def test_a_state_that_is_none_is_refused(state: object) -> None:
    with pytest.raises(SpoolError):
        ProcessesCollector([]).restore(state)


def test_neither_psutil_nor_prices_are_imported_before_they_are_needed() -> None:
    code = (
        "import sys, agentgauge.collectors.claude_code, agentgauge.collectors.processes; "
        "print([name for name in ('psutil', 'genai_prices', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
