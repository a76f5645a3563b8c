"""agentgauge.sh in the shells that are here, and the printf recipe."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentgauge.record import Record, parse_line
from agentgauge.spool import hook
from agentgauge.spool.reader import SpoolReader

FUNCTIONS = Path(hook.__file__).with_name("agentgauge.sh")
SHELLS = [["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"], ["zsh"], ["ksh"], ["mksh"], ["yash"]]


@pytest.fixture(params=[each for each in SHELLS if shutil.which(each[0])], ids=" ".join)
def shell(request: pytest.FixtureRequest) -> list[str]:
    command: list[str] = request.param
    return command


def run(shell: list[str], script: str, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[bytes]":
    """Run a script with the functions as strictly as a shell can."""
    command = [*shell, "-euc", f". {FUNCTIONS}\n{script}", "sh", *arguments]
    return subprocess.run(command, capture_output=True, check=False, **more)


def recorded(home: Path) -> list[Record]:
    lines = (home / "spool" / "spool.jsonl").read_bytes().split(b"\n")
    entries = [parse_line(line) for line in lines if line]
    return [entry for entry in entries if isinstance(entry, Record)]


def test_a_command_is_timed_and_recorded_and_untouched(shell: list[str], home: Path) -> None:
    script = 'agentgauge_hook git pre-commit lint sh -c \'cat; printf %s "$1" >&2; sleep 0.1; exit 3\' x "a  b"'
    finished = run(shell, script, input=b"\x00in")

    assert (finished.returncode, finished.stdout, finished.stderr) == (3, b"\x00in", b"a  b")
    (record,) = recorded(home)
    labels = {"hook_system": "git", "hook_event": "pre-commit", "hook_name": "lint"}
    assert (record.kind, record.labels) == ("hook", {**labels, "outcome": "error", "exit_code_class": "other"})
    assert record.amounts["duration_seconds"] >= 0.09


@pytest.mark.parametrize("system", hook.SYSTEMS)
def test_it_judges_as_agentgauge_hook_does(system: str, home: Path) -> None:
    endings = {code: hook.Ending(code) for code in (0, 1, 2, 3)}
    endings |= {128 + number: hook.Ending(128 + number, number) for number in (1, 2, 9, 11, 15)}
    script = 'for code; do agentgauge_hook "$SYSTEM" e "$code" sh -c "exit $code" || :; done'
    assert run(["sh"], script, *map(str, endings), env={"SYSTEM": system, "AGENTGAUGE_HOME": str(home)}).returncode == 0

    judged = {int(r.labels["hook_name"]): (r.labels["outcome"], r.labels["exit_code_class"]) for r in recorded(home)}
    assert judged == {code: hook.judge(system, ending) for code, ending in endings.items()}


def test_a_function_may_be_the_command_and_use_it_too(shell: list[str], home: Path) -> None:
    script = "inner() { agentgauge_hook ci e inner sleep 0.01; sleep 0.1; }\nagentgauge_hook ci e outer inner"
    assert run(shell, script).returncode == 0

    inner, outer = recorded(home)
    assert (inner.labels["hook_name"], outer.labels["hook_name"]) == ("inner", "outer")
    assert outer.amounts["duration_seconds"] >= inner.amounts["duration_seconds"] + 0.09


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=8))
def test_any_text_is_a_label(texts: list[str], shell: list[str], home: Path) -> None:
    (home / "spool" / "spool.jsonl").unlink(missing_ok=True)
    script = 'agentgauge_record tests; for text; do agentgauge_record tests "suite=$text" count:=1.5; done'
    assert run(shell, script, *texts).returncode == 0

    shown = [record.labels.get("suite") for record in recorded(home)]
    # The C locale and others differ in what is a control character beyond ASCII.
    assert [each and _plain(each) for each in shown] == [None, *(_plain(text)[:200] for text in texts)]


def _plain(text: str) -> str:
    return "".join(" " if each < " " or "\x7f" <= each < "\xa0" or each in "\u2028\u2029" else each for each in text)


def test_files_are_the_owners_alone(shell: list[str], home: Path) -> None:
    assert run(shell, "umask 022; agentgauge_record tests count:=1; umask").stdout.strip() in (b"022", b"0022", b"22")

    modes = [(home / place).stat().st_mode & 0o777 for place in (".", "spool", "spool/spool.jsonl")]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HOME": "{tmp}"}, ".local/state/agentgauge"),
        ({"HOME": "{tmp}", "XDG_STATE_HOME": "relative"}, ".local/state/agentgauge"),
        ({"HOME": "/nowhere", "XDG_STATE_HOME": "{tmp}/state"}, "state/agentgauge"),
        ({"HOME": "{tmp}", "AGENTGAUGE_HOME": "~/own place"}, "own place"),
        ({"AGENTGAUGE_HOME": "{tmp}/own"}, "own"),
    ],
)
def test_it_writes_where_the_others_do(
    environment: dict[str, str], place: str, shell: list[str], tmp_path: Path
) -> None:
    environment = {name: value.format(tmp=tmp_path) for name, value in environment.items()}

    assert run(shell, "agentgauge_record tests count:=1", env={"PATH": "/usr/bin:/bin", **environment}).returncode == 0

    assert len(recorded(tmp_path / place)) == 1


def test_an_unusable_spool_changes_nothing_for_the_command(shell: list[str], home: Path) -> None:
    home.write_text("a file where the directory should be")
    finished = run(shell, "agentgauge_hook git e n sh -c 'echo out; exit 2' || echo $?; agentgauge_record tests")

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, b"out\n2\n", b"")


def test_on_a_full_disk_it_is_silent(full_disk: Path) -> None:
    finished = run(["sh"], "agentgauge_hook git e n echo out")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, b"out\n", b"")


def test_a_full_spool_is_left_alone_and_the_loss_counted(shell: list[str], home: Path) -> None:
    reader = SpoolReader(home / "spool")
    (home / "spool" / "full").touch()
    assert run(shell, "agentgauge_record tests count:=1; agentgauge_hook git e n :").returncode == 0

    (told,) = reader.poll()
    assert isinstance(told, Record)
    assert (told.labels["result"], told.amounts) == ("dropped", {"count": 2.0})
    assert not (home / "spool" / "full").exists(), "there is room: the file is not even there"
    assert run(shell, "agentgauge_record tests count:=1").returncode == 0
    assert [each.kind for each in reader.poll() if isinstance(each, Record)] == ["tests"]
    reader.close()


def test_a_line_too_long_for_one_write_is_dropped_and_counted(shell: list[str], home: Path) -> None:
    assert run(shell, 'agentgauge_record tests "suite=$1"; agentgauge_record tests', "x" * 3950).returncode == 0
    assert run(shell, 'agentgauge_record tests "suite=$1"', "x" * 4000).returncode == 0

    assert [len(record.labels.get("suite", "")) for record in recorded(home)] == [200, 0]
    assert (home / "spool" / "dropped").read_bytes() == b"."


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_process_is_started_and_one_line_is_one_write(shell: list[str], home: Path, tmp_path: Path) -> None:
    assert run(shell, "agentgauge_record tests count:=1").returncode == 0  # makes the file
    trace = tmp_path / "trace"
    traced = ["strace", "-f", "-e", "trace=clone,clone3,fork,vfork,write", "-s", "200", "-o", str(trace), *shell]
    if run(traced, "agentgauge_record tests suite=here count:=1; agentgauge_hook git e n :").returncode != 0:
        pytest.skip("strace may not trace here")

    calls = trace.read_text()
    assert not [line for line in calls.splitlines() if "clone" in line or "fork(" in line]
    lines = [line for line in calls.splitlines() if 'write(1, "' in line and "kind" in line]
    assert len(lines) == 2
    assert all("tests" in line or "hook" in line for line in lines)
    assert all('}\\n"' in line for line in lines)


def test_lines_of_many_shells_stay_whole(shell: list[str], home: Path) -> None:
    script = 'n=0; while [ $n -lt 300 ]; do agentgauge_record hook "hook_name=$1" hook_event=$n; n=$((n + 1)); done'
    command = [*shell, "-euc", f". {FUNCTIONS}\n{script}", "sh"]
    processes = [subprocess.Popen([*command, str(number) * 150]) for number in range(6)]
    assert [process.wait() for process in processes] == [0] * 6

    assert len(recorded(home)) == 1800


def test_the_path_is_what_the_hook_says() -> None:
    said = subprocess.run([sys.executable, "-m", hook.__name__, "--shell"], capture_output=True, text=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, f"{FUNCTIONS}\n", "")


def test_the_recipe_in_one_line_is_a_record(home: Path) -> None:
    (home / "spool").mkdir(parents=True)
    recipe = (
        r"""printf '\n{"kind":"hook","hook_system":"ci","hook_event":"build","hook_name":"lint","outcome":"success","""
        r""""exit_code_class":"0","duration_seconds":%s}\n' 0.25 >>"$AGENTGAUGE_HOME/spool/spool.jsonl" """
    )
    subprocess.run(["sh", "-euc", recipe], check=True)

    (record,) = recorded(home)
    assert json.loads(record.to_line())["duration_seconds"] == 0.25
