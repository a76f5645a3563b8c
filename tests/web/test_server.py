import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agentgauge.errors import UsageError
from agentgauge.web.server import Address, WebServer
from tests.web.conftest import Client, Serve


def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:10420", ("127.0.0.1", 10420)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9", ("::1", 9)),
        (":10420", ("", 10420)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["", "10420", "host:", "host:port", "host:99999", "::1:80", "host:-1", "host:٣"])
def test_what_is_no_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--web\.listen-address: .* is not host:port, like 127\.0\.0\.1:10420$"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("", False), ("0.0.0.0", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert Address(host, 1).loopback is loopback


def test_a_taken_port_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            UsageError, match=rf"^--web\.listen-address: 127\.0\.0\.1:{port} is taken by another process"
        ):
            WebServer(APP, [Address("127.0.0.1", port)])


def test_an_address_of_another_machine_is_one_line() -> None:
    with pytest.raises(UsageError, match=r"192\.0\.2\.1:0 is not an address of this machine"):
        WebServer(APP, [Address("192.0.2.1", 0)])


def test_several_addresses() -> None:
    server = WebServer(APP, [Address("127.0.0.1", 0), Address("127.0.0.2", 0)])
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        hosts = [url.split("/")[2] for url in server.urls]
        assert [host.split(":")[0] for host in hosts] == ["127.0.0.1", "127.0.0.2"]
        with socket.create_connection(("127.0.0.2", int(hosts[1].split(":")[1])), timeout=10):
            pass
    finally:
        server.stop()
        thread.join(10)
    assert not thread.is_alive()


def test_a_client_that_says_nothing_does_not_keep_it_from_stopping(serve: Serve) -> None:
    with serve(APP) as client:
        silent = socket.create_connection(("127.0.0.1", client.port), timeout=10)
        silent.sendall(b"GET / HTTP/1.1\r\n")
        assert client.ask("/").body == b"hello"
    silent.close()


SCRIPT = """
import sys
from tests.web.test_server import APP
from agentgauge.web.server import Address, WebServer
server = WebServer(APP, [Address("127.0.0.1", 0)])
print(server.urls[0], flush=True)
server.run()
print("stopped cleanly", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_the_caller_goes_on(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    client = Client(int(process.stdout.readline().rsplit(":", 1)[1]))
    deadline = time.monotonic() + 10
    while True:
        try:
            assert client.ask("/").body == b"hello"
            break
        except OSError:
            assert time.monotonic() < deadline
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=10)
    assert (out, err, process.returncode) == ("stopped cleanly\n", "", 0)
