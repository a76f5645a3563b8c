"""A real exporter with its server, started again whenever it is killed."""

import http.client
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Forks an exporter, and another whenever it is dead, so that a start costs no imports. It saves often, so that kills
# meet saves; a journal's file is small, so that several are begun and deleted; and new transcripts are found soon.
_SUPERVISOR = """
import functools, msgspec, os, sys
from pathlib import Path
import agentgauge.exporter.exporter as module
from agentgauge.cli.exporter import serve_until_stopped
from agentgauge.collectors import follower
from agentgauge.configuration import Configuration
from agentgauge.web.app import Surface
from agentgauge.web.serving import open_server

module._SAVE_SECONDS = 0.03
follower._RESCAN_SECONDS = 0.05
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
PATIENCE_SECONDS = 60.0


class Exporter:
    """An exporter that is started again whenever it is killed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid, self.url = 0, ""
        self.await_start()

    def await_start(self) -> None:
        """Wait until the next one serves."""
        assert self._process.stdout is not None
        pid, self.url = self._process.stdout.readline().split()
        self.pid = int(pid)

    def kill(self) -> None:
        """Kill it."""
        subprocess.run(["kill", "-KILL", str(self.pid)], check=True)

    def post(self, event: str, **more: str) -> bool:
        """Send a payload; return whether the exporter says that it has it."""
        body = json.dumps({"hook_event_name": event, "session_id": "s", **more}).encode()
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=PATIENCE_SECONDS)
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
            with urllib.request.urlopen(self.url + "/metrics", timeout=PATIENCE_SECONDS) as answer:
                text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            return -1
        return sum(int(float(value)) for value in re.findall(rf"^{series} (\S+)$", text, re.MULTILINE))

    def await_counted(self, series: str, least: int) -> int:
        """Wait until so many are counted, and return how many are."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (count := self.counted(series)) < least and time.monotonic() < deadline:
            time.sleep(0.05)
        return count


@contextmanager
def running(home: Path, **collectors: Any) -> Iterator[Exporter]:
    """Run an exporter with that state directory, and of all collectors only these."""
    configuration = {"exporter": {"interval_seconds": 0.01}, "collectors": {**_NONE, "processes": [], **collectors}}
    command = [sys.executable, "-c", _SUPERVISOR, str(home), json.dumps(configuration)]
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
