"""``agentgauge-hook``: run a hook's command untouched and append one line about it to the spool.

A hook is over in milliseconds, so nothing is imported here that a bare interpreter has not: ``argparse`` alone would
double its cost, ``signal`` (for its enumerations) add a third. ``agentgauge-hook`` beside it starts this module.
"""

import _signal  # type: ignore[import-not-found]
import os
import sys
import time

from agentgauge_spool import append

TYPE_CHECKING = False
if TYPE_CHECKING:
    import resource

SYSTEMS = ("git", "pre_commit", "claude_code", "codex", "ci")

USAGE = f"agentgauge-hook --system {{{','.join(SYSTEMS)}}} --event EVENT --name NAME [--timeout SECONDS] -- COMMAND..."

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL of a command that ran out of time."""

TIMEOUT_CODE = 124
"""What timeout(1) exits with."""

HELP = f"""usage: {USAGE}
       agentgauge-hook --shell

Runs COMMAND and appends one line about it to agentgauge's spool: how long it took, how it ended, and the
processor time, memory and block I/O it took. Its input, output, exit code and signals pass through untouched; its
arguments are not recorded.

  --system   who runs the hook
  --event    when, for instance pre-commit or PreToolUse
  --name     the hook's own name, for instance ruff
  --timeout  end COMMAND and what it started after SECONDS: SIGTERM, {GRACE_SECONDS:g} s later SIGKILL; exit code 124
  --shell    print the path of functions for a shell that record without starting a process
"""

_MAX_TIMEOUT_SECONDS = 7 * 86400.0
_SI_KERNEL = 0x80
_BLOCK_BYTES = 512
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
_CANCELLING = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
_FORWARDED = (*_CANCELLING, _signal.SIGQUIT, _signal.SIGUSR1, _signal.SIGUSR2)
_IGNORED_BY_PYTHON = (_signal.SIGPIPE, _signal.SIGXFSZ)


class _UsageError(Exception):
    """The command line is not one of agentgauge-hook's."""


class Options:
    """A parsed command line: the hook's labels, its timeout in seconds (0 for none), the command's words."""

    def __init__(self, system: str, event: str, name: str, timeout: float, command: list[str]) -> None:
        self.system = system
        self.event = event
        self.name = name
        self.timeout = timeout
        self.command = command


class Ending:
    """How a command ended: its exit code, or the signal that killed it (0 for none), and what happened before."""

    def __init__(self, code: int = 0, killer: int = 0, *, timed_out: bool = False, cancelled: bool = False) -> None:
        self.code = code
        self.killer = killer
        self.timed_out = timed_out
        self.cancelled = cancelled
        self.used: dict[str, float] = {}


def main() -> None:
    """Run agentgauge-hook with the process's arguments; does not return."""
    if sys.argv[1:] == ["--shell"]:
        sys.stdout.write(os.path.dirname(os.path.abspath(__file__)) + "/agentgauge.sh\n")  # noqa: PTH100, PTH120
        sys.exit(0)
    try:
        options = parse(sys.argv[1:])
    except _UsageError as error:
        _say(f"{error}; usage: {USAGE}")
        os._exit(2)
    if options is None:
        sys.stdout.write(HELP)
        sys.exit(0)
    ending = run(options)
    if ending.killer and not ending.timed_out:
        _die_of(ending.killer)
    # Nothing of ours is left to flush, and taking an interpreter down costs as much as a tenth of starting it.
    os._exit(TIMEOUT_CODE if ending.timed_out else ending.code)


def parse(arguments: list[str]) -> Options | None:
    """Parse a command line; None is a request for help.

    Raises:
        _UsageError: an option is unknown, missing or has no usable value, or there is no command.
    """
    values = dict.fromkeys(("--system", "--event", "--name", "--timeout"), "")
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option, _, value = rest.pop(0).partition("=")
        if option in ("-h", "--help"):
            return None
        if option == "--":
            break
        if option not in values:
            raise _UsageError(f"unknown option {option}")
        values[option] = value or (rest.pop(0) if rest else "")
        if not values[option]:
            raise _UsageError(f"{option} needs a value")
    for option in ("--system", "--event", "--name"):
        if not values[option]:
            raise _UsageError(f"{option} is missing")
    if values["--system"] not in SYSTEMS:
        raise _UsageError(f"--system {values['--system']} is not one of {', '.join(SYSTEMS)}")
    if not rest:
        raise _UsageError("there is no command after --")
    return Options(values["--system"], values["--event"], values["--name"], _seconds(values["--timeout"]), rest)


def run(options: Options) -> Ending:
    """Run the command, append its record to the spool and return how it ended; our signals stay blocked."""
    # Signals are taken from a queue instead of handlers: none is missed between two instructions, and the queue tells
    # who sent them. The handler of SIGCHLD does nothing; with an inherited SIG_IGN there would be no exit code.
    _signal.signal(_signal.SIGCHLD, _nothing)
    waited = (_signal.SIGCHLD, _signal.SIGALRM, *_FORWARDED)
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, waited)
    started = time.monotonic()
    try:
        child = os.posix_spawnp(
            options.command[0], options.command, os.environ, setsigmask=mask, setsigdef=_IGNORED_BY_PYTHON
        )
    except OSError as error:
        ending = Ending(_not_started(options.command[0], error))
    else:
        ending = _wait(child, waited, options.timeout)
    duration = time.monotonic() - started
    outcome, code_class = judge(options.system, ending)
    append(
        "hook",
        hook_system=options.system,
        hook_event=options.event,
        hook_name=options.name,
        outcome=outcome,
        exit_code_class=code_class,
        duration_seconds=duration,
        **ending.used,
    )
    return ending


def judge(system: str, ending: Ending) -> tuple[str, str]:
    """Return outcome and exit code class: agents' hooks block by exit code 2, git's and pre-commit's refuse by 1."""
    code_class = "signal" if ending.killer else str(ending.code) if ending.code in (0, 1, 2) else "other"
    if ending.timed_out:
        return "timeout", code_class
    if ending.killer in _CANCELLING or (ending.cancelled and (ending.killer or ending.code)):
        return "cancelled", code_class
    if ending.killer:
        return "error", code_class
    if ending.code == 0:
        return "success", code_class
    blocking = 2 if system in ("claude_code", "codex") else 1 if system in ("git", "pre_commit") else 0
    return "blocked" if ending.code == blocking else "error", code_class


def _wait(child: int, waited: tuple[int, ...], timeout: float) -> Ending:
    """Wait for the child; pass signals on to it, and end it when its time is over."""
    ending = Ending()
    if timeout:
        _signal.setitimer(_signal.ITIMER_REAL, timeout)
    while True:
        number, from_terminal = _next_signal(waited)
        if number == _signal.SIGCHLD:
            pid, status, usage = os.wait4(child, os.WNOHANG)
            if pid:
                ending.used = _amounts(usage)
                break
        elif number == _signal.SIGALRM and timeout:
            _end(child, _signal.SIGKILL if ending.timed_out else _signal.SIGTERM)
            ending.timed_out = True
            _signal.setitimer(_signal.ITIMER_REAL, GRACE_SECONDS)
        else:
            ending.cancelled = ending.cancelled or number in _CANCELLING
            # The terminal sends to its whole foreground group: a second one would tell the command to hurry.
            if not from_terminal:
                os.kill(child, number)
    if timeout:
        _signal.setitimer(_signal.ITIMER_REAL, 0)
    if os.WIFSIGNALED(status):
        ending.killer = os.WTERMSIG(status)
        ending.code = 128 + ending.killer
    else:
        ending.code = os.WEXITSTATUS(status)
    return ending


def _amounts(usage: "resource.struct_rusage") -> dict[str, float]:
    """Return what the command and all it waited for have used.

    Peak memory is at least our own, some 9 MB: the system counts from the moment before the command is loaded.
    """
    return {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "max_resident_memory_bytes": usage.ru_maxrss * _MAXRSS_BYTES,
        "read_bytes": usage.ru_inblock * _BLOCK_BYTES,
        "write_bytes": usage.ru_oublock * _BLOCK_BYTES,
    }


def _next_signal(waited: tuple[int, ...]) -> tuple[int, bool]:
    """Return the next signal, and whether the terminal sent it to the command as well."""
    if hasattr(_signal, "sigwaitinfo"):
        info = _signal.sigwaitinfo(waited)
        return info.si_signo, info.si_code == _SI_KERNEL
    number = _signal.sigwait(waited)  # macOS does not tell who sent it; its keyboard most likely did
    return number, number in (_signal.SIGINT, _signal.SIGQUIT)


def _seconds(text: str) -> float:
    try:
        seconds = float(text or "0")
    except ValueError:
        seconds = -1.0
    if text and not 0 < seconds <= _MAX_TIMEOUT_SECONDS:
        raise _UsageError(f"--timeout {text} is not a number of seconds above 0 and up to {_MAX_TIMEOUT_SECONDS:g}")
    return seconds


def _end(child: int, number: int) -> None:
    """Send a signal to the child and to what it started, where the system tells (Linux)."""
    tree = [child]
    for parent in tree:
        try:
            with open(f"/proc/{parent}/task/{parent}/children") as children:
                tree += map(int, children.read().split())
        except OSError:
            continue
    for pid in tree:
        try:
            os.kill(pid, number)
        except OSError:
            continue


def _not_started(command: str, error: OSError) -> int:
    """Say why a command could not be started and return the exit code of a shell that cannot."""
    if isinstance(error, FileNotFoundError):
        _say(f"{command}: command not found")
        return 127
    _say(f"{command}: {error.strerror}")
    return 126


def _die_of(number: int) -> None:
    """Die of the signal that killed the command, so that our caller sees what it would have seen without us."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)


def _say(text: str) -> None:
    try:
        os.write(2, f"agentgauge-hook: {text}\n".encode("utf-8", "surrogateescape"))
    except OSError:  # stderr is closed: there is nobody to tell
        return


def _nothing(number: int, frame: object) -> None:
    """Handle a signal by doing nothing."""


if __name__ == "__main__":
    main()
