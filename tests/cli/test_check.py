import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentgauge.record import Record
from tests.cli.conftest import Start


def privacy(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "agentgauge", "check", "privacy", *arguments]
    environment = {"HOME": str(home), "AGENTGAUGE_HOME": str(home / "state"), "PATH": ""}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def hook(name: str) -> Record:
    labels = {"hook_system": "git", "hook_event": "pre-commit", "hook_name": name, "outcome": "success"}
    return Record("hook", 1.0, {**labels, "exit_code_class": "0"}, {"duration_seconds": 0.1})


def test_every_value_is_shown_and_the_suspicious_marked(
    start: Start, append: Callable[..., None], tmp_path: Path
) -> None:
    append(hook("lint"))
    exporter = start("exporter", "--web.listen-address", "127.0.0.1:0")
    exporter.scrape()
    for arguments in ([], ["--url", f"http://127.0.0.1:{exporter.port}/metrics"]):
        done = privacy(tmp_path, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "\nhook_name: 1 value\n  lint  (" in done.stdout
        assert " 0 of them suspicious\n" in done.stdout
    append(hook("/home/someone/check.sh"))
    exporter.scrape()
    exporter.stop()
    done = privacy(tmp_path)
    assert done.returncode == 1
    assert "\n! /home/someone/check.sh  (2 series, looks like a path)\n" in done.stdout
    assert " 1 of them suspicious\n" in done.stdout


@pytest.mark.parametrize(
    "arguments", [[], ["--url", "http://127.0.0.1:9/metrics"], ["--url", "file:///etc/passwd"], ["--checkpoint", "/x"]]
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    done = privacy(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("agentgauge: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"sections": {"totals": 3}}', json.dumps({"sections": []})])
def test_what_is_no_checkpoint_is_refused_and_left_alone(tmp_path: Path, body: str) -> None:
    path = tmp_path / "checkpoint.json"
    path.write_text(body)
    done = privacy(tmp_path, "--checkpoint", str(path))
    assert done.returncode == 2
    assert "not a checkpoint" in done.stderr
    assert path.read_text() == body
