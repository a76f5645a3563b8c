"""What an exporter makes of a spool that has waited for it."""

import importlib
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agentgauge.configuration import Budget, Configuration
from agentgauge.errors import UsageError
from agentgauge.exporter.budgets import Budgets
from agentgauge.exporter.exporter import Exporter
from agentgauge.record import Record
from agentgauge.spool.lines import Lines
from agentgauge.totals import Histogram
from agentgauge.web.app import Surface

LINE = Record("hook", 1.0, {"hook_name": "x" * 150}, {"duration_seconds": 0.5}).to_line()


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    (tmp_path / "spool").mkdir()
    with (tmp_path / "spool" / "spool.jsonl").open("wb") as file:
        for _ in range(20):
            file.write(LINE * 10_000)
    configuration = Configuration()
    claude_code = msgspec.structs.replace(configuration.collectors.claude_code, enabled=False)
    collectors = msgspec.structs.replace(configuration.collectors, claude_code=claude_code, processes=())
    exporter = Exporter(msgspec.structs.replace(configuration, collectors=collectors), tmp_path)
    yield exporter
    exporter.close()


def sample(exporter: Exporter, name: str, *labels: str) -> float | Histogram:
    families = {family.metric.name: family.samples for family in exporter.families()}
    return families[name][labels]


def test_it_is_ready_once_all_of_it_is_counted(exporter: Exporter) -> None:
    scrapes = 0
    while not exporter.ready:
        sample(exporter, "agentgauge_spool_backlog_bytes")
        scrapes += 1
        assert scrapes < 10
    assert scrapes == 200_000 * len(LINE) // (16 << 20) + 1 > 1

    assert sample(exporter, "agentgauge_records_total", "spool", "accepted") == 200_000
    assert sample(exporter, "agentgauge_hook_runs_total", "", "", "x" * 150, "", "") == 200_000
    assert sample(exporter, "agentgauge_spool_backlog_bytes") == 0
    assert sample(exporter, "agentgauge_spool_limit_bytes") == 1 << 30


def test_until_then_it_says_only_how_it_is_itself(exporter: Exporter) -> None:
    def said() -> dict[str, float | Histogram]:
        return {family.metric.name: next(iter(family.samples.values())) for family in exporter.own_families()}

    assert said()["agentgauge_exporter_ready"] == 0
    exporter.families()
    half = said()
    assert half["agentgauge_exporter_ready"] == 0
    assert 0 < half["agentgauge_spool_backlog_bytes"] < 200_000 * len(LINE)  # type: ignore[operator]
    assert not half.keys() & {"agentgauge_hook_runs_total", "agentgauge_records_total"}
    while not exporter.ready:
        exporter.families()
    assert (said()["agentgauge_exporter_ready"], said()["agentgauge_spool_backlog_bytes"]) == (1, 0)


@pytest.mark.parametrize("name", ["exporter", "serve"])
def test_each_command_serves_that_while_it_reads(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"agentgauge.cli.{name}")
    shown: list[str] = []

    def serve(surface: Surface, *_: object) -> None:
        assert not surface.ready()
        assert surface.unready is not None
        shown.extend(family.metric.name for family in surface.unready())
        raise UsageError("seen enough")

    monkeypatch.setattr(module, "open_server", serve)
    for variable in ("AGENTGAUGE_HOME", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(UsageError, match="seen enough"):
        getattr(module, name).main([], standalone_mode=False)
    assert "agentgauge_exporter_ready" in shown


def test_all_of_the_first_backlog_is_history_and_not_a_burst(exporter: Exporter, tmp_path: Path) -> None:
    spool = tmp_path / "spool" / "spool.jsonl"
    with spool.open("ab") as file:
        file.write(LINE.replace(b"xx", b"yy") * 10)
    stop = threading.Event()
    thread = threading.Thread(target=exporter.run, args=(stop,))
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not exporter.ready:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        stop.set()
        thread.join()
    with spool.open("ab") as file:
        file.write(LINE.replace(b"xx", b"zz"))

    runs = "agentgauge_hook_runs_total"
    families = {family.metric.name: family.samples for family in exporter.families()}[runs]
    assert sorted(families.values()) == [0, 10, 200_000]  # type: ignore[type-var]


def test_it_stays_ready_when_there_is_a_backlog_again(exporter: Exporter, tmp_path: Path) -> None:
    while not exporter.ready:
        exporter.families()
    with (tmp_path / "spool" / "spool.jsonl").open("ab") as file:
        file.write(LINE * 150_000)
    assert sample(exporter, "agentgauge_spool_backlog_bytes") > 0  # type: ignore[operator]
    assert exporter.ready


def test_budgets_are_charged_for_batches_as_for_single_calls() -> None:
    chance = random.Random(10420)
    chunk = b""
    for number in range(300):
        labels = {"gen_ai_agent_name": chance.choice("ab"), "gen_ai_request_model": chance.choice("xy")}
        amounts = {"cost_usd": number / 8} if number % 3 else {"duration_seconds": 1.0}
        line = Record("llm", 86_400.0 + number * 60, labels, amounts).to_line()
        chunk += line.replace(b'"time"', b'"hook"') if number % 50 == 1 else line  # some are no records
        if number % 40 == 2:
            chunk += Record("llm", 0.0, labels, amounts).to_line().replace(b'"time":0.0,', b"")
    now = 86_400.0 + 200 * 60
    limits = [Budget("all", 1.0), Budget("a", 1.0, "hour", agent="a"), Budget("x", 1.0, "month", model="x")]
    batched, single = Budgets(limits), Budgets(limits)

    for _, entry in Lines().batches(chunk):
        if entry is not None:
            batched.spend(entry, now)
    for _, one in Lines().entries(chunk):
        if one is not None:
            single.spend(one, now)

    assert batched.state() == single.state()
    assert all(account["spent"] > 0 for account in single.state().values())
