import socket
import sys
from pathlib import Path

import pytest

from agentgauge.cli import main


def fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["agentgauge", "analyzer", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("analyzer: {signal: []}", "unknown key 'signal'"),
        ("analyzer: {interval_seconds: 0}", "analyzer.interval_seconds: "),
        ("analyzer: {prometheus_url: prometheus}", "prometheus_url: 'prometheus' is no URL"),
        (
            "analyzer: {signals: [{name: mine, measure: p95, metric: agentgauge_tests_total}]}",
            "analyzer.signals.mine.metric: measure p95 needs a histogram",
        ),
        ("analyzer: {remote_write_url: prometheus}", "remote_write_url: 'prometheus' is no URL"),
        ("analyzer: {engine: spark}", "engine: 'spark' is none; write local or dask://HOST:PORT"),
        ("- analyzer", "a list, not a mapping"),
    ],
)
def test_configuration_that_cannot_be_used_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    file = tmp_path / "agentgauge.yml"
    file.write_text(text)
    line = fails(monkeypatch, capsys, "--config.file", str(file))
    assert line.startswith(f"agentgauge: {file}: ")
    assert problem in line


def test_port_that_is_taken_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENTGAUGE_HOME", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = fails(monkeypatch, capsys, "--web.listen-address", address)
    assert f"{address} is taken" in line


def test_url_that_is_none_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    line = fails(monkeypatch, capsys, "--prometheus.url", "nowhere")
    assert "--prometheus.url: 'nowhere' is not an http:// or https:// URL" in line


def test_shard_that_is_none_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--shard: '4/3' is no shard" in fails(monkeypatch, capsys, "--shard", "4/3")


def test_engine_that_is_none_or_not_installed_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "engine: 'dask://nowhere' is none" in fails(monkeypatch, capsys, "--engine", "dask://nowhere")
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "agentgauge.analyzer.cluster", raising=False)
    line = fails(monkeypatch, capsys, "--engine", "dask://127.0.0.1:8786")
    assert "needs distributed: pip install 'agentgauge[dask]'" in line
