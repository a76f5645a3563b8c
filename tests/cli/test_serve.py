import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from agentgauge.cli import main
from agentgauge.record import Record
from tests.cli.conftest import DEADLINE, Running, Start

SERVE = ("serve", "--web.listen-address", "127.0.0.1:0")
ALONE = (*SERVE, "--no-sample")


def until(condition: Callable[[], bool], command: Running) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, command.output
        time.sleep(0.1)


def children(command: Running) -> list[psutil.Process]:
    return psutil.Process(command.process.pid).children()


def test_exporter_and_analyzer_answer_in_one_exposition(start: Start) -> None:
    serve = start(*ALONE)
    names = {name for name, _ in serve.scrape()}
    assert {"agentgauge_build_info", "agentgauge_analyzer_series", "process_open_fds"} <= names
    _, body = serve.get("/metrics")
    types = [line.split()[2] for line in body.splitlines() if line.startswith("# TYPE ")]
    assert len(types) == len(set(types))


def test_signals_come_from_what_is_counted(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "agentgauge.yml"
    config.write_text("analyzer: {interval_seconds: 0.2}\nexporter: {interval_seconds: 0.1}\n")
    serve = start(*ALONE, "--config.file", str(config))
    spool = tmp_path / "state" / "spool" / "spool.jsonl"
    labels = {"gen_ai_tool_name": "<b>grep</b>"}

    def appended() -> bool:
        with open(spool, "ab") as file:
            file.write(Record("tool", time.time(), labels, {"duration_seconds": 0.25}).to_line())
        # What the process itself holds is a signal too, and comes first.
        found = [labels for name, labels in serve.scrape() if name == "agentgauge_signal_value"]
        return any("tool_duration_p95" in str(labels) for labels in found)

    until(appended, serve)
    _, page = serve.get("/")
    assert "tool_duration_p95" in page
    assert "&lt;b&gt;grep&lt;/b&gt;" in page
    assert "<b>grep" not in page


def test_the_sample_agent_makes_numbers_move_and_ends_with_its_parent(start: Start) -> None:
    serve = start(*SERVE)
    (sample,) = children(serve)

    def moved() -> bool:
        runs = [value for (name, _), value in serve.scrape().items() if name == "agentgauge_agent_runs_total"]
        return sum(runs) > 0

    until(moved, serve)
    assert "sample data" in serve.get("/")[1]
    assert serve.stop() == 0
    assert not sample.is_running()
    assert "Traceback" not in serve.output


def test_the_sample_agent_ends_when_its_parent_is_killed(start: Start) -> None:
    serve = start(*SERVE)
    (sample,) = children(serve)
    serve.kill()
    sample.wait(DEADLINE)


def test_no_sample_runs_none(start: Start) -> None:
    serve = start(*ALONE)
    assert children(serve) == []
    assert "sample data" not in serve.get("/")[1]


def test_addresses_and_what_is_watched_are_printed(start: Start) -> None:
    serve = start(*ALONE)
    headings = [line.split("  ")[0] for line in serve.lines]
    assert headings[:4] == ["status page", "metrics", "spool", "transcripts"]
    assert f"http://127.0.0.1:{serve.port}/\n" in serve.output
    assert serve.stop(signal.SIGINT) == 0
    assert len(serve.lines) == len(headings)


def test_a_prometheus_that_does_not_answer_is_said_on_the_page(start: Start) -> None:
    serve = start(*ALONE, "--prometheus.url", "http://127.0.0.1:9", "--grafana.url", "http://127.0.0.1:3000")
    until(lambda: "needs attention" in serve.get("/")[1], serve)
    _, page = serve.get("/")
    assert '<a href="http://127.0.0.1:9">Prometheus</a>' in page
    assert '<a href="http://127.0.0.1:3000">Grafana</a>' in page
    assert serve.scrape()[("agentgauge_analyzer_source_up", frozenset())] == 0


@pytest.mark.parametrize("option", ["--prometheus.url", "--grafana.url"])
@pytest.mark.parametrize("url", ["127.0.0.1:9090", "javascript:alert(1)", "http://"])
def test_what_is_no_url_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, option: str, url: str
) -> None:
    monkeypatch.setenv("AGENTGAUGE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("sys.argv", ["agentgauge", "serve", option, url])
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code == 2
    assert capfd.readouterr().err == f"agentgauge: {option}: {url!r} is not an http:// or https:// URL\n"


def test_a_signal_that_can_have_no_value_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENTGAUGE_HOME", str(tmp_path / "state"))
    config = tmp_path / "agentgauge.yml"
    config.write_text("analyzer: {signals: [{name: mine, measure: rate, metric: no_such_metric}]}\n")
    monkeypatch.setattr("sys.argv", ["agentgauge", "serve", "--config.file", str(config)])
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code == 2
    error = capfd.readouterr().err
    assert error.startswith(f"agentgauge: {config}: analyzer.signals")
    assert error.count("\n") == 1
