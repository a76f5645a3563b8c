"""What the README says is run, every snippet and every command; and all there is to configure is in it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import requests

from agentgauge.analyzer.signals import resolve
from agentgauge.configuration import (
    Analyzer,
    Budget,
    ClaudeCode,
    Collectors,
    Exporter,
    Probe,
    ProcessGroup,
    Quality,
    Signal,
    load,
)
from agentgauge.record import parse_line
from tests.integration.servers import PROJECT, free_port, until

README = (PROJECT / "README.md").read_text()
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    """Return the README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def environment(home: Path) -> dict[str, str]:
    """Return an environment whose state, home and programs are a test's own."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "AGENTGAUGE_HOME": str(home / "state"), "HOME": str(home), "PATH": path}


@pytest.mark.parametrize("snippet", blocks("python"))
def test_a_python_snippet_runs(tmp_path: Path, snippet: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", snippet], check=True, env=environment(tmp_path), timeout=60)


def _run(line: str, home: Path) -> None:
    subprocess.run(["bash", "-ec", line], check=True, env=environment(home), cwd=PROJECT, timeout=60)


def _run_hook(line: str, home: Path) -> None:
    _run(line, home)
    assert b'"hook_name":"lint"' in (home / "state" / "spool" / "spool.jsonl").read_bytes()


def _collect(line: str, home: Path) -> None:
    projects = home / ".claude" / "projects" / "p"
    projects.mkdir(parents=True)
    usage = {"input_tokens": 3, "output_tokens": 4}
    message = {"id": "m", "role": "assistant", "model": "claude-opus-4-6", "usage": usage, "stop_reason": "end_turn"}
    entry = {"type": "assistant", "timestamp": "2026-01-01T00:00:00Z", "message": message}
    (projects / "s.jsonl").write_bytes(msgspec.json.encode(entry) + b"\n")
    output = home / "claude.prom"
    _run(line.replace("claude.prom", str(output)), home)
    assert "gen_ai_client_inference_usage_output_tokens_total" in output.read_text()


def _serve(line: str, home: Path) -> None:
    """Run a command that serves until Ctrl-C, at a port that is free."""
    address = f"127.0.0.1:{free_port()}"
    command = re.sub(r"127\.0\.0\.1:104\d\d", address, line).split()
    process = subprocess.Popen(command, env=environment(home), cwd=PROJECT, stdout=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or _answers(f"http://{address}/metrics"))
        page = requests.get(f"http://{address}/", timeout=10)
        assert "agentgauge" in page.text
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in (0, 130)


def _install(line: str, home: Path) -> None:
    """Run an installation in a repository and a home of the test's own."""
    subprocess.run(["git", "init", "-q", str(home)], check=True)
    config = home / ".pre-commit-config.yaml"
    config.write_text("repos: [{repo: local, hooks: [{id: a, entry: b, language: system}]}]\n")
    subprocess.run(["bash", "-ec", line], check=True, env=environment(home), cwd=home, timeout=60)


def _check(line: str, home: Path) -> None:
    checkpoint = home / "state" / "exporter" / "checkpoint.json"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text('{"version": 1, "sections": {}}')
    _run(line, home)


def _pytest(line: str, home: Path) -> None:
    (home / "test_one.py").write_text("def test_one(): pass")
    command = f"{line} -p no:cacheprovider {home}"
    subprocess.run(["bash", "-ec", command], check=True, env=environment(home), cwd=home, timeout=60)
    assert b'"suite":"unit"' in (home / "state" / "spool" / "spool.jsonl").read_bytes()


def _write_line(line: str, home: Path) -> None:
    (home / "state" / "spool").mkdir(parents=True)
    _run(line, home)
    written = (home / "state" / "spool" / "spool.jsonl").read_bytes().split()
    assert all(parse_line(text) for text in written if text)
    assert written


def _findings(line: str, home: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = ["agentgauge", "serve", "--no-sample", f"--web.listen-address={address}"]
    process = subprocess.Popen(command, env=environment(home), stdout=subprocess.DEVNULL, executable=BIN / "agentgauge")
    try:
        until(lambda: _answers(f"http://{address}/-/ready"))
        assert '"findings"' in requests.get(f"http://{address}{line.rpartition(':10420')[2]}", timeout=10).text
    finally:
        process.terminate()
        assert process.wait(20) == 0


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False


def _dry_run(line: str, home: Path) -> None:
    """Ask make what it would do; the very commands are what CI runs, and ``serve`` is tested for itself."""
    command = f"make -n {line.removeprefix('make ')}"
    done = subprocess.run(["bash", "-c", command], check=True, cwd=PROJECT, capture_output=True, text=True)
    assert "agentgauge serve" in done.stdout or "pytest" in done.stdout


def _stack(line: str, home: Path) -> None:
    assert line == "make stack"
    needed = {10420: "exporter", 10421: "analyzer", 9090: "Prometheus", 9093: "Alertmanager"}
    if shutil.which("prometheus") is None or shutil.which("prometheus-alertmanager") is None:
        pytest.skip("prometheus or prometheus-alertmanager is not installed")
    if taken := [port for port in needed if _answers(f"http://127.0.0.1:{port}/-/healthy")]:
        pytest.skip(f"port {taken[0]} is in use")
    process = subprocess.Popen(
        ["agentgauge", "stack", "--no-sample"],
        env=environment(home),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        executable=BIN / "agentgauge",
    )
    try:
        for port in needed:
            until(lambda port=port: _answers(f"http://127.0.0.1:{port}/-/ready"))  # type: ignore[misc]
        query = {"query": "sum(up)"}
        until(lambda: _answer(requests.get("http://127.0.0.1:9090/api/v1/query", query, timeout=10)) == "2")
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert all(name in output for name in needed.values())
    assert not any(_answers(f"http://127.0.0.1:{port}/-/healthy") for port in needed)
    scratch = re.search(r"logs and data (\S+)", output)
    assert scratch is not None
    assert not Path(scratch[1]).exists()


def _answer(response: requests.Response) -> str:
    result = response.json()["data"]["result"]
    return str(result[0]["value"][1]) if result else ""


def _compose(line: str, home: Path) -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("docker compose is not installed")
    subprocess.run(["docker", "compose", "config", "--quiet"], check=True, cwd=PROJECT)


COMMANDS: dict[str, Callable[[str, Path], None]] = {
    "make run": _dry_run,
    "make test": _dry_run,
    "make stack": _stack,
    "agentgauge-hook": _run_hook,
    "agentgauge collect": _collect,
    "agentgauge exporter": _serve,
    "agentgauge analyzer": _serve,
    "docker compose up": _compose,
    "curl -s http://127.0.0.1:10420/": _findings,
    "mkdir -p": _run,
    "export": _run,
    "agentgauge hooks": _install,
    "agentgauge check": _check,
    '. "$(agentgauge-hook --shell)"': _write_line,
    "printf": _write_line,
    "pytest --agentgauge": _pytest,
}


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines()])
def test_a_command_runs(tmp_path: Path, line: str) -> None:
    known = [run for start, run in COMMANDS.items() if line.startswith(start)]
    assert known, f"say in COMMANDS how to run: {line}"
    known[0](line, tmp_path)


def test_serve_shows_moving_numbers_within_seconds(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = [str(BIN / "agentgauge"), "serve", f"--web.listen-address={address}"]
    process = subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.DEVNULL)

    def runs() -> float:
        text = requests.get(f"http://{address}/metrics", timeout=10).text
        wanted = r'^agentgauge_agent_runs_total\{gen_ai_agent_name="sample-writer".*outcome="success"\} (\S+)$'
        found = re.search(wanted, text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    try:
        until(lambda: _answers(f"http://{address}/metrics"))
        before = until(runs)
        until(lambda: runs() > before)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    time.sleep(0.5)
    children = subprocess.run(["pgrep", "-f", f"agentgauge.sample.*{tmp_path}"], capture_output=True, check=False)
    assert children.stdout == b""


def test_configuration_blocks_are_valid_and_the_first_is_complete(tmp_path: Path) -> None:
    block = blocks("yaml")[0]
    file = tmp_path / "agentgauge.yml"
    for one in blocks("yaml"):
        file.write_text(one)
        configuration = load(file)
        resolve(msgspec.structs.replace(configuration.analyzer, prometheus_url="http://127.0.0.1:9090"))
    for section in (Exporter, Collectors, ClaudeCode, ProcessGroup, Probe, Budget, Quality, Analyzer, Signal):
        for field in msgspec.structs.fields(section):
            assert re.search(rf"\b{field.name}\b", block), f"{section.__name__}.{field.name} is not in the README"
