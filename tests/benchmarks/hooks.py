"""What a hook costs as a process, beside an interpreter that does nothing and what others would do.

Measured in an environment as ``pip install agentgauge`` leaves it; the last line in the one at hand, which is editable.
"""

import http.server
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import agentgauge
import agentgauge_spool
from tests.benchmarks.figure import Figure, paired, ratio

ROUNDS = 40
APPEND_ROUNDS = 300
"""Of two that differ by less than a scheduler's whim."""
SHELL_ROUNDS = 400
"""Of a millisecond each, where a scheduler's whim is half of it."""
PACKAGE = Path(agentgauge.__file__).parent
SCRIPT = PACKAGE / "spool" / "agentgauge-hook"

_HOOK = ("--system", "git", "--event", "pre-commit", "--name", "true", "--", "true")
_APPEND = """
from agentgauge_spool import append
append("hook", hook_system="git", hook_event="pre-commit", hook_name="true", outcome="success", exit_code_class="0",
       duration_seconds=0.001)
"""
_SHELL = """. "$0"
agentgauge_record hook hook_system=git hook_event=pre-commit hook_name=true outcome=success exit_code_class=0 \\
    duration_seconds:=0.001
"""
_PRINTF = r"""printf '{"kind":"hook","hook_system":"git","hook_event":"pre-commit","hook_name":"true",'\
'"outcome":"success","exit_code_class":"0","duration_seconds":%s}\n' 0.001 >>"$0"
"""
_SUBPROCESS = 'import subprocess; subprocess.run(["true"])'
_PUSH = """
import subprocess, sys, time
from prometheus_client import CollectorRegistry, Counter, Histogram, push_to_gateway
registry = CollectorRegistry()
labels = ["hook_system", "hook_event", "hook_name"]
runs = Counter("runs", "r", labels, registry=registry)
duration = Histogram("duration", "d", labels, registry=registry)
start = time.monotonic()
subprocess.run(["true"])
runs.labels("git", "pre-commit", "true").inc()
duration.labels("git", "pre-commit", "true").observe(time.monotonic() - start)
push_to_gateway(sys.argv[1], job="hooks", registry=registry)
"""


class _Gateway(http.server.BaseHTTPRequestHandler):
    """Accepts what is pushed."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server calls
        """Say nothing."""


def figures() -> list[Figure]:
    """Measure; every process is started the same way, and rounds are paired."""
    with tempfile.TemporaryDirectory() as place, http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Gateway) as gateway:
        threading.Thread(target=gateway.serve_forever, daemon=True).start()
        try:
            return _measure(Path(place), f"127.0.0.1:{gateway.server_port}")
        finally:
            gateway.shutdown()


def _measure(place: Path, gateway: str) -> list[Figure]:
    environment = {**os.environ, "AGENTGAUGE_HOME": str(place / "home")}
    installed = _install(place / "environment")
    python, own_bin = str(installed / "python"), Path(sys.executable).parent

    def process(*command: str) -> Callable[[], None]:
        def run() -> None:
            # As any caller would; subprocess would add its own work to each.
            _, status = os.waitpid(os.posix_spawn(command[0], command, environment), 0)
            if status:
                raise RuntimeError(f"{command} ended with {status}")

        return run

    shell_functions = str(next((place / "environment").glob("lib/*/site-packages/agentgauge/spool/agentgauge.sh")))
    times = paired(
        process(python, "-c", "pass"),
        process(str(installed / "agentgauge-hook"), *_HOOK),
        process(python, "-c", _SUBPROCESS),
        process(sys.executable, "-c", _PUSH, gateway),
        process(sys.executable, "-c", "pass"),
        process(str(own_bin / "agentgauge-hook"), *_HOOK),
        rounds=ROUNDS,
    )
    append, as_bare = paired(process(python, "-c", _APPEND), process(python, "-c", "pass"), rounds=APPEND_ROUNDS)
    shell, printf = paired(
        process("/bin/sh", "-c", _SHELL, shell_functions),
        process("/bin/sh", "-c", _PRINTF, str(place / "printed")),
        rounds=SHELL_ROUNDS,
    )
    bare, hook, plain, push, own_bare, own_hook = times
    return [
        Figure("agentgauge-hook around true", _ms(hook), f"python -c pass, {_ms(bare)}", ratio(hook, bare), 1.25),
        Figure(
            "spool append, whole process", _ms(append), f"python -c pass, {_ms(as_bare)}", ratio(append, as_bare), 1.05
        ),
        Figure(
            "agentgauge-hook around true", _ms(hook), f"subprocess.run(true), {_ms(plain)}", ratio(hook, plain), 1.0
        ),
        Figure(
            "agentgauge-hook around true", _ms(hook), f"push to a Pushgateway, {_ms(push)}", ratio(hook, push), 0.167
        ),
        Figure(
            "agentgauge.sh records", _ms(shell), f"sh -c printf to a file, {_ms(printf)}", ratio(shell, printf), 1.5
        ),
        Figure(
            "… from an editable install",
            _ms(own_hook),
            f"python -c pass, {_ms(own_bare)}",
            ratio(own_hook, own_bare),
            1.25,
        ),
    ]


def _install(place: Path) -> Path:
    """Make an environment with what ``pip install agentgauge`` installs of ours; return its scripts' directory."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    shutil.copytree(PACKAGE, packages / "agentgauge", ignore=shutil.ignore_patterns("__pycache__"))
    # As pip does; an environment that forbids the writing of bytecode would have every process compile it.
    subprocess.run([place / "bin" / "python", "-m", "compileall", "-q", packages / "agentgauge" / "spool"], check=True)
    subprocess.run([place / "bin" / "python", "-m", "compileall", "-q", "-l", packages / "agentgauge"], check=True)
    shutil.copy(agentgauge_spool.__file__, packages)
    subprocess.run([place / "bin" / "python", "-m", "compileall", "-q", "-l", packages], check=True)
    shutil.copy(SCRIPT, place / "bin")
    return place / "bin"


def _ms(times: list[float]) -> str:
    return f"{statistics.median(times) * 1000:.1f} ms"
