"""Cells lose nothing and double nothing, from threads, forks and concurrent scrapes."""

import contextlib
import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from agentgauge.cells import CELLS, VALVE, Cell, Cells
from agentgauge.instrument.cell_meter import CellMeter
from agentgauge.record import Record
from agentgauge.totals import Histogram, Totals

METRIC = "gen_ai_invoke_workflow_duration_seconds"


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def counted(cells: Cells, name: str) -> int:
    cells.fold()
    return sum(
        sum(value.counts)
        for family in cells.totals.families()
        if family.metric.name == METRIC
        for labels, value in family.samples.items()
        if labels[0] == name and isinstance(value, Histogram)
    )


def meter(name: str) -> CellMeter:
    labels = {"gen_ai_workflow_name": name}
    return CellMeter(
        CELLS.cell("workflow", name, labels),
        lambda duration, error: Record("workflow", 0.0, {**labels, "error_type": "E"}, {"duration_seconds": duration}),
    )


def test_threads_and_concurrent_scrapes_lose_nothing() -> None:
    CELLS.reset()

    def work() -> None:
        return None

    def fail() -> None:
        raise ValueError

    good, bad = meter("threads").around(work, "function"), meter("threads").around(fail, "function")
    seen: list[int] = []
    running = True

    def scrape() -> None:
        while running:
            seen.append(counted(CELLS, "threads"))

    def call() -> None:
        for number in range(100_000):
            if number % 10:
                good()
            else:
                with contextlib.suppress(ValueError):
                    bad()

    scraper = threading.Thread(target=scrape)
    workers = [threading.Thread(target=call) for _ in range(8)]
    for thread in (scraper, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    running = False
    scraper.join()
    assert counted(CELLS, "threads") == 800_000
    assert seen == sorted(seen)
    flying = CELLS.totals.families()
    (gauge,) = [family.samples for family in flying if family.metric.name == "agentgauge_in_flight"]
    assert gauge["workflow", "threads"] == 0


def test_a_cell_nobody_reads_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    CELLS.reset()
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks) * 1e-7)
    measured = meter("unread").around(int, "function")
    cell = CELLS.cell("workflow", "unread", {"gen_ai_workflow_name": "unread"})
    most = 0
    for _ in range(5 * VALVE):
        measured()
        most = max(most, len(cell.done), len(cell.begun), len(cell.ended))
    assert most <= VALVE + 5_000  # what is called in the millisecond until somebody looks
    assert counted(CELLS, "unread") == 5 * VALVE


def test_an_interrupt_while_a_caller_folds_leaves_no_lock_and_no_call_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    CELLS.reset()
    measured = meter("interrupted").around(int, "function")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def call_until_somebody_folds() -> None:
        for _ in range(10_000_000):
            measured()

    with monkeypatch.context() as patched:
        patched.setattr(CELLS.totals, "fold_all", interrupt)
        with pytest.raises(KeyboardInterrupt):
            call_until_somebody_folds()
    folding = threading.Thread(target=CELLS.fold, daemon=True)
    folding.start()
    folding.join(60)
    assert not folding.is_alive()
    (flying,) = [family.samples for family in CELLS.totals.families() if family.metric.name == "agentgauge_in_flight"]
    assert flying["workflow", "interrupted"] == 0
    before = counted(CELLS, "interrupted")
    measured()
    assert counted(CELLS, "interrupted") == before + 1


def test_calls_in_flight_and_the_oldest_one() -> None:
    cells = Cells(Totals())
    cell: Cell = cells.cell("tool", "slow", {"gen_ai_tool_name": "slow"})

    def gauges() -> dict[str, float]:
        families = {f.metric.name: f.samples[("tool", "slow")] for f in cells.expose() if f.metric.type == "gauge"}
        return {name: value for name, value in families.items() if isinstance(value, float)}

    assert gauges() == {"agentgauge_in_flight": 0.0, "agentgauge_oldest_in_flight_seconds": 0.0}
    cell.begun.append(time.perf_counter() - 90)
    cell.begin()
    now = gauges()
    assert now["agentgauge_in_flight"] == 2
    assert 90 <= now["agentgauge_oldest_in_flight_seconds"] < 100


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_children_count_their_own_and_parents_keep_theirs() -> None:
    CELLS.reset()
    measured = meter("forked").around(int, "function")
    running = True

    def load() -> int:
        calls = 0
        while running:
            measured()
            calls += 1
        return calls

    counts: list[int] = []
    worker = threading.Thread(target=lambda: counts.append(load()))
    worker.start()
    children = []
    for _ in range(50):
        pid = os.fork()
        if pid == 0:  # pragma: no cover - coverage does not follow forks
            for _ in range(500):
                measured()
            os._exit(0 if counted(CELLS, "forked") == 500 else 1)
        children.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in children]
    running = False
    worker.join()
    assert statuses == [0] * 50
    assert counted(CELLS, "forked") == counts[0]


def test_a_call_begun_before_a_fork_is_its_parents() -> None:
    CELLS.reset()

    def fork() -> int:
        return os.fork()

    pid = meter("forks").around(fork, "function")()
    if pid == 0:  # pragma: no cover
        os._exit(0 if counted(CELLS, "forks") == 0 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert counted(CELLS, "forks") == 1


def test_a_record_is_finished_when_folded_not_when_made() -> None:
    cells = Cells(Totals())
    finished: list[str] = []

    def finish(record: Record) -> Record:
        finished.append(record.kind)
        return record

    cells.finish_records(finish)
    cells.record(Record("branch", 0.0, {"gen_ai_workflow_name": "w", "branch": "left"}))
    assert finished == []
    cells.fold()
    assert finished == ["branch"]
