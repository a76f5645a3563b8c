"""The generator: the committed boards are what it writes, and what the SDK reads back."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.grafana.boards import BOARDS, PROJECT


def generate(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(directory / "grafana" / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "grafana", tmp_path / "grafana", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_committed_boards_are_what_the_generator_writes() -> None:
    done = generate(PROJECT, "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_board_is_one_line_and_exit_status_1(copy: Path) -> None:
    board = copy / "grafana" / "dashboards" / "overview.json"
    board.write_text(board.read_text().replace("Fleet", "Crew"))
    done = generate(copy, "--check")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "overview.json" in done.stderr
    assert "Crew" in board.read_text()


def test_a_missing_board_is_stale_and_is_written(copy: Path) -> None:
    board = copy / "grafana" / "dashboards" / "overview.json"
    before = board.read_bytes()
    board.unlink()
    assert generate(copy, "--check").returncode == 1
    assert not board.exists()
    assert generate(copy).returncode == 0
    assert board.read_bytes() == before


@pytest.mark.parametrize("name", BOARDS)
def test_the_sdk_reads_what_was_written_and_loses_nothing(name: str) -> None:
    from grafana import sdk

    sdk.plugins.register_default_plugins()
    again = sdk.dashboard_model.Dashboard.from_json(BOARDS[name])
    read = json.loads(json.dumps(again, cls=sdk.encoder.JSONEncoder))
    for control in (*read["annotations"]["list"], *read["links"]):
        del control["placement"]  # the SDK's own wish, which the generator takes back
    assert read == BOARDS[name]
