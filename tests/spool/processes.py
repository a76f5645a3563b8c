"""Real exporters and writers for tests that kill them."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

SCALE = float(os.environ.get("AGENTGAUGE_TEST_SCALE", "1"))
"""How much longer than usual the tests with faults at random go on."""

_PATIENCE_SECONDS = 60.0

# The clock of whoever runs this first: as far from this machine's as the test says.
_CLOCK = """
import os, time
_now, _offset = time.time, os.environ["AGENTGAUGE_HOME"] + "/clock"
time.time = lambda: _now() + (float(open(_offset).read()) if os.path.exists(_offset) else 0)
"""

# Forks an exporter, and another one whenever it is dead, so that a start costs no imports. Segments are small and their
# grace period short, so that many are renamed and deleted meanwhile. What it prints has been exposed.
_SUPERVISOR = """
import functools, os, sys, time
from pathlib import Path
import agentgauge.exporter.exporter as module
from agentgauge.configuration import Configuration, Collectors
from agentgauge.collectors.claude_code import ClaudeCodeCollector
import msgspec

module.SpoolReader = functools.partial(module.SpoolReader, segment_bytes=100_000, grace_seconds=0.2)
configuration = Configuration()
claude_code = msgspec.structs.replace(configuration.collectors.claude_code, enabled=False)
collectors = msgspec.structs.replace(configuration.collectors, claude_code=claude_code, processes=())
configuration = msgspec.structs.replace(configuration, collectors=collectors)

def export():
    exporter = module.Exporter(configuration, Path(os.environ["AGENTGAUGE_HOME"]))
    while True:
        sums = dict.fromkeys(("agentgauge_hook_runs_total", "agentgauge_checkpoint_errors_total"), 0)
        refused = 0
        for metric, samples in exporter.families():
            if metric.name in sums:
                sums[metric.name] = int(sum(samples.values()))
            if metric.name == "agentgauge_records_total":
                refused = int(sum(value for (_, result), value in samples.items() if result != "accepted"))
        os.write(1, b"%d %d %d %d\\n" % (os.getpid(), *sums.values(), refused))
        time.sleep(0.005)

parent = os.getppid()
while os.getppid() == parent:
    child = os.fork()
    if not child:
        export()
    os.write(1, b"%d started\\n" % child)
    os.waitpid(child, 0)
"""

_WRITER = """
import os, sys, time
from agentgauge_spool import append
number, home = sys.argv[1], os.environ["AGENTGAUGE_HOME"]
known = os.open(home + "/written-" + number, os.O_WRONLY | os.O_CREAT)
written = 0
while not os.path.exists(home + "/stop"):
    if append("hook", hook_name=number, outcome="success", duration_seconds=0.001, hook_event="x" * (written % 20 * 7)):
        written += 1
        os.pwrite(known, written.to_bytes(8, "little"), 0)
    time.sleep(float(sys.argv[2]))
"""


class Exporters:
    """An exporter that is started again whenever it is killed; use as a context manager."""

    def __init__(self) -> None:
        self.runs = [0]
        self.refused = 0
        self.checkpoint_errors = 0
        self.pid = 0
        self._unread = b""

    def __enter__(self) -> "Exporters":
        """Start."""
        self._process = subprocess.Popen([sys.executable, "-c", _CLOCK + _SUPERVISOR], stdout=subprocess.PIPE)
        self.await_start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill."""
        self._process.kill()
        self._process.wait()
        self.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def await_start(self) -> None:
        """Wait until an exporter's process is there; it may not have done anything yet."""
        before = self.pid
        while self.pid == before:
            self._read()

    def await_runs(self, count: int) -> None:
        """Wait until so many runs of hooks are exposed."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.runs[-1] < count:
            self._read()
            assert time.monotonic() < deadline, f"{self.runs[-1]} of {count} runs are exposed"

    def follow(self, seconds: float) -> None:
        """Take note of what is exposed, for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def kill(self) -> None:
        """Kill the exporter."""
        os.kill(self.pid, signal.SIGKILL)

    def _read(self, timeout: float = _PATIENCE_SECONDS) -> None:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        assert ready or timeout < _PATIENCE_SECONDS, "the exporter says nothing"
        if not ready:
            return
        content = os.read(self._process.stdout.fileno(), 1 << 16)
        assert content, "the exporter cannot run"
        *lines, self._unread = (self._unread + content).split(b"\n")
        for line in lines:
            pid, first, *rest = line.split()
            if first == b"started":
                self.pid = int(pid)
            else:
                self.runs.append(int(first))
                self.checkpoint_errors, self.refused = map(int, rest)


def start_writer(number: int, pace: float) -> "subprocess.Popen[bytes]":
    """Start a process that appends runs of the hook ``number`` until it is killed or told to stop."""
    return subprocess.Popen([sys.executable, "-c", _WRITER, str(number), str(pace)])


def written(home: Path, number: int) -> int:
    """Return how many runs a writer knows to be written."""
    return int.from_bytes((home / f"written-{number}").read_bytes(), "little")


def set_clock(home: Path, seconds: float) -> None:
    """Set the clock of exporters and of ``clocked_hook`` so much before or after this machine's."""
    (home / "clock.new").write_text(f"{seconds}")
    (home / "clock.new").replace(home / "clock")


def clocked_hook(name: str, *command: str) -> list[str]:
    """Return a command line of agentgauge-hook that goes by the clock that is set."""
    code = _CLOCK + "from agentgauge.spool.hook import main; main()"
    return [sys.executable, "-c", code, "--system", "ci", "--event", "e", "--name", name, "--", *command]


def hook_command(name: str, *command: str) -> list[str]:
    """Return a command line of agentgauge-hook."""
    module = "agentgauge.spool.hook"
    return [sys.executable, "-m", module, "--system", "ci", "--event", "e", "--name", name, "--", *command]
