"""An exporter that is killed at each of its own steps where order matters: no luck is needed to meet the wrong one."""

import subprocess
import sys
from pathlib import Path

import pytest

# Forks exporters that kill themselves, each before its n-th line in certain functions, until one ends by itself and one
# more has looked. Each prints what it exposes, and before it is at risk what there was to count: lines, and payloads
# that were taken.
_EXPORTERS = """
import functools, itertools, os, signal, sys
from pathlib import Path
import agentgauge.exporter.exporter as module
from agentgauge.configuration import Collectors, Codex, ClaudeCode, Configuration, Copilot, Gemini
from agentgauge_spool import append

functions = sys.argv[1].split()
taken = os.open(sys.argv[2], os.O_CREAT | os.O_RDWR | os.O_APPEND)
module.SpoolReader = functools.partial(module.SpoolReader, segment_bytes=500, grace_seconds=0)
module.Journal = functools.partial(module.Journal, file_bytes=100)
none = {"enabled": False}
configuration = Configuration(
    collectors=Collectors(ClaudeCode(**none), Codex(**none), Copilot(**none), Gemini(**none), processes=())
)

def kill_at(step):
    left = itertools.count(step - 1, -1)

    def trace(frame, event, argument):
        if frame.f_code.co_qualname not in functions:
            return None
        if event == "line" and not next(left):
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)

def expose(exporter):
    found = {metric.name: int(sum(samples.values())) for metric, samples in exporter.families() if metric.name in NAMES}
    runs, events = (found.get(name, 0) for name in NAMES)
    os.write(1, b"exposed %d %d\\n" % (runs, events))

NAMES = ("agentgauge_hook_runs_total", "agentgauge_hook_events_total")

def export(step):
    exporter = module.Exporter(configuration, Path(os.environ["AGENTGAUGE_HOME"]))
    for _ in range(2):
        expose(exporter)
    os.write(1, b"written %d %d\\n" % (3 * step, os.fstat(taken).st_size))
    for _ in range(3):
        assert append("hook", hook_name="x" * 100, outcome="success")
    kill_at(step + 1)
    for _ in range(2):
        exporter.hooks.take(b'{"hook_event_name": "Stop"}')
        os.write(taken, b".")
        expose(exporter)

alive = 0
for step in itertools.count():
    child = os.fork()
    if not child:
        export(step)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    alive += not os.WIFSIGNALED(status)
    if alive == 2:
        break
"""


@pytest.mark.parametrize(
    "functions",
    [
        ("Checkpoint.save", "_sync_directory"),
        ("Intake.scrape", "Intake._save", "SpoolReader.saved", "SpoolReader._rotate", "Exporter._saved"),
        ("ClaudeCodeHooksCollector._keep", "Journal.append", "Journal._begin", "Journal.saved"),
    ],
    ids=["checkpoint", "exporter", "hooks"],
)
def test_killed_before_any_of_its_lines_it_counts_everything_once(
    functions: tuple[str, ...], home: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _EXPORTERS, " ".join(functions), str(tmp_path / "taken")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    kills, shown, counted, taken = -2, (0, 0), 0, 0
    for line in said:
        what, *numbers = line.split()
        runs, events = map(int, numbers)
        if what == "exposed":
            assert runs >= shown[0], f"a counter fell after kill {kills}"
            assert events >= shown[1], f"a counter fell after kill {kills}"
            shown = (runs, events)
            continue
        kills += 1
        assert shown[0] == runs, f"after kill {kills}"
        # What was being taken when it was killed may have been kept, or not.
        assert events - taken <= shown[1] - counted <= events - taken + 1, f"after kill {kills}"
        counted, taken = shown[1], events
    assert kills > 10
    assert not list((home / "exporter").glob("*.invalid-*"))
