"""The collector of health checks: HTTP, TCP and command probes, each in a thread of its own."""

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from agentgauge import __version__
from agentgauge.configuration import Probe
from agentgauge.record import Record

_MAX_WAITING: Final = 10_000
_GRACE_SECONDS: Final = 1.0
_HEADERS: Final = {"User-Agent": f"agentgauge/{__version__}", "Accept": "*/*", "Connection": "close"}


class ProbesCollector:
    """Checks what is declared from the first poll on; implements the exporter's Collector.

    A poll never waits for a check. The threads are daemons: one that hangs in a name's resolution stops nobody.

    Args:
        probes: as configured.
    """

    name = "probes"

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._probes = probes
        self._records: deque[Record] = deque(maxlen=_MAX_WAITING)
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._running: set[subprocess.Popen[bytes]] = set()

    def poll(self) -> Iterator[Record]:
        """Yield the records of the checks that have ended since the last poll."""
        if not self._threads:
            self._threads = [threading.Thread(target=self._run, args=(probe,), daemon=True) for probe in self._probes]
            for thread in self._threads:
                thread.start()
        while self._records:
            yield self._records.popleft()

    def state(self) -> object:
        """Return nothing: what was checked is past, and the next check tells more."""
        return None

    def restore(self, state: object) -> None:
        """Start anew."""

    def close(self) -> None:
        """Start no more checks, and end the commands that run."""
        self._stop.set()
        for process in list(self._running):
            _kill(process)

    def _run(self, probe: Probe) -> None:
        next_start = time.monotonic()
        while not self._stop.wait(max(0.0, next_start - time.monotonic())):
            # After a check longer than the interval, or a suspended machine, nothing is made up for.
            next_start = max(next_start, time.monotonic() - probe.interval_seconds) + probe.interval_seconds
            seconds, success = check(probe, self._running)
            amounts = {"duration_seconds": seconds, "success": float(success)}
            self._records.append(Record("probe", time.time(), {"probe": probe.name}, amounts))


def check(probe: Probe, running: "set[subprocess.Popen[bytes]] | None" = None) -> tuple[float, bool]:
    """Check once.

    Args:
        probe: what is checked.
        running: holds its command while that runs.

    Returns:
        The seconds it took, and whether it succeeded in time.
    """
    started = time.monotonic()
    try:
        if probe.http is not None:
            success = _http(probe.http, probe.timeout_seconds, probe.expected_status)
        elif probe.tcp is not None:
            success = _tcp(probe.tcp, probe.timeout_seconds)
        else:
            success = _command(probe.command or (), probe.timeout_seconds, set() if running is None else running)
    except (OSError, http.client.HTTPException, ValueError):  # ValueError: a name that no resolver takes
        success = False
    seconds = time.monotonic() - started
    # A server that sends a byte now and then keeps each single read within its time.
    return seconds, success and seconds <= probe.timeout_seconds


def _http(url: str, timeout: float, expected: Sequence[int]) -> bool:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    )
    with contextlib.closing(connection):
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers=_HEADERS)
        status = connection.getresponse().status
    return status in expected if expected else 200 <= status < 300


def _tcp(address: str, timeout: float) -> bool:
    parts = urlsplit(f"tcp://{address}")
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port), timeout):
        return True


def _command(command: Sequence[str], timeout: float, running: "set[subprocess.Popen[bytes]]") -> bool:
    # A session of its own, so that what it started can be ended with it.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    running.add(process)
    try:
        return process.wait(timeout) == 0
    except subprocess.TimeoutExpired:
        _kill(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        return False
    finally:
        running.discard(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
