"""An exporter that is killed at each of its own steps where order matters: no luck is needed to meet the wrong one."""

import subprocess
import sys
from pathlib import Path

import pytest

# Forks an exporter that kills itself before its n-th line in certain functions, and then one that lives, for each n
# until the first one ends by itself. What is printed: n, what there is to count, what each of the two exposed at last.
_EXPORTERS = """
import functools, itertools, os, signal, sys
from pathlib import Path
import agentgauge.exporter.exporter as module
from agentgauge.configuration import Collectors, Codex, ClaudeCode, Configuration, Copilot, Gemini
from agentgauge_spool import append

functions = sys.argv[1].split()
module.SpoolReader = functools.partial(module.SpoolReader, segment_bytes=500, grace_seconds=0)
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

def export(step):
    exporter = module.Exporter(configuration, Path(os.environ["AGENTGAUGE_HOME"]))
    if step:
        kill_at(step)
    for _ in range(2):
        for metric, samples in exporter.families():
            if metric.name == "agentgauge_hook_runs_total":
                os.write(write_end, b"%d " % sum(samples.values()))

written = 0
for step in itertools.count(1):
    for _ in range(3):
        written += append("hook", hook_name="x" * 100, outcome="success")
    told = []
    for each in (step, 0):
        read_end, write_end = os.pipe()
        child = os.fork()
        if not child:
            export(each)
            os._exit(0)
        os.close(write_end)
        _, status = os.waitpid(child, 0)
        told.append([*os.read(read_end, 1000).split(), b"-"] if each else os.read(read_end, 1000).split())
        os.close(read_end)
        if each:
            alive = not os.WIFSIGNALED(status)
    print(step, written, *(b",".join(numbers).decode() for numbers in told), flush=True)
    if alive:
        break
"""


@pytest.mark.parametrize(
    "functions",
    [
        ("Checkpoint.save", "_sync_directory"),
        ("Intake.scrape", "Intake._save", "SpoolReader.saved", "SpoolReader._rotate", "Exporter._saved"),
    ],
    ids=["checkpoint", "exporter"],
)
def test_killed_before_any_of_its_lines_it_counts_everything_once(functions: tuple[str, ...], home: Path) -> None:
    command = [sys.executable, "-c", _EXPORTERS, " ".join(functions)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(said) > 10
    shown = 0
    for line in said:
        step, written, killed, lived = line.split()
        numbers = [int(number) for number in [*killed.split(",")[:-1], *lived.split(",")]]
        assert numbers[-1] == int(written), f"killed before line {step}"
        assert [shown, *numbers] == sorted([shown, *numbers]), f"a counter fell after a kill before line {step}"
        shown = numbers[-1]
    assert not list((home / "exporter").glob("*.invalid-*"))
