"""Commands as processes of their own, with a home and a state directory of their own."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agentgauge.record import Record

DEADLINE = 30.0


class Running:
    """One command that serves HTTP."""

    def __init__(self, home: Path, arguments: list[str]) -> None:
        environment = {
            **os.environ,
            "HOME": str(home),
            "AGENTGAUGE_HOME": str(home / "state"),
            "PYTHONUNBUFFERED": "1",
        }
        for variable in ("XDG_STATE_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "GEMINI_CLI_HOME"):
            environment.pop(variable, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agentgauge", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.lines: list[str] = []
        for line in self.process.stdout:
            self.lines.append(line)
            if "Ctrl-C" in line:
                break
        # Someone reads what it says from now on: a full pipe would stop it.
        self._reader = threading.Thread(target=self.lines.extend, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def port(self) -> int:
        (line,) = [line for line in self.lines if line.startswith("metrics ")][:1]
        return int(line.rsplit(":", 1)[1].split("/")[0])

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                if self.get("/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def scrape(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        status, body = self.get("/metrics")
        assert status == 200
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(body)
            for sample in family.samples
        }

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it as an init system would and return its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return status


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def starting(*arguments: str, ready: bool = True) -> Running:
        command = Running(tmp_path, list(arguments))
        started.append(command)
        if ready:
            command.wait_until_ready()
        return command

    yield starting
    for command in started:
        # The session too: whoever of it outlives the command holds the other end of its output.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command.process.pid, signal.SIGKILL)
        command.process.wait(DEADLINE)
        assert command.process.stdout is not None
        command.process.stdout.close()


@pytest.fixture
def append(tmp_path: Path) -> Callable[..., None]:
    """Append records to the spool of that state directory."""

    def appending(*lines: Record | bytes) -> None:
        spool = tmp_path / "state" / "spool"
        spool.mkdir(parents=True, exist_ok=True)
        with open(spool / "spool.jsonl", "ab") as file:
            for line in lines:
                file.write(line if isinstance(line, bytes) else line.to_line())

    return appending
