"""Payloads of agents' hooks, sent to a real exporter over HTTP that is killed at random instants."""

import http.client
import json
import random
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.spool.processes import SCALE

# Forks an exporter, and another whenever it is dead, so that a start costs no imports. It saves often, so that kills
# meet saves, and a journal's file is small, so that several are begun and deleted.
_SUPERVISOR = """
import functools, msgspec, os, sys
from pathlib import Path
import agentgauge.exporter.exporter as module
from agentgauge.cli.exporter import serve_until_stopped
from agentgauge.configuration import Configuration
from agentgauge.web.app import Surface
from agentgauge.web.serving import open_server

module._SAVE_SECONDS = 0.03
module.Journal = functools.partial(module.Journal, file_bytes=2000)
configuration = msgspec.json.decode(sys.argv[2], type=Configuration)

def serve():
    exporter = module.Exporter(configuration, Path(sys.argv[1]))
    surface = Surface(exporter.families, str, lambda: exporter.ready, exporter.hooks)
    server = open_server(surface, ["127.0.0.1:0"], None)
    os.write(1, f"{os.getpid()} {server.urls[0]}\\n".encode())
    serve_until_stopped(server, [exporter.run])

parent = os.getppid()
while os.getppid() == parent:
    child = os.fork()
    if not child:
        serve()
        os._exit(1)
    os.waitpid(child, 0)
"""
_NONE = {client: {"enabled": False} for client in ("claude_code", "codex", "copilot", "gemini")}
_CONFIGURATION = json.dumps({"exporter": {"interval_seconds": 0.01}, "collectors": {**_NONE, "processes": []}})
_PATIENCE_SECONDS = 60.0


class Exporter:
    """An exporter that is started again whenever it is killed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid, self.url = 0, ""
        self.await_start()

    def await_start(self) -> None:
        assert self._process.stdout is not None
        pid, self.url = self._process.stdout.readline().split()
        self.pid = int(pid)

    def kill(self) -> None:
        subprocess.run(["kill", "-KILL", str(self.pid)], check=True)

    def post(self, event: str, **more: str) -> bool:
        """Send a payload; return whether the exporter says that it has it."""
        body = json.dumps({"hook_event_name": event, "session_id": "s", **more}).encode()
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=_PATIENCE_SECONDS)
        try:
            connection.request("POST", "/hooks/claude-code", body, {"Content-Type": "application/json"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def counted(self, series: str) -> int:
        """Return the sum of the series whose names and labels match, or -1 where there is nobody to ask."""
        try:
            with urllib.request.urlopen(self.url + "/metrics", timeout=_PATIENCE_SECONDS) as answer:
                text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            return -1
        return sum(int(float(value)) for value in re.findall(rf"^{series} (\S+)$", text, re.MULTILINE))


@contextmanager
def running(home: Path) -> Iterator[Exporter]:
    command = [sys.executable, "-c", _SUPERVISOR, str(home), _CONFIGURATION]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        exporter = Exporter(process)
        try:
            yield exporter
        finally:
            process.kill()
            process.wait()
            exporter.kill()
    finally:
        assert process.stdout is not None
        process.stdout.close()


class Sender(threading.Thread):
    """Sends events, or calls to a tool: each payload again until the exporter says that it has it."""

    def __init__(self, exporter: Exporter, *, calls: bool) -> None:
        super().__init__(daemon=True)
        self._exporter = exporter
        self._calls = calls
        self._done = threading.Event()
        self.answered = 0
        self.sent = 0

    def run(self) -> None:
        while not self._done.is_set():
            call = f"toolu_{self.answered}"
            for event in ("PreToolUse", "PostToolUse") if self._calls else ("Notification",):
                more = {"tool_name": "Bash", "tool_use_id": call} if self._calls else {}
                self.sent += 1
                while not self._exporter.post(event, **more):
                    self.sent += 1
                    time.sleep(0.005)
            self.answered += 1

    def stop(self) -> None:
        self._done.set()
        self.join(_PATIENCE_SECONDS)
        assert not self.is_alive()


EVENTS = r'agentgauge_hook_events_total\{[^}]*hook_event="Notification"\}'
CALLS = r'gen_ai_execute_tool_duration_seconds_count\{[^}]*gen_ai_tool_name="Bash"[^}]*\}'


def test_what_was_answered_is_counted_once_whenever_the_exporter_is_killed(tmp_path: Path) -> None:
    chance = random.Random(10423)
    seen = [0]
    with running(tmp_path) as exporter:
        told, called = Sender(exporter, calls=False), Sender(exporter, calls=True)
        told.start()
        called.start()
        for _ in range(int(20 * SCALE)):
            if chance.random() < 0.5:
                seen.append(exporter.counted(EVENTS))
            time.sleep(chance.random() * 0.1)
            exporter.kill()
            exporter.await_start()
        told.stop()
        called.stop()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while exporter.counted(CALLS) < called.answered and time.monotonic() < deadline:
            time.sleep(0.02)
        counts = [exporter.counted(EVENTS), exporter.counted(CALLS)]

    seen = [count for count in seen if count >= 0]
    assert seen == sorted(seen), "a counter fell"
    assert told.answered > 20
    # Whoever was killed before it answered may have kept what it was told.
    assert told.answered <= counts[0] <= told.sent
    # A call is known by its id: told twice it counts once, and its beginning outlives who was told of it.
    assert counts[1] == called.answered
    assert len(list((tmp_path / "exporter").glob("claude_code_hooks.*"))) < 20, "no journal was deleted"
