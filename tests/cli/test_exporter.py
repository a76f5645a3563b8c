import random
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentgauge.cli import main
from agentgauge.record import Record
from tests.cli.conftest import DEADLINE, Start

EXPORTER = ("exporter", "--web.listen-address", "127.0.0.1:0")
RUNS = "agentgauge_hook_runs_total"
Append = Callable[..., None]


def hook(name: str = "ruff") -> Record:
    labels = {"hook_system": "git", "hook_event": "pre-commit", "hook_name": name}
    return Record(
        "hook", time.time(), {**labels, "outcome": "success", "exit_code_class": "0"}, {"duration_seconds": 1}
    )


def key(metric: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return metric, frozenset(labels.items())


def runs(name: str = "ruff") -> tuple[str, frozenset[tuple[str, str]]]:
    labels = {"hook_system": "git", "hook_event": "pre-commit", "hook_name": name}
    return key(RUNS, **labels, outcome="success", exit_code_class="0")


def accepted() -> tuple[str, frozenset[tuple[str, str]]]:
    return key("agentgauge_records_total", source="spool", result="accepted")


def test_a_record_in_the_spool_is_seen_at_zero_and_then_counted(start: Start, append: Append) -> None:
    exporter = start(*EXPORTER)
    assert runs() not in exporter.scrape()
    append(hook(), hook())
    assert exporter.scrape()[runs()] == 0
    assert exporter.scrape()[runs()] == 2


def test_what_it_says_of_itself(start: Start) -> None:
    exporter = start(*EXPORTER)
    names = {name for name, _ in exporter.scrape()}
    assert names >= {
        "agentgauge_build_info",
        "agentgauge_spool_backlog_bytes",
        "agentgauge_spool_oldest_seconds",
        "agentgauge_fold_duration_seconds",
        "agentgauge_records_total",
        "agentgauge_checkpoint_errors_total",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    }
    _, body = exporter.get("/metrics")
    types = [line.split()[2] for line in body.splitlines() if line.startswith("# TYPE ")]
    assert len(types) == len(set(types))
    assert "_created" not in body


def test_a_kill_at_any_time_never_takes_a_counter_back(start: Start, append: Append) -> None:
    generator = random.Random(42)
    appended = 0
    seen: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for _ in range(4):
        exporter = start(*EXPORTER)
        for _ in range(generator.randint(1, 4)):
            count = generator.randint(1, 50)
            append(*[hook() for _ in range(count)])
            appended += count
            scrape = exporter.scrape()
            for series, before in seen.items():
                assert scrape[series] >= before, series
            seen = {s: v for s, v in scrape.items() if s[0] in (RUNS, "agentgauge_records_total")}
        append(hook())
        appended += 1
        exporter.kill()
    exporter = start(*EXPORTER)
    assert exporter.scrape()[runs()] == appended
    assert exporter.scrape()[accepted()] == appended


def test_a_stop_saves_what_was_not_scraped(start: Start, append: Append, tmp_path: Path) -> None:
    exporter = start(*EXPORTER)
    append(hook())
    assert exporter.stop() == 0
    again = start(*EXPORTER)
    assert again.scrape()[runs()] == 0
    assert again.scrape()[runs()] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_without_a_trace(start: Start, number: signal.Signals) -> None:
    exporter = start(*EXPORTER)
    assert exporter.stop(number) == 0
    assert "Traceback" not in exporter.output


def test_bad_lines_are_counted_and_good_ones_among_them_too(start: Start, append: Append) -> None:
    exporter = start(*EXPORTER)
    negative = hook().to_line().replace(b'"duration_seconds":1', b'"duration_seconds":-1')
    append(b"not json\n", b'{"kind":"unknown"}\n', negative, b"x" * (3 << 20) + b"\n", hook(), hook())
    exporter.scrape()
    scrape = exporter.scrape()
    assert scrape[key("agentgauge_records_total", source="spool", result="invalid")] == 4
    assert scrape[accepted()] == 2
    assert scrape[runs()] == 2


def test_a_checkpoint_that_cannot_be_saved_is_counted_and_exposing_goes_on(
    start: Start, append: Append, tmp_path: Path
) -> None:
    exporter = start(*EXPORTER)
    (tmp_path / "state" / "exporter" / "checkpoint.json.tmp").mkdir(parents=True)
    append(hook())
    exporter.scrape()
    scrape = exporter.scrape()
    assert scrape[runs()] == 1
    assert scrape[key("agentgauge_checkpoint_errors_total")] >= 1
    assert "the checkpoint cannot be saved" in exporter.get("/")[1]
    exporter.stop()
    assert exporter.output.count("the checkpoint cannot be saved") == 1


def test_a_budget(start: Start, append: Append, tmp_path: Path) -> None:
    config = tmp_path / "agentgauge.yml"
    config.write_text("budgets: [{name: team, limit_usd: 8, period: month, agent: writer}]\n")
    arguments = (*EXPORTER, "--config.file", str(config))
    exporter = start(*arguments)
    for agent, cost in (("writer", 2.0), ("editor", 4.0)):
        append(Record("llm", time.time(), {"gen_ai_agent_name": agent}, {"cost_usd": cost}))
    assert exporter.scrape()[key("agentgauge_budget_used_ratio", budget="team")] == 0.25
    exporter.kill()
    again = start(*arguments)
    assert again.scrape()[key("agentgauge_budget_used_ratio", budget="team")] == 0.25
    assert again.scrape()[key("agentgauge_budget_limit_usd", budget="team")] == 8


def test_transcripts(start: Start, tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    exporter = start(*EXPORTER, "--transcripts", str(tmp_path / "sessions"))
    assert str(tmp_path / "sessions") in exporter.output.replace("~", str(tmp_path))
    assert "sessions" in exporter.get("/")[1]


def test_two_at_once_is_one_line(start: Start, tmp_path: Path) -> None:
    start(*EXPORTER)
    second = start(*EXPORTER, ready=False)
    assert second.process.wait(DEADLINE) == 2
    assert len(second.lines) == 1
    assert "already reads this spool" in second.output


def test_an_address_open_to_others_is_warned_of_once(start: Start) -> None:
    exporter = start("exporter", "--web.listen-address", "0.0.0.0:0")
    assert exporter.output.count("open to others without a password") == 1
    assert "http://127.0.0.1:" in exporter.output


def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail and return the one line it says."""
    monkeypatch.setattr("sys.argv", ["agentgauge", *arguments])
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("agentgauge: ")
    return err


@pytest.mark.parametrize("command", ["exporter", "serve"])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n", "a list, not a mapping"),
        ("exporter: {intervall: 2}", "exporter: unknown key 'intervall'"),
        ("exporter: {interval_seconds: fast}", "exporter.interval_seconds: Expected `float`, got `str`"),
        ("collectors: {processes: [{role: a, name: '('}]}", "collectors.processes[0].name: not a regular expression"),
    ],
)
def test_a_wrong_configuration_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
    text: str,
    problem: str,
) -> None:
    monkeypatch.setenv("AGENTGAUGE_HOME", str(tmp_path / "state"))
    path = tmp_path / "agentgauge.yml"
    path.write_text(text)
    line = run(monkeypatch, capfd, command, "--config.file", str(path))
    assert str(path) in line
    assert problem in line


def test_other_mistakes_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENTGAUGE_HOME", str(tmp_path / "state"))
    web = tmp_path / "web.yml"
    web.write_text("basic_auth_users: {alice: secret}\n")
    for arguments, problem in (
        (["--config.file", str(tmp_path / "none.yml")], "none.yml: cannot be read: No such file or directory"),
        (["--web.config.file", str(web)], "web.yml: basic_auth_users.alice: not a bcrypt hash"),
        (["--web.listen-address", "nowhere"], "--web.listen-address: 'nowhere' is not host:port"),
        (["--transcripts", str(tmp_path / "none")], "does not exist"),
        (["--unknown"], "No such option"),
    ):
        assert problem in run(monkeypatch, capfd, "exporter", *arguments)


def test_a_taken_port_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENTGAUGE_HOME", str(tmp_path / "state"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = run(monkeypatch, capfd, "exporter", "--web.listen-address", address)
    assert f"{address} is taken by another process" in line


def test_a_state_directory_that_cannot_be_used_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file")
    monkeypatch.setenv("AGENTGAUGE_HOME", str(tmp_path / "state"))
    assert str(tmp_path / "state") in run(monkeypatch, capfd, "exporter", "--web.listen-address", "127.0.0.1:0")


def test_prices_that_cannot_be_used_are_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text('{"a-model": {"input_cost_per_token": "much"}}')
    monkeypatch.setenv("AGENTGAUGE_PRICES", str(prices))
    assert "a-model: input_cost_per_token: must be a number >= 0" in run(monkeypatch, capfd, "exporter")
