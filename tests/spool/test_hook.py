"""agentgauge-hook around real commands."""

import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agentgauge.record import Record, parse_line
from agentgauge.spool.hook import SYSTEMS, Ending, judge

ROOT = Path(__file__).parents[2]
HOOK = [sys.executable, "-m", "agentgauge.spool.hook", "--system", "git", "--event", "pre-commit", "--name", "ruff"]


def run(*command: str, options: tuple[str, ...] = (), **more: Any) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*HOOK, *options, "--", *command], capture_output=True, check=False, **more)


def recorded(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "spool" / "spool.jsonl").read_bytes().split(b"\n") if line]


def ending(home: Path) -> tuple[str, str]:
    (line,) = recorded(home)
    return line["outcome"], line["exit_code_class"]


def wait_for(process: "subprocess.Popen[bytes]", word: bytes) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} is still there")


def test_one_line_says_who_ran_and_how_it_ended_and_no_argument(home: Path) -> None:
    before = time.time()
    assert run("sh", "-c", "exit 0", "secret-argument").returncode == 0

    (line,) = recorded(home)
    assert before <= line.pop("time") <= time.time()
    assert line.pop("duration_seconds") > 0
    assert line.pop("cpu_seconds") > 0
    assert line.pop("max_resident_memory_bytes") > 1_000_000
    assert line.pop("read_bytes") >= 0
    assert line.pop("write_bytes") >= 0
    assert line == {
        "kind": "hook",
        "hook_system": "git",
        "hook_event": "pre-commit",
        "hook_name": "ruff",
        "outcome": "success",
        "exit_code_class": "0",
    }


def test_what_the_command_and_its_children_used_is_recorded(home: Path, tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "if sys.argv[2:]: sys.exit(subprocess.run([sys.executable, '-c', sys.argv[2], sys.argv[1]]).returncode)\n"
        "x = bytearray(os.urandom(1)) * 100_000_000\n"
        "while time.process_time() < 0.3: pass\n"
        "file = open(sys.argv[1], 'wb'); file.write(x[:10_000_000]); file.flush(); os.fsync(file.fileno())"
    )
    assert run(sys.executable, "-c", code, str(tmp_path / "written"), code).returncode == 0

    (line,) = recorded(home)
    assert 0.3 <= line["cpu_seconds"] < 60
    assert 100e6 < line["max_resident_memory_bytes"] < 200e6
    entry = parse_line(json.dumps(line).encode())
    assert isinstance(entry, Record)
    assert entry.amounts["cpu_seconds"] == line["cpu_seconds"]
    if os.stat(tmp_path).st_dev in disks():  # on tmpfs and some containers' file systems nothing is written to storage
        assert line["write_bytes"] >= 10_000_000


def disks() -> set[int]:
    """Return the devices of file systems on a real disk."""
    mounts = [each.split() for each in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {os.makedev(*map(int, each[2].split(":"))) for each in mounts if " - ext4 /dev/" in " ".join(each)}


def test_a_command_that_never_ran_has_used_nothing(home: Path) -> None:
    assert run("no-such-command").returncode == 127
    assert "cpu_seconds" not in recorded(home)[0]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, ("success", "0")),
        (1, ("blocked", "1")),
        (2, ("error", "2")),
        (3, ("error", "other")),
        (255, ("error", "other")),
    ],
)
def test_the_exit_code_is_the_commands(code: int, expected: tuple[str, str], home: Path) -> None:
    assert run("sh", "-c", f"exit {code}").returncode == code
    assert ending(home) == expected


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_which_exit_code_blocks_depends_on_the_system(system: str, code: int) -> None:
    blocking = {"git": 1, "pre_commit": 1, "claude_code": 2, "codex": 2}.get(system)
    expected = "success" if code == 0 else "blocked" if code == blocking else "error"

    assert judge(system, Ending(code)) == (expected, str(code) if code < 3 else "other")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Ending(143, signal.SIGTERM, timed_out=True), ("timeout", "signal")),
        (Ending(0, timed_out=True), ("timeout", "0")),
        (Ending(130, signal.SIGINT), ("cancelled", "signal")),
        (Ending(139, signal.SIGSEGV), ("error", "signal")),
        (Ending(1, cancelled=True), ("cancelled", "1")),
        (Ending(0, cancelled=True), ("success", "0")),
    ],
)
def test_timeouts_and_signals_come_before_exit_codes(how: Ending, expected: tuple[str, str]) -> None:
    assert judge("git", how) == expected


def test_input_output_and_errors_pass_through_byte_by_byte(home: Path) -> None:
    everything = bytes(range(256)) * 4096

    finished = run("sh", "-c", "tee /dev/stderr", input=everything)

    assert finished.stdout == finished.stderr == everything


def test_further_descriptors_and_the_signal_mask_pass_through(home: Path) -> None:
    read, write = os.pipe()
    code = f"import os, signal; os.write({write}, repr(sorted(signal.pthread_sigmask(0, []))).encode())"

    assert run(sys.executable, "-c", code, pass_fds=[write]).returncode == 0

    os.close(write)
    assert os.read(read, 1000) == b"[]"
    os.close(read)


@pytest.mark.parametrize("killer", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGPIPE, signal.SIGSEGV])
def test_a_death_by_signal_is_passed_up_as_one(killer: signal.Signals, home: Path) -> None:
    finished = run("sh", "-c", f"kill -{killer.value} $$", preexec_fn=_no_core)

    assert finished.returncode == -killer
    cancelled = killer in (signal.SIGTERM, signal.SIGINT)
    assert ending(home) == ("cancelled" if cancelled else "error", "signal")


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def test_an_inherited_disregard_for_children_does_not_cost_the_exit_code(home: Path) -> None:
    finished = run("sh", "-c", "exit 7", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    assert finished.returncode == 7


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM])
def test_a_signal_is_passed_down(sent: signal.Signals, home: Path) -> None:
    script = f"trap 'echo caught; exit 9' {sent.name[3:]}; echo ready; while :; do sleep 0.02; done"
    with subprocess.Popen([*HOOK, "--", "sh", "-c", script], stdout=subprocess.PIPE) as process:
        wait_for(process, b"ready")
        process.send_signal(sent)
        wait_for(process, b"caught")

    assert process.returncode == 9
    cancelling = sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    assert ending(home) == ("cancelled" if cancelling else "error", "other")


def on_terminal(*command: str) -> tuple[int, int]:
    """Start a command on a terminal of its own; return its process id and the terminal's other end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], list(command))
    return pid, terminal


def read_until(terminal: int, word: bytes) -> bytes:
    text = b""
    while word not in text:
        assert select.select([terminal], [], [], 60)[0], f"no {word!r} in {text!r}"
        text += os.read(terminal, 1000)
    return text


def test_a_command_on_a_terminal_is_interactive(home: Path) -> None:
    code = "import os; print(*map(os.isatty, (0, 1, 2))); print('hello', input('name? '))"
    pid, terminal = on_terminal(*HOOK, "--", sys.executable, "-c", code)

    assert b"True True True" in read_until(terminal, b"name? ")
    os.write(terminal, b"ada\n")
    read_until(terminal, b"hello ada")

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
    assert ending(home) == ("success", "0")


def test_a_key_press_reaches_the_command_once(home: Path) -> None:
    code = (
        "import signal, time\n"
        "caught = []\n"
        "signal.signal(signal.SIGINT, lambda *_: caught.append(1))\n"
        "print('ready', flush=True)\n"
        "while not caught: time.sleep(0.01)\n"
        "print('first', flush=True)\n"
        "time.sleep(0.5)\n"
        "print('caught', len(caught), 'times', flush=True)\n"
        "raise SystemExit(5)"
    )
    pid, terminal = on_terminal(*HOOK, "--", sys.executable, "-c", code)
    read_until(terminal, b"ready")
    os.kill(pid, signal.SIGSTOP)  # two at once would be seen as one
    os.write(terminal, b"\x03")
    read_until(terminal, b"first")
    os.kill(pid, signal.SIGCONT)
    assert b"caught 1 times" in read_until(terminal, b"times")

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    os.close(terminal)
    assert ending(home) == ("cancelled", "other")


def test_a_signal_sent_on_a_terminal_by_a_process_is_passed_down(home: Path) -> None:
    pid, terminal = on_terminal(
        *HOOK, "--", "sh", "-c", "trap 'echo caught; exit 6' INT; echo ready; while :; do sleep 0.02; done"
    )
    read_until(terminal, b"ready")
    os.kill(pid, signal.SIGINT)
    read_until(terminal, b"caught")

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6
    os.close(terminal)


def test_a_command_out_of_time_is_ended_with_what_it_started(home: Path, tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! >{tmp_path}/pid; wait"
    # The output is a pipe, which a survivor would hold open: run() returns at its end.
    assert run("sh", "-c", script, options=("--timeout", "0.5")).returncode == 124

    wait_until_gone(int((tmp_path / "pid").read_text()))
    assert ending(home) == ("timeout", "signal")


def test_a_command_that_ignores_its_end_is_killed(home: Path) -> None:
    impatient = "import agentgauge.spool.hook as hook; hook.GRACE_SECONDS = 0.1; hook.main()"
    command = [sys.executable, "-c", impatient, *HOOK[3:], "--timeout=0.3", "--"]
    ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"

    assert subprocess.run([*command, sys.executable, "-c", ignoring], check=False).returncode == 124
    assert ending(home) == ("timeout", "signal")


def test_a_command_in_time_is_left_alone(home: Path) -> None:
    assert run("sh", "-c", "exit 4", options=("--timeout", "600")).returncode == 4
    assert ending(home) == ("error", "other")


@pytest.mark.parametrize(
    ("command", "code", "problem"),
    [
        ("no-such-command", 127, "command not found"),
        ("/", 126, "Permission denied"),
        ("./empty", 126, "Exec format error"),
    ],
)
def test_a_command_that_cannot_be_started_ends_as_in_a_shell(
    command: str, code: int, problem: str, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").write_bytes(b"\0")
    (tmp_path / "empty").chmod(0o700)

    finished = run(command, cwd=tmp_path)

    assert (finished.returncode, finished.stderr.decode()) == (code, f"agentgauge-hook: {command}: {problem}\n")
    assert ending(home) == ("error", "other")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "--system is missing"),
        (["--system", "svn"], "--event is missing"),
        (
            ["--system", "svn", "--event", "e", "--name", "n", "--", "true"],
            "--system svn is not one of git, pre_commit,",
        ),
        (["--system", "git", "--event", "e", "--name", "n"], "there is no command after --"),
        (["--system", "git", "--event", "e", "--name", "n", "--"], "there is no command after --"),
        (["--system", "git", "--event", "e", "--name"], "--name needs a value"),
        (["--verbose"], "unknown option --verbose"),
        *(
            (["--system=git", "--event=e", "--name=n", f"--timeout={seconds}", "true"], f"--timeout {seconds} is not a")
            for seconds in ("soon", "0", "-1", "nan", "inf", "1e300")
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], problem: str, home: Path) -> None:
    finished = subprocess.run([*HOOK[:3], *arguments], capture_output=True, text=True, check=False)

    assert finished.returncode == 2
    assert finished.stderr.startswith(f"agentgauge-hook: {problem}")
    assert "usage: agentgauge-hook --system {git," in finished.stderr
    assert finished.stderr.count("\n") == 1
    assert not home.exists()


def test_help_goes_to_standard_output() -> None:
    finished = subprocess.run([*HOOK[:3], "--help"], capture_output=True, text=True, check=True)

    assert all(f"--{option}" in finished.stdout for option in ("system", "event", "name", "timeout"))
    assert finished.stderr == ""


def test_the_two_dashes_may_be_left_out(home: Path) -> None:
    assert subprocess.run([*HOOK, "sh", "-c", "exit 3"], check=False).returncode == 3


def test_without_a_usable_spool_the_command_runs_all_the_same(home: Path) -> None:
    home.write_text("a file where the directory should be")

    finished = run("sh", "-c", "cat; exit 3", input=b"input")

    assert (finished.returncode, finished.stdout, finished.stderr) == (3, b"input", b"")


def test_on_a_full_disk_the_command_runs_all_the_same(full_disk: Path) -> None:
    finished = run("sh", "-c", "echo out; exit 3")

    assert (finished.returncode, finished.stdout, finished.stderr) == (3, b"out\n", b"")
    assert (full_disk / "spool" / "spool.jsonl").stat().st_size == 0


def test_with_a_full_spool_the_command_runs_all_the_same_and_the_loss_is_counted(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTGAUGE_SPOOL_MAX_BYTES", "100")
    for _ in range(3):
        finished = run("sh", "-c", "echo out; exit 3")
        assert (finished.returncode, finished.stdout, finished.stderr) == (3, b"out\n", b"")

    assert len(recorded(home)) == 1
    assert {path.name: path.stat().st_size for path in (home / "spool").glob("[df]*")} == {"dropped": 2, "full": 0}


def test_on_a_read_only_disk_the_command_runs_all_the_same(full_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(full_disk)], check=True)

    assert run("sh", "-c", "exit 3").returncode == 3


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a virtual environment with the installed script, at a path with spaces that no shebang could hold."""
    place = tmp_path_factory.mktemp("a place with spaces") / ("x" * 120)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    shutil.copy(ROOT / "src" / "agentgauge" / "spool" / "agentgauge-hook", place / "bin")
    packages = next((place / "lib").glob("python*/site-packages"))
    for name in ("agentgauge", "agentgauge_spool.py"):
        (packages / name).symlink_to(ROOT / "src" / name)
    return place


ARGUMENTS = ["--system", "ci", "--event", "e", "--name", "n", "--", "sh", "-c", 'printf %s "$0"; exit 3', "two  words"]


@pytest.mark.parametrize("how", ["directly", "by a link", "by its name", "by sh"])
def test_the_installed_command_finds_its_interpreter(how: str, environment: Path, home: Path, tmp_path: Path) -> None:
    script = environment / "bin" / "agentgauge-hook"
    (tmp_path / "link").symlink_to(script)
    command = {
        "directly": [str(script)],
        "by a link": [str(tmp_path / "link")],
        "by its name": ["env", f"PATH={script.parent}:{os.environ['PATH']}", "agentgauge-hook"],
        "by sh": ["sh", "agentgauge-hook"],
    }[how]

    finished = subprocess.run([*command, *ARGUMENTS], capture_output=True, check=False, cwd=script.parent)

    assert (finished.returncode, finished.stdout, finished.stderr) == (3, b"two  words", b"")
    assert ending(home) == ("error", "other")


def test_the_installed_command_finds_an_editable_installation(environment: Path, home: Path) -> None:
    (link,) = environment.glob("lib/python*/site-packages/agentgauge")
    link.rename(link.with_name("elsewhere"))
    (link.parent / "editable.pth").write_text(f"{ROOT / 'src'}\n")
    try:
        finished = subprocess.run([str(environment / "bin" / "agentgauge-hook"), *ARGUMENTS], check=False)
    finally:
        (link.parent / "editable.pth").unlink()
        link.with_name("elsewhere").rename(link)

    assert finished.returncode == 3
    assert len(recorded(home)) == 1


def test_outside_a_virtual_environment_the_other_script_names_the_interpreter(
    environment: Path, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "src" / "agentgauge" / "spool" / "agentgauge-hook", tmp_path / "bin")
    (tmp_path / "python").symlink_to(environment)
    (tmp_path / "bin" / "agentgauge").write_text(f"#!{tmp_path}/python/bin/python3\nimport agentgauge\n")

    finished = subprocess.run([str(tmp_path / "bin" / "agentgauge-hook"), *ARGUMENTS], check=False)

    assert finished.returncode == 3
    assert len(recorded(home)) == 1


def test_an_interpreter_without_the_package_is_one_clear_line(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    shutil.copy(ROOT / "src" / "agentgauge" / "spool" / "agentgauge-hook", tmp_path / "bin")

    finished = subprocess.run(
        [str(tmp_path / "bin" / "agentgauge-hook"), "--help"], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 1
    assert finished.stderr.startswith("agentgauge-hook: No module named 'agentgauge'")
    assert finished.stderr.count("\n") == 1
