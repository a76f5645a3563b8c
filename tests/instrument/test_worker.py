"""Workers of one service are counted exactly, through the spool, however they were started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentgauge.record import Delta, parse_line
from agentgauge.totals import Histogram, Totals

_FORKS = """
import os, agentgauge as ag
@ag.workflow("w")
def work(): pass
ag.report_to_spool(0.05)
for _ in range(100): work()
children = []
for _ in range(10):
    pid = os.fork()
    if not pid:
        for _ in range(50): work()
        raise SystemExit
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
"""
_POOL = """
import multiprocessing, agentgauge as ag
@ag.workflow("w")
def work(n): pass
if __name__ == "__main__":
    ag.report_to_spool(0.05)
    work(0)
    for _ in range(3):
        child = multiprocessing.get_context("fork").Process(target=work, args=(1,))
        child.start()
        child.join()
"""
_SPAWN = """
import multiprocessing, agentgauge as ag
@ag.workflow("w")
def work(n): pass
def initialise(): ag.report_to_spool(0.05)
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2, initialise) as pool:
        pool.map(work, range(40))
        pool.close()
        pool.join()
"""
_CELERY = """
import os, sys, types
class Signal:
    def connect(self, receiver, weak=True): self.receiver = receiver
sys.modules["celery.signals"] = signals = types.ModuleType("celery.signals")
signals.worker_process_shutdown = Signal()
import agentgauge as ag
@ag.workflow("w")
def work(): pass
ag.report_to_spool(3600)
pid = os.fork()
if not pid:
    for _ in range(7): work()
    signals.worker_process_shutdown.receiver(signal=None, sender=None, pid=os.getpid(), exitcode=0)
    os.kill(os.getpid(), 9)
os.waitpid(pid, 0)
"""


@pytest.mark.parametrize(
    ("program", "calls"),
    [(_FORKS, 600), (_POOL, 4), (_SPAWN, 40), (_CELERY, 7)],
    ids=["fork", "pool", "spawn", "celery"],
)
def test_every_worker_is_counted_once(tmp_path: Path, program: str, calls: int) -> None:
    script = tmp_path / "program.py"
    script.write_text(program)
    environment = {**os.environ, "AGENTGAUGE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, script], check=True, timeout=60, env=environment)
    totals = Totals()
    for line in (tmp_path / "spool" / "spool.jsonl").read_bytes().splitlines():
        if line:
            delta = parse_line(line)
            assert isinstance(delta, Delta)
            totals.add(delta)
    (family,) = totals.families()
    histogram = family.samples["w", ""]
    assert isinstance(histogram, Histogram)
    assert sum(histogram.counts) == calls
