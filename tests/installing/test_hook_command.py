import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentgauge.installing.hook_command import ours, prefix


def name(command: str) -> str:
    """Return the name a command is counted by; nothing where it is left alone."""
    words = shlex.split(prefix(command, "PreToolUse"))
    return words[words.index("--name") + 1] if words else ""


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("check", "check"),
        ("/home/someone/private/check.sh --user someone", "check.sh"),
        ('"$CLAUDE_PROJECT_DIR"/.claude/hooks/check.sh', "check.sh"),
        ("python3 -u ~/hooks/guard.py /etc/secret", "guard.py"),
        ("uv run hooks/guard.py", "guard.py"),
        ("'/a b/c d.sh'", "c-d.sh"),
        ("bash", "bash"),
    ],
)
def test_a_command_goes_by_the_name_of_what_it_runs(command: str, expected: str) -> None:
    assert name(command) == expected


NOT_PLAIN = ["", " ", "a && b", "a | b", "a; b", "a > f", "a &", "A=1 b", "cd x", "exit 2", "[ -f x ]", "! a", "{ a; }"]
NOT_PLAIN += ["`a`", "$(a) b", "a $(b)", "a\nb", "a 'b", "source x", ". x", "if a; then b; fi"]
NOT_PLAIN += ["agentgauge-hook --system ci -- a"]


@pytest.mark.parametrize("command", NOT_PLAIN)
def test_what_a_prefix_would_change_is_left_alone(command: str) -> None:
    assert prefix(command, "PreToolUse") == ""


def test_no_event_is_no_name() -> None:
    assert prefix("check", "what ever") == ""


@given(st.text(max_size=30))
@example("it's")
def test_a_prefix_is_found_again_and_put_but_once(command: str) -> None:
    before = prefix(command, "Stop")
    assert ours(before + command) == len(before)
    assert ours(command) == 0
    if before:
        assert prefix(before + command, "Stop") == ""


@pytest.mark.parametrize(
    "command",
    ['printf "%s|" "$WHO" one "two three"', "cat", "sh -c 'exit 2'", 'python3 -c "print(1)"', "no-such-command"],
)
def test_a_shell_does_the_same_and_it_is_counted(tmp_path: Path, command: str) -> None:
    before = prefix(command, "PreToolUse")
    environment = {**os.environ, "WHO": "a b", "AGENTGAUGE_HOME": str(tmp_path)}

    def run(line: str) -> tuple[int, bytes]:
        done = subprocess.run(line, shell=True, env=environment, input=b"payload", stdout=-1, stderr=-3)
        return done.returncode, done.stdout

    assert before == "" or run(before + command) == run(command)
    lines = (tmp_path / "spool" / "spool.jsonl").read_bytes().split() if before else []
    assert [json.loads(line)["hook_event"] for line in lines] == ["PreToolUse"] * bool(before)
