"""Sub-interpreters count on their own, and reach one exporter through the spool as other workers do."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentgauge.record import Delta, parse_line
from agentgauge.totals import Histogram, Totals

_MODULE = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
# An isolated one, which may have no threads of ours; but CPython 3.12 aborts where such a one imports asyncio.
_CREATE = "create(isolated=False)" if sys.version_info[:2] == (3, 12) else "create()"

_PROGRAM = f"""
import sys, threading, {_MODULE} as interpreters
import agentgauge as ag
from agentgauge.testing import recorded_of

TOOL = "gen_ai_execute_tool_duration_seconds"
WITHIN = '''
import sys
sys.path[:] = %r
import agentgauge as ag
from agentgauge.testing import assert_recorded, recorded_of
from prometheus_client import generate_latest

@ag.tool("t")
def work(): pass

for _ in range(300): work()
assert_recorded("{{TOOL}}", count=300, gen_ai_tool_name="t")
assert b'gen_ai_tool_name="t"' in generate_latest()
ag.report_to_spool(0.05)
''' % sys.path

def run():
    interpreter = interpreters.{_CREATE}
    problem = interpreters.run_string(interpreter, WITHIN.replace("{{TOOL}}", TOOL))
    assert problem is None, problem
    interpreters.destroy(interpreter)

@ag.tool("t")
def work(): pass

threads = [threading.Thread(target=run) for _ in range(3)]
for thread in threads: thread.start()
for _ in range(100): work()
for thread in threads: thread.join()
assert recorded_of(TOOL, gen_ai_tool_name="t").count == 100
ag.report_to_spool()
"""


@pytest.mark.skipif(importlib.util.find_spec(_MODULE) is None, reason="this Python has no sub-interpreters")
def test_each_interpreter_counts_its_own_and_the_spool_has_the_sum(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(_PROGRAM)
    result = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "AGENTGAUGE_HOME": str(tmp_path)},
    )
    assert result.returncode == 0, result.stderr
    totals = Totals()
    for line in (tmp_path / "spool" / "spool.jsonl").read_bytes().splitlines():
        if line:
            delta = parse_line(line)
            assert isinstance(delta, Delta)
            totals.add(delta)
    (family,) = totals.families()
    histogram = family.samples["t", "function", "", ""]
    assert isinstance(histogram, Histogram)
    assert sum(histogram.counts) == 1_000, result.stderr
