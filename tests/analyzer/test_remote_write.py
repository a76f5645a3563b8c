import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agentgauge.analyzer.remote_write import ATTEMPTS, RemoteWriter
from agentgauge.catalogue import METRICS
from agentgauge.errors import ConfigurationError
from agentgauge.totals import Family
from tests.integration.servers import listening

pytest.importorskip("cramjam")


class Receiver:
    """Answers with a status, and keeps the headers it got."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 204
        self.next: list[int] = []
        self.headers: list[dict[str, str]] = []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            receiver.headers.append(dict(self.headers))
            self.send_response(receiver.next.pop(0) if receiver.next else receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        receiver.url = f"http://user:secret@{address}/api/v1/write"
        yield receiver


def families() -> list[Family]:
    return [Family(METRICS["agentgauge_analyzer_series"], {(): 3.0})]


def test_a_request_is_what_the_protocol_asks_for(receiver: Receiver) -> None:
    assert RemoteWriter(families, receiver.url, 5, 5, {}).send()
    (headers,) = receiver.headers
    assert headers["Content-Encoding"] == "snappy"
    assert headers["Content-Type"] == "application/x-protobuf"
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    assert headers["Authorization"].startswith("Basic ")


def test_failures_are_told_once_without_the_password(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    writer = RemoteWriter(families, receiver.url, 0.01, 5, {})
    receiver.status = 503
    assert not writer.send()
    assert not writer.send()
    receiver.status = 204
    assert writer.send()
    assert writer.send()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "HTTP status 503" in said[0]
    assert "again" in said[1]
    assert "secret" not in " ".join(said)


def counted(writer: RemoteWriter) -> dict[str, float]:
    (family,) = writer.families()
    return {labels[0]: value for labels, value in family.samples.items() if isinstance(value, float)}


def test_what_may_yet_be_taken_is_sent_a_few_times_and_counted(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    writer = RemoteWriter(families, receiver.url, 0.01, 5, {})
    assert counted(writer) == {"sent": 0, "failed": 0, "retried": 0}
    receiver.next = [503, 429]
    assert writer.send()
    assert counted(writer) == {"sent": 1, "failed": 0, "retried": 2}
    assert caplog.records == []
    receiver.next = [500] * 10
    assert not writer.send()
    assert len(receiver.next) == 10 - ATTEMPTS
    assert counted(writer) == {"sent": 1, "failed": 1, "retried": 4}


def test_what_is_refused_is_not_sent_again(receiver: Receiver) -> None:
    writer = RemoteWriter(families, receiver.url, 0.01, 5, {})
    receiver.status = 400
    assert not writer.send()
    assert len(receiver.headers) == 1
    assert counted(writer) == {"sent": 0, "failed": 1, "retried": 0}


def test_what_ended_while_nothing_was_taken_is_told_as_soon_as_it_is(receiver: Receiver) -> None:
    told = families()
    writer = RemoteWriter(lambda: told, receiver.url, 0.01, 5, {})
    assert writer.send()
    told.clear()
    receiver.status = 400
    assert not writer.send()
    receiver.status = 204
    assert writer.send()
    assert counted(writer)["sent"] == 2
    assert writer.send()
    assert counted(writer)["sent"] == 2


def test_one_who_is_not_there_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as gone:
        url = gone.url
    assert not RemoteWriter(families, url, 0.01, 5, {}).send()
    assert "cannot be reached" in caplog.text


def test_what_is_no_url_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="remote_write_url"):
        RemoteWriter(families, "prometheus:9090", 5, 5, {})


def test_run_sends_until_told_to_stop_and_says_that_it_ended(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stop = threading.Event()
    writer = RemoteWriter(families, receiver.url, 0.01, 5, {})
    thread = threading.Thread(target=writer.run, args=(stop,))
    thread.start()
    while len(receiver.headers) < 3:
        stop.wait(0.01)
    stop.set()
    thread.join()
    assert len(receiver.headers) >= 4
    assert not caplog.records
