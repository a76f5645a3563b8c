"""``agentgauge collect`` for every other format: metrics whole or not at all, mistakes in one line."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agentgauge.cli import main
from tests.collectors.clients import CopilotLog, Rollout, gemini_answer, gemini_file, gemini_user

SWE = {"trajectory": [], "info": {"exit_status": "exit_cost", "model_stats": {"api_calls": 2, "instance_cost": 0.5}}}
MINI = {"messages": [], "info": {"exit_status": "Submitted", "model_stats": {"api_calls": 3, "instance_cost": 0.25}}}
AIDER = {"model": "gpt-4o", "cost": 0.75, "model_patch": "x", "resolved": False}
PRINT = {"type": "result", "subtype": "success", "total_cost_usd": 0.125, "num_turns": 4}
REPORT = '<testsuite time="2"><testcase/><testcase><failure/></testcase></testsuite>'


def write(command: str, directory: Path) -> Path:
    """Write one file of a command's format; return it."""
    if command == "codex":
        return Rollout().prompt(1).answer(3, (100, 0, 5, 0)).done(4, 3).write(directory / "rollout.jsonl")
    if command == "copilot":
        usage = {"count": 1, "inputTokens": 50, "outputTokens": 9}
        log = CopilotLog(model="gpt-5").event(1, "user.message").call(2, 9).shutdown(6, gpt_5=usage)
        return log.write(directory / "events.jsonl")
    if command == "gemini":
        return gemini_file(directory / "session-1.json", [gemini_user("u", 0), gemini_answer("g", 2, (70, 0, 6, 0))])
    names = {"swe-agent": "a.traj", "mini-swe-agent": "a.traj.json", "junit": "a.xml"}
    path = directory / names.get(command, "a.json")
    bodies = {"swe-agent": SWE, "mini-swe-agent": MINI, "aider": AIDER, "claude-print": PRINT}
    path.write_text(REPORT if command == "junit" else json.dumps(bodies[command]))
    return path


Run = Callable[..., tuple[int, dict[str, float], str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run a command in this process; return its status, its metrics by name, and what it said."""

    def running(*arguments: str | Path) -> tuple[int, dict[str, float], str]:
        output = tmp_path / "out.prom"
        output.unlink(missing_ok=True)
        monkeypatch.setattr(sys, "argv", ["agentgauge", "collect", *map(str, arguments), "--output", str(output)])
        with pytest.raises(SystemExit) as end:
            main()
        totals: dict[str, float] = {}
        text = output.read_text() if output.exists() else ""
        assert bool(text) == (not end.value.code)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
        captured = capsys.readouterr()
        assert captured.out == ""
        return int(end.value.code or 0), totals, captured.err

    return running


COMMANDS = ("codex", "copilot", "gemini", "swe-agent", "mini-swe-agent", "aider", "claude-print", "junit")


@pytest.mark.parametrize(
    ("command", "metrics", "words"),
    [
        ("codex", {"gen_ai_client_inference_usage_input_tokens_total": 100}, "1 calls (0 failed), 100 input"),
        (
            "copilot",
            {"gen_ai_client_inference_usage_output_tokens_total": 9},
            "1 calls (0 failed), 50 input and 9 output tokens",
        ),
        ("gemini", {"gen_ai_client_inference_usage_input_tokens_total": 70}, "1 calls (0 failed), 70 input"),
        ("swe-agent", {"agentgauge_llm_cost_usd_total": 0.5}, "1 runs (1 budget), 2 calls"),
        ("mini-swe-agent", {"agentgauge_llm_cost_usd_total": 0.25}, "1 runs (1 success), 3 calls"),
        ("aider", {"agentgauge_llm_cost_usd_total": 0.75, "agentgauge_agent_revisions_count": 1}, "1 runs (1 failure)"),
        ("claude-print", {"agentgauge_llm_cost_usd_total": 0.125}, "1 runs (1 success)"),
        ("junit", {"agentgauge_tests_total": 2, "agentgauge_test_run_duration_seconds_sum": 2}, "2 tests (1 failed, 1"),
    ],
)
def test_a_file_and_its_directory_are_read_alike(
    run: Run, tmp_path: Path, command: str, metrics: dict[str, float], words: str
) -> None:
    directory = tmp_path / "in"
    directory.mkdir()
    path = write(command, directory)
    for given in ((path,), (directory,), (path, directory)):
        code, totals, summary = run(command, *given, "--once")
        assert code == 0
        assert {name: totals[name] for name in metrics} == metrics
        if command != "junit":
            assert totals["agentgauge_agent_runs_total"] == 1
        (line,) = summary.splitlines()
        assert line.startswith("agentgauge: 1 file, ")
        assert words in line


BODIES = {
    "empty": b"",
    "text": b"not of any kind\n",
    "other": b'{"note": "hello"}\n',
    "truncated": b'{"type": "result", "info": {"model_stats": {"api_',
    "binary": b"\xff\xfe\x00" * 99,
    "huge": b'{"type": "x' + b"x" * (1 << 20),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_is_not_of_the_format_is_one_line(run: Run, tmp_path: Path, command: str, body: bytes) -> None:
    path = tmp_path / "input.json"
    path.write_bytes(body)
    code, _, error = run(command, path, "--once")
    assert code == 2
    (line,) = error.splitlines()
    assert line.startswith(f"agentgauge: {path}: not a ")
    assert len(line) < 400


@pytest.mark.parametrize("command", COMMANDS)
def test_a_path_without_anything_to_read_is_one_line(run: Run, tmp_path: Path, command: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, words in ((tmp_path / "missing", "No such file"), (empty, "file in it or below")):
        code, _, error = run(command, path, "--once")
        assert code == 2
        assert len(error.splitlines()) == 1
        assert str(path) in error
        assert words in error


@pytest.mark.parametrize("command", ["swe-agent", "mini-swe-agent", "aider", "claude-print", "junit"])
def test_of_a_directory_what_can_be_read_is_read_and_the_rest_counted(run: Run, tmp_path: Path, command: str) -> None:
    directory = tmp_path / "in"
    directory.mkdir()
    path = write(command, directory)
    broken = path.with_name("0" + path.name)
    broken.write_text("broken")
    code, totals, summary = run(command, directory)
    assert code == 0
    assert summary.startswith("agentgauge: 1 file, ")
    assert summary.endswith(", 1 invalid\n")
    assert totals["agentgauge_records_total"] >= 2
    path.unlink()
    code, _, error = run(command, directory)
    assert (code, len(error.splitlines())) == (2, 1)
    assert str(broken) in error


def test_a_suite_and_a_stage_are_labels(run: Run, tmp_path: Path) -> None:
    directory = tmp_path / "in"
    directory.mkdir()
    write("junit", directory)
    run("junit", directory, "--suite", "unit", "--stage", "ci")
    assert 'suite="unit",stage="ci",outcome="failed"' in (tmp_path / "out.prom").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_directory_without_anything_of_the_format_is_one_line(run: Run, tmp_path: Path, command: str) -> None:
    for name in ("session-1.json", "a.jsonl", "a.traj", "a.traj.json", "a.xml"):
        (tmp_path / name).write_text('{"note": "hello"}\n')
    code, _, error = run(command, tmp_path, "--once")
    assert code == 2
    (line,) = error.splitlines()
    assert str(tmp_path) in line
    assert " a " in line


def test_following_needs_a_file_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("codex", tmp_path)
    monkeypatch.setattr(sys, "argv", ["agentgauge", "collect", "codex", str(path)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "--output FILE" in capsys.readouterr().err
