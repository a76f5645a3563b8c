"""A server that answers PromQL queries as a test wants it to, faults included."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from tests.integration.servers import listening

Answer = tuple[int, str, bytes]


class Fake:
    """The server's address, how it answers, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda path, form: vector()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.release = threading.Event()


def success(kind: str, result: Any) -> Answer:
    body = {"status": "success", "data": {"resultType": kind, "result": result}}
    return 200, "application/json", json.dumps(body).encode()


def vector(*samples: tuple[dict[str, str], str]) -> Answer:
    return success("vector", [{"metric": labels, "value": [1_700_000_000.0, value]} for labels, value in samples])


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> Answer:
    return success("matrix", [{"metric": labels, "values": values} for labels, values in series])


def error(status: int, kind: str, text: str) -> Answer:
    return status, "application/json", json.dumps({"status": "error", "errorType": kind, "error": text}).encode()


@contextmanager
def serving() -> Iterator[Fake]:
    fake = Fake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            fake.asked.append((self.path, form))
            status, content_type, body = fake.answer(self.path, form)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            with suppress(BrokenPipeError):  # who asked did not wait
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        fake.url = f"http://{address}"
        try:
            yield fake
        finally:
            fake.release.set()
