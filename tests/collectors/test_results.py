"""Exit statuses are judged, and what is no result says why in one line."""

from pathlib import Path

import pytest

from agentgauge.collectors import results
from agentgauge.collectors.aider import AIDER
from agentgauge.collectors.claude_print import CLAUDE_PRINT
from agentgauge.collectors.mini_swe_agent import MINI_SWE_AGENT
from agentgauge.collectors.results import Format, judged
from agentgauge.collectors.swe_agent import SWE_AGENT
from agentgauge.errors import InvalidRecordError


@pytest.mark.parametrize(
    ("status", "outcome", "error"),
    [
        ("submitted", "success", ""),
        ("Submitted", "success", ""),
        ("submitted (exit_cost)", "budget", "exit_cost"),
        ("exit_cost", "budget", "exit_cost"),
        ("LimitsExceeded", "budget", "LimitsExceeded"),
        ("error_max_turns", "budget", "error_max_turns"),
        ("error_max_budget_usd", "budget", "error_max_budget_usd"),
        ("exit_command_timeout", "timeout", "exit_command_timeout"),
        ("exit_total_execution_time", "timeout", "exit_total_execution_time"),
        ("TimeExceeded", "timeout", "TimeExceeded"),
        ("UserInterruption", "cancelled", "UserInterruption"),
        ("exit_context", "failure", "exit_context"),
        ("error_during_execution", "failure", "error_during_execution"),
        ("Error: secret went wrong", "failure", "other"),
        ("", "failure", "other"),
    ],
)
def test_a_status_is_judged(status: str, outcome: str, error: str) -> None:
    assert judged(status) == (outcome, error)


@pytest.mark.parametrize("kind", [SWE_AGENT, MINI_SWE_AGENT, AIDER, CLAUDE_PRINT], ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "body",
    [b"", b" \n", b"no json", b"5", b"[]", b'{"note": "hello"}', b'{"info": {"model_', b"\xff\xfe", b"[" * 99999],
)
def test_what_is_no_result_says_so_in_one_line(tmp_path: Path, kind: Format, body: bytes) -> None:
    path = tmp_path / "result"
    path.write_bytes(body)
    with pytest.raises(InvalidRecordError) as error:
        results.read(path, kind)
    assert str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "result"
    with path.open("wb") as file:
        file.truncate(results.MAX_BYTES + 1)
    with pytest.raises(InvalidRecordError, match="bytes are more than"):
        results.read(path, AIDER)


def test_files_are_found_at_any_depth_in_order(tmp_path: Path) -> None:
    for name in ("b/x.traj", "a/y.traj", "a/z.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [path.name for path in results.files(tmp_path, (".traj",))] == ["y.traj", "x.traj"]
    assert list(results.files(tmp_path / "a" / "z.txt", (".traj",))) == [tmp_path / "a" / "z.txt"]
