"""``agentgauge collect claude-code``: metrics written whole or not at all, mistakes in one line."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.collectors.session import Session

COMMAND = (sys.executable, "-c", "from agentgauge.cli import main; main()", "collect", "claude-code")


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    root = tmp_path / "projects"
    for number in range(2):
        session = Session().prompt().answer(f"m{number}", tools={f"t{number}": "Bash"}).result(f"t{number}", error=True)
        session.answer(f"n{number}", usage={"output_tokens": 95}, stop="end_turn")
        session.write(root / f"p{number}" / "s.jsonl")
    return root


def values(text: str) -> dict[str, float]:
    totals: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return totals


def test_metrics_go_to_standard_output_and_a_summary_beside_them(sessions: Path) -> None:
    done = run(sessions, "--once")
    assert done.returncode == 0
    counted = values(done.stdout)
    assert counted["gen_ai_client_inference_usage_output_tokens_total"] == 200
    assert counted["gen_ai_execute_tool_duration_seconds_count"] == 2
    assert counted["agentgauge_agent_runs_total"] == 2
    assert counted["agentgauge_llm_cost_usd_total"] > 0
    (summary,) = done.stderr.splitlines()
    assert summary.startswith("agentgauge: 2 files, 4 calls (0 failed), 12 input and 200 output tokens, 0.0050")
    assert "0 invalid lines" in summary
    assert "secret" not in done.stdout


def test_a_file_is_replaced_whole(sessions: Path, tmp_path: Path) -> None:
    output = tmp_path / "metrics.prom"
    output.write_text("old")
    assert run(sessions / "p0" / "s.jsonl", sessions, "--once", "--output", output).returncode == 0
    assert values(output.read_text())["gen_ai_client_inference_usage_output_tokens_total"] == 200
    assert [path.name for path in tmp_path.iterdir() if "metrics" in path.name] == ["metrics.prom"]


def test_a_device_is_written_to_and_not_replaced(sessions: Path) -> None:
    assert run(sessions, "--once", "--output", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


def test_defects_are_counted_in_the_summary(sessions: Path) -> None:
    path = sessions / "p0" / "s.jsonl"
    path.write_bytes(path.read_bytes() + b"no json\n\xff\n" + path.read_bytes()[:40])
    done = run(sessions, "--once")
    assert done.returncode == 0
    assert "3 invalid lines" in done.stderr
    assert values(done.stdout)["gen_ai_client_inference_usage_output_tokens_total"] == 200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.jsonl", "--once"), ("missing.jsonl", "No such file")),
        (("missing/", "--once"), ("missing", "No such file")),
        (("notes.jsonl", "--once"), ("notes.jsonl", "not a Claude Code transcript")),
        (("empty.jsonl", "--once"), ("empty.jsonl", "not a Claude Code transcript")),
        (("binary.jsonl", "--once"), ("binary.jsonl", "not a Claude Code transcript")),
        (("nothing", "--once"), ("nothing", "no *.jsonl file")),
        (("projects", "--once", "--output", "missing/out.prom"), ("missing/out.prom", "directory does not exist")),
        (("projects", "--once", "--output", "nothing"), ("nothing", "a directory")),
        (("projects",), ("--output", "--once")),
        (("projects", "missing.jsonl", "--once", "--output", "out.prom"), ("missing.jsonl", "No such file")),
        ((), ("PATH",)),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert sessions.parent == tmp_path
    monkeypatch.chdir(tmp_path)
    Path("nothing").mkdir()
    Path("notes.jsonl").write_text('{"note": "hello"}\n')
    Path("empty.jsonl").touch()
    Path("binary.jsonl").write_bytes(bytes(range(256)) * 10)
    before = sorted(tmp_path.rglob("*"))
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("agentgauge: ")
    assert all(word in line for word in words)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_one_line(sessions: Path) -> None:
    path = sessions / "p0" / "s.jsonl"
    path.chmod(0)
    done = run(path, "--once")
    assert done.returncode == 2
    assert "Permission denied" in done.stderr


def test_a_full_disk_leaves_the_old_file(sessions: Path, tmp_path: Path) -> None:
    output = tmp_path / "metrics.prom"
    output.write_text("old")
    command = 'ulimit -f 0; trap "" XFSZ; exec "$@"'
    done = subprocess.run(
        ["bash", "-c", command, "-", *COMMAND, str(sessions), "--once", "--output", str(output)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert output.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.prom", "projects"]


def test_following_rewrites_the_file_until_interrupted(sessions: Path, tmp_path: Path) -> None:
    output = tmp_path / "metrics.prom"
    process = subprocess.Popen([*COMMAND, str(sessions), "--output", str(output)], stderr=subprocess.PIPE, text=True)
    try:
        while not output.exists():
            assert process.poll() is None
        with (sessions / "p0" / "s.jsonl").open("a") as file:
            file.write(Session().prompt().answer("new", usage={"output_tokens": 800}).text())
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert values(output.read_text())["gen_ai_client_inference_usage_output_tokens_total"] == 1000
    assert "5 calls" in stderr
