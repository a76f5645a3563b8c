"""The pytest plugin in runs of their own: what is recorded, what selection saves, and that none of it fails a run."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agentgauge.record import parse_line

TESTS = """
import pytest

@pytest.fixture
def broken():
    raise RuntimeError

@pytest.fixture
def breaking():
    yield
    raise RuntimeError

def test_passes(): pass
def test_fails(): assert False
def test_breaks(broken): pass
def test_breaks_afterwards(breaking): pass
@pytest.mark.skip
def test_is_skipped(): pass
@pytest.mark.xfail
def test_fails_as_expected(): assert False
@pytest.mark.xfail
def test_passes_unexpectedly(): pass
"""
SLOW = """
import time
def test_slow(): time.sleep(0.2)
def test_quick(): pass
"""


class Project:
    """A project of its own, with a spool of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "project"
        self.directory.mkdir()
        (self.directory / "pytest.ini").write_text("[pytest]\n")
        self.home = directory / "home"

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, list[dict[str, Any]]]:
        """Run its tests; return the exit status, what was said, and what was recorded."""
        spool = self.home / "spool" / "spool.jsonl"
        before = spool.stat().st_size if spool.is_file() else 0
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_", "CI"))}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "agentgauge.pytest_plugin", *arguments],
            cwd=self.directory,
            env={**keep, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "AGENTGAUGE_HOME": str(self.home), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        lines = spool.read_bytes()[before:].splitlines() if spool.is_file() else []
        for line in lines:
            if line:
                parse_line(line)  # the exporter will take it
        return done.returncode, done.stdout + done.stderr, [json.loads(line) for line in lines if line]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def outcomes(records: list[dict[str, Any]]) -> dict[str, float]:
    return {record["outcome"]: record["count"] for record in records if record["kind"] == "tests"}


def run_of(records: list[dict[str, Any]]) -> dict[str, Any]:
    (run,) = [record for record in records if record["kind"] == "test_run"]
    return run


def test_outcomes_duration_and_the_slowest_are_told(project: Project) -> None:
    (project.directory / "test_a.py").write_text(TESTS)
    (project.directory / "test_b.py").write_text(SLOW)
    code, said, records = project.run("--agentgauge", "--agentgauge-suite", "unit", "--agentgauge-stage", "pre_commit")
    assert code == 1
    assert outcomes(records) == {"passed": 3, "failed": 1, "error": 2, "skipped": 1, "xfailed": 1, "xpassed": 1}
    run = run_of(records)
    assert (run["suite"], run["stage"]) == ("unit", "pre_commit")
    assert (run["selected"], run["deselected"], run["seconds_saved"], run["selection_ratio"]) == (9, 0, 0, 1)
    assert run["duration_seconds"] >= 0.2
    assert "9 of 9 tests selected" in said
    assert "test_b.py::test_slow" in said
    assert "test_slow" not in json.dumps(records)


def test_what_a_selection_saves_is_what_the_others_took_when_they_last_ran(project: Project) -> None:
    (project.directory / "test_b.py").write_text(SLOW)
    (project.directory / "test_c.py").write_text(SLOW)
    project.run("--agentgauge")
    _, _, by_name = project.run("--agentgauge", "-k", "quick")
    _, _, by_file = project.run("--agentgauge", "test_b.py", CI="true")
    _, _, by_test = project.run("--agentgauge", "test_b.py::test_quick")
    found = [
        (run["selected"], run["deselected"], run["selection_ratio"]) for run in map(run_of, (by_name, by_file, by_test))
    ]
    assert found == [(2, 2, 0.5), (2, 2, 0.5), (1, 3, 0.25)]
    assert 0.4 <= run_of(by_name)["seconds_saved"] < 10
    assert 0.2 <= run_of(by_file)["seconds_saved"] < run_of(by_test)["seconds_saved"]
    assert [run_of(records)["stage"] for records in (by_name, by_file)] == ["local", "ci"]


def test_tests_that_are_no_more_save_nothing(project: Project) -> None:
    (project.directory / "test_b.py").write_text(SLOW)
    (project.directory / "test_c.py").write_text(SLOW)
    project.run("--agentgauge")
    (project.directory / "test_c.py").unlink()
    (project.directory / "test_b.py").write_text(SLOW.replace("test_slow", "test_renamed"))
    _, _, records = project.run("--agentgauge")
    assert (run_of(records)["deselected"], run_of(records)["seconds_saved"]) == (0, 0)


def test_tests_that_set_the_clock_save_no_years(project: Project) -> None:
    source = """
import freezegun, pytest
@pytest.fixture(scope="module", autouse=True)
def clock():
    with freezegun.freeze_time("2040-01-01"):
        yield
def test_first(): pass
def test_last(): pass
"""
    (project.directory / "test_a.py").write_text(source)
    (project.directory / "test_b.py").write_text(SLOW)
    _, said, _ = project.run("--agentgauge")
    assert "test_first" not in said
    for name in ("first", "last"):
        _, _, records = project.run("--agentgauge", "-k", f"quick or {name}")
        assert 0.2 <= run_of(records)["seconds_saved"] < 60


def test_the_last_failed_are_a_selection_and_a_use_of_the_cache(project: Project) -> None:
    (project.directory / "test_a.py").write_text(TESTS)
    (project.directory / "test_b.py").write_text(SLOW)
    _, _, missed = project.run("--agentgauge", "--lf")
    _, _, hit = project.run("--agentgauge", "--lf")
    uses = [record["result"] for records in (missed, hit) for record in records if record["kind"] == "cache"]
    assert uses == ["miss", "hit"]
    assert (run_of(hit)["selected"], run_of(hit)["deselected"]) == (3, 6)
    assert run_of(hit)["seconds_saved"] >= 0.2


def test_of_several_processes_one_records(project: Project) -> None:
    pytest.importorskip("xdist")
    (project.directory / "test_a.py").write_text(TESTS)
    code, _, records = project.run("-p", "xdist", "-n", "2", "--agentgauge", "-k", "not passes")
    assert code == 1
    assert outcomes(records) == {"failed": 1, "error": 2, "skipped": 1, "xfailed": 1}
    run = run_of(records)
    assert (run["selected"], run["deselected"]) == (5, 2)


def test_a_file_that_cannot_be_collected_is_an_error(project: Project) -> None:
    (project.directory / "test_a.py").write_text("import nothing_of_this_name")
    code, _, records = project.run("--agentgauge")
    assert code == 2
    assert outcomes(records) == {"error": 1}


def test_nothing_is_recorded_unless_asked_for_or_run(project: Project) -> None:
    (project.directory / "test_b.py").write_text(SLOW)
    for arguments in ((), ("--agentgauge", "--collect-only")):
        code, said, records = project.run(*arguments)
        assert (code, records) == (0, [])
        assert "selected;" not in said


def test_a_spool_that_cannot_be_written_fails_no_run(project: Project) -> None:
    (project.directory / "test_b.py").write_text(SLOW)
    project.home.write_text("in the way")
    code, said, _ = project.run("--agentgauge", "-p", "no:cacheprovider", "-W", "error")
    assert code == 0
    assert "not recorded: the spool cannot be written" in said


@pytest.mark.parametrize("cached", ["no json", '{"default": 7}', '{"default": {"test_b.py::test_gone": "x"}}'])
def test_a_cache_that_cannot_be_used_fails_no_run(project: Project, cached: str) -> None:
    (project.directory / "test_b.py").write_text("def test_quick(): pass")
    path = project.directory / ".pytest_cache" / "v" / "agentgauge" / "durations"
    path.parent.mkdir(parents=True)
    path.write_text(cached)
    code, _, records = project.run("--agentgauge")
    assert code == 0
    assert outcomes(records) == {"passed": 1}
    assert run_of(records)["selected"] == 1


def test_pytest_finds_the_plugin_by_itself() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"agentgauge": "agentgauge.pytest_plugin"}
