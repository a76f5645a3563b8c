"""The analyzer on a real Dask cluster of this machine: the same findings, whatever happens to it."""

import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from agentgauge.analyzer import anomalies, rounds
from agentgauge.analyzer.engine import Engine
from agentgauge.analyzer.series import Series, series
from agentgauge.catalogue import METRICS
from agentgauge.totals import Family, Histogram
from tests.analyzer.synthetic import INTERVAL, START, Driven

pytest.importorskip("distributed", reason="the extra dask is not installed")

from distributed import LocalCluster

from agentgauge.analyzer.cluster import VERSIONS, Cluster

Result = TypeVar("Result")
Found = dict[tuple[str, tuple[object, ...]], float | Histogram]

PATIENCE = 60.0
MANY = [series("tool_duration_p95", [("gen_ai_tool_name", f"t{number}")]) for number in range(40)]
TICKS = 10


# The dashboard cannot be left out, but need not be on a port that may be taken.
OPTIONS: dict[str, Any] = {
    "threads_per_worker": 1,
    "host": "tcp://127.0.0.1",
    "dashboard_address": "127.0.0.1:0",
    "silence_logs": 50,
}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, processes=True, **OPTIONS) as cluster:
        yield cluster


def connected(local: LocalCluster, pause: float = 0.0) -> Cluster:
    host, _, port = local.scheduler_address.removeprefix("tcp://").rpartition(":")
    return Cluster(host, int(port), PATIENCE, pause)


class Counted:
    """An engine that says how much it was asked, and lets work through another function."""

    def __init__(self, engine: Engine, through: Callable[[Callable[[], Any]], Any] | None = None) -> None:
        self._engine, self._through = engine, through
        self.works: set[object] = set()

    @property
    def up(self) -> bool:
        return self._engine.up

    @property
    def problem(self) -> str:
        return self._engine.problem

    def results(self, work: Iterable[Callable[[], Result]]) -> list[Result]:
        work = list(work)
        self.works |= {one.func for one in work if isinstance(one, partial)}
        if self._through is None:
            return self._engine.results(work)
        through = self._through
        return self._engine.results([partial(through, one) for one in work])

    def close(self) -> None:
        self._engine.close()


def found(driven: Driven) -> Found:
    """Return every finding, all but how long it took."""
    own = {name for name in METRICS if name.startswith("agentgauge_analyzer_")}
    families: list[Family] = [one for one in driven.analyzer.families() if one.metric.name not in own]
    return {(one.metric.name, labels): value for one in families for labels, value in one.samples.items()}


def driven_by(engine: Engine | None) -> Driven:
    """An analyzer that had two hours of past, in which some became slower, and sees one more do so."""
    driven = Driven(engine=engine)
    chance = np.random.default_rng(0)
    ticks = np.arange(1440.0)
    times = START - INTERVAL * (1 + ticks[::-1])
    level = 1 + np.outer(np.arange(len(MANY)) % 4 == 0, ticks > 1000)
    past = level * chance.lognormal(0, 0.05, level.shape)
    driven.source.stored = [(one, times, values) for one, values in zip(MANY, past, strict=True)]
    for tick in range(TICKS):
        slower = np.where((np.arange(len(MANY)) == 7) & (tick >= TICKS - 5), 3.0, 1.0)
        now: dict[Series, float] = dict(zip(MANY, (past[:, -1] * slower).tolist(), strict=True))
        driven.tick(now)
    return driven


@pytest.fixture(scope="module")
def expected() -> Found:
    """What this process finds by itself."""
    here = found(driven_by(None))
    assert [labels for (name, labels), value in here.items() if name == "agentgauge_signal_anomaly" and value == 1.0]
    assert [labels for (name, labels), value in here.items() if name == "agentgauge_signal_regression" and value == 1.0]
    return here


def test_findings_of_a_cluster_are_the_same_bit_for_bit(local: LocalCluster, expected: Found) -> None:
    engine = Counted(connected(local))
    driven = driven_by(engine)
    assert engine.works == {anomalies.judged, rounds.assessed}
    assert engine.up
    assert found(driven) == expected
    assert driven.gauge("agentgauge_analyzer_engine_up") == 1.0
    engine.close()


def dies_at_first(marker: Path, one: Callable[[], Any]) -> Any:
    """Kill the worker that is the first to come here, before anything is done; the others do their work."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return one()
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def test_a_worker_that_is_lost_loses_no_finding(
    local: LocalCluster, expected: Found, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Counted(connected(local), partial(dies_at_first, tmp_path / "died"))
    driven = driven_by(engine)
    assert (tmp_path / "died").exists()
    assert found(driven) == expected
    assert engine.up
    assert caplog.records == []
    engine.close()


def test_a_cluster_that_goes_and_comes_back_is_told_once_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentgauge")
    with LocalCluster(n_workers=1, processes=False, **OPTIONS) as gone:
        engine = connected(gone)
        assert not engine.up
        assert engine.results([partial(sum, [1, 2])]) == [3]
        assert engine.up
        port = int(gone.scheduler_address.rpartition(":")[2])
    # Either it is known that the connection is gone, or what was sent does not come back in time.
    engine.timeout = 1.0
    assert engine.results([partial(sum, [1, 2]), partial(sum, [3, 4])]) == [3, 7]
    assert engine.results([partial(sum, [5])]) == [5]
    assert not engine.up
    assert engine.problem.startswith(f"tcp://127.0.0.1:{port}: ")
    (record,) = caplog.records
    assert f"tcp://127.0.0.1:{port}: " in record.getMessage()
    assert "is done in this process until it answers" in record.getMessage()
    engine.timeout = PATIENCE
    with LocalCluster(n_workers=1, processes=False, scheduler_port=port, **OPTIONS):
        assert engine.results([partial(sum, [1, 2])]) == [3]
        assert engine.up
        assert engine.problem == ""
        engine.close()
    assert [record.getMessage() for record in caplog.records[1:]] == [f"tcp://127.0.0.1:{port}: works again"]


def test_a_cluster_without_workers_holds_a_tick_up_for_its_timeout_only() -> None:
    with LocalCluster(n_workers=0, processes=False, **OPTIONS) as empty:
        engine = Cluster("127.0.0.1", int(empty.scheduler_address.rpartition(":")[2]), timeout=0.5)
        assert engine.results([partial(sum, [1, 2])]) == [3]
        assert not engine.up


def test_workers_of_other_versions_are_not_asked_for_numbers(
    local: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connected(local)
    with monkeypatch.context() as patched:
        patched.setattr("agentgauge.analyzer.cluster.VERSIONS", "agentgauge 0.0.1")
        assert engine.results([partial(sum, [1, 2])]) == [3]
        assert not engine.up
        assert f"a worker has {VERSIONS}, not agentgauge 0.0.1" in engine.problem
    assert engine.results([partial(sum, [1, 2])]) == [3]
    assert engine.up
    engine.close()


def test_work_that_fails_fails_here(local: LocalCluster) -> None:
    engine = connected(local)
    with pytest.raises(ZeroDivisionError):
        engine.results([partial(divmod, 1, 0)])
    engine.close()
