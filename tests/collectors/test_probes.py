import http.server
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentgauge.collectors.probes import ProbesCollector, check
from agentgauge.configuration import Probe
from agentgauge.record import Record
from tests.integration.servers import listening

DEADLINE = 20.0


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/").partition("?")[0]))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        return


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that answers /STATUS with that status."""
    with listening(http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)) as address:
        yield int(address.rpartition(":")[2])


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("status", "expected", "success"),
    [
        (200, (), True),
        (204, (), True),
        (302, (), False),
        (404, (), False),
        (500, (), False),
        (404, (200, 404), True),
        (302, (302,), True),
        (200, (204,), False),
    ],
)
def test_an_http_server_is_well_by_its_status(port: int, status: int, expected: tuple[int, ...], success: bool) -> None:
    probe = Probe("p", http=f"http://127.0.0.1:{port}/{status}?q=1", expected_status=expected)
    assert check(probe)[1] is success


def test_a_server_that_does_not_listen_is_not_well(closed: int) -> None:
    assert not check(Probe("p", http=f"http://127.0.0.1:{closed}/"))[1]
    assert not check(Probe("p", tcp=f"127.0.0.1:{closed}"))[1]


def test_a_server_that_says_nothing_fails_in_time(silent: int) -> None:
    seconds, success = check(Probe("p", http=f"http://127.0.0.1:{silent}/", timeout_seconds=0.1))
    assert not success
    assert seconds >= 0.1
    assert check(Probe("p", tcp=f"127.0.0.1:{silent}"))[1]


def test_what_is_no_http_is_not_well() -> None:
    def babble(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"220 mail.example ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=babble, args=(server,))
        thread.start()
        assert not check(Probe("p", http=f"http://127.0.0.1:{server.getsockname()[1]}/"))[1]
        thread.join()


def test_a_certificate_that_nobody_signed_is_not_trusted(port: int) -> None:
    assert not check(Probe("p", http=f"https://127.0.0.1:{port}/200"))[1]


@pytest.mark.parametrize(("code", "success"), [("pass", True), ("raise SystemExit(3)", False)])
def test_a_command_is_well_by_its_exit_status(code: str, success: bool) -> None:
    assert check(Probe("p", command=(sys.executable, "-c", code), timeout_seconds=DEADLINE))[1] is success


def test_a_command_that_is_not_there_is_not_well() -> None:
    assert not check(Probe("p", command=("/nonexistent/program",)))[1]


def test_a_command_out_of_time_is_ended_with_what_it_started(tmp_path: Path) -> None:
    fifo, said = tmp_path / "fifo", list[str]()
    os.mkfifo(fifo)
    child = f"import time; file = open({str(fifo)!r}, 'w'); file.write('begun'); file.flush(); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    # It has read all once nobody is left who could write.
    reader = threading.Thread(target=lambda: said.append(fifo.read_text()), daemon=True)
    reader.start()
    for timeout in (0.5, 2, 8, DEADLINE):  # on a busy machine a child may not begin in the shortest
        assert not check(Probe("p", command=(sys.executable, "-c", code), timeout_seconds=timeout))[1]
        reader.join(0.5 if timeout < DEADLINE else DEADLINE)
        if not reader.is_alive():
            break
    assert said == ["begun"]


def until(collector: ProbesCollector, enough: Callable[[list[Record]], bool]) -> list[Record]:
    records: list[Record] = []
    deadline = time.monotonic() + DEADLINE
    while not enough(records):
        records += collector.poll()
        assert time.monotonic() < deadline, records
        time.sleep(0.01)
    return records


def test_checks_come_as_records_and_a_poll_waits_for_none(port: int, silent: int, closed: int) -> None:
    probes = [
        Probe("well", http=f"http://127.0.0.1:{port}/200"),
        Probe("down", tcp=f"127.0.0.1:{closed}"),
        Probe("slow", http=f"http://127.0.0.1:{silent}/", timeout_seconds=300),
    ]
    collector = ProbesCollector(probes)
    records = until(collector, lambda records: len(records) >= 2)
    collector.close()
    assert {record.labels["probe"]: record.amounts["success"] for record in records} == {"well": 1.0, "down": 0.0}
    assert {record.kind for record in records} == {"probe"}


def test_checks_are_repeated_until_it_is_closed() -> None:
    before = set(threading.enumerate())
    collector = ProbesCollector([Probe("p", command=(sys.executable, "-c", ""), interval_seconds=1)])
    until(collector, lambda records: len(records) >= 2)
    (checking,) = set(threading.enumerate()) - before
    collector.close()
    checking.join(DEADLINE)
    assert not checking.is_alive()


def test_a_command_that_runs_is_ended_when_it_is_closed(tmp_path: Path) -> None:
    code = f"import time, pathlib; pathlib.Path({str(tmp_path / 'begun')!r}).touch(); time.sleep(60)"
    probe = Probe("p", command=(sys.executable, "-c", code), timeout_seconds=300)
    collector = ProbesCollector([probe])
    until(collector, lambda _: (tmp_path / "begun").exists())
    collector.close()
    (record,) = until(collector, bool)
    assert record.amounts["success"] == 0.0
