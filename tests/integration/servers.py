"""Real Prometheus and Alertmanager for tests, and receivers for what they send.

Everything listens on a free loopback port, keeps its data under the test's directory and is stopped by its own pid::

    with webhook_receiver() as hook, alertmanager(tmp_path, shipped_alertmanager(tmp_path, webhook=hook.url)) as am:
        config = shipped_prometheus(tmp_path, exporter="127.0.0.1:1", analyzer="127.0.0.1:2", alertmanager=am.address)
        with prometheus(tmp_path, config) as prom:
            until(lambda: prom.query("up == 1"))
            hook.wait_for(lambda received: received.json()["status"] == "resolved")

A test that needs a server which is not installed is skipped.
"""

import json
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest
import requests
import yaml

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0

Answer = TypeVar("Answer")


def until(question: Callable[[], Answer], timeout: float = PATIENCE) -> Answer:
    """Asks until the answer is true and returns it; fails the test after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := question()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout:g} s; the last answer was {answer!r}")
        time.sleep(0.05)
    return answer


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def binary(*names: str) -> str:
    """The first of the programs that is installed; skips the test when none is."""
    for name in names:
        if path := shutil.which(name):
            return path
    pytest.skip(f"{names[0]} is not installed")


@dataclass(frozen=True)
class Server:
    """A running server: its address (host:port), its pid and the file its log goes to."""

    address: str
    pid: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def get(self, path: str, **parameters: str) -> Any:
        """The JSON answer to GET `path`; a Prometheus answer's `data` alone."""
        response = requests.get(self.url + path, params=parameters, timeout=PATIENCE)
        assert response.ok, f"{path} {parameters}: {response.status_code} {response.text}"
        answer = response.json()
        return answer["data"] if isinstance(answer, dict) and "data" in answer else answer


class Prometheus(Server):
    """A running Prometheus."""

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The instant vector of `expr` now: dictionaries with `metric` (labels) and `value` ([time, text])."""
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expr)["result"]
        return result


class Alertmanager(Server):
    """A running Alertmanager."""

    def post(self, *alerts: dict[str, Any]) -> None:
        """Receives alerts as if from Prometheus: `labels`, and perhaps `annotations`, `startsAt`, `endsAt`."""
        response = requests.post(f"{self.url}/api/v2/alerts", json=alerts, timeout=PATIENCE)
        assert response.ok, response.text

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts it has, with `status` (state, inhibitedBy, silencedBy) and `receivers`."""
        answer: list[dict[str, Any]] = self.get("/api/v2/alerts")
        return answer


@contextmanager
def prometheus(
    tmp_path: Path, config: str | Path, extra_flags: Sequence[str] = (), history: str = ""
) -> Iterator[Prometheus]:
    """Runs Prometheus with a configuration's text, or with a configuration file where it lies.

    `history` is OpenMetrics text with timestamps that it has stored from the start.
    """
    data = Path(tempfile.mkdtemp(prefix="tsdb-", dir=tmp_path))
    if history:
        recorded = _file(tmp_path, history)
        import_blocks = [binary("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
        subprocess.run([*import_blocks, recorded, data], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)
    command = [binary("prometheus"), f"--config.file={_file(tmp_path, config)}", "--log.level=warn", *extra_flags]
    with _running(tmp_path, [*command, f"--storage.tsdb.path={data}"], tmp_path) as (address, pid, log):
        yield Prometheus(address, pid, log)


@contextmanager
def victoria_metrics(tmp_path: Path, extra_flags: Sequence[str] = ()) -> Iterator[Prometheus]:
    """Runs VictoriaMetrics, which answers as a Prometheus does; it has nothing stored."""
    data = tempfile.mkdtemp(prefix="victoria-", dir=tmp_path)
    command = [binary("victoria-metrics"), f"-storageDataPath={data}", "-loggerLevel=WARN", *extra_flags]
    with _running(tmp_path, command, tmp_path, "-httpListenAddr") as (address, pid, log):
        yield Prometheus(address, pid, log)


@contextmanager
def alertmanager(tmp_path: Path, config: str | Path, extra_flags: Sequence[str] = ()) -> Iterator[Alertmanager]:
    """Runs Alertmanager alone, in its configuration file's directory, which secrets' paths are relative to."""
    file = _file(tmp_path, config)
    command = [binary("alertmanager", "prometheus-alertmanager"), f"--config.file={file}", "--cluster.listen-address="]
    data = tempfile.mkdtemp(prefix="alertmanager-data-", dir=tmp_path)
    command = [*command, f"--storage.path={data}", *extra_flags]
    with _running(tmp_path, command, file.parent) as (address, pid, log):
        yield Alertmanager(address, pid, log)


def shipped_prometheus(
    tmp_path: Path, *, exporter: str, analyzer: str, alertmanager: str = "", services: Sequence[str] = ()
) -> Path:
    """A copy of the shipped configuration with other addresses (host:port; "" for none), and nothing else changed."""
    copy = Path(tempfile.mkdtemp(prefix="prometheus-", dir=tmp_path)) / "prometheus"
    shutil.copytree(PROJECT / "prometheus", copy)
    addresses = {"exporter": exporter, "analyzer": analyzer, "alertmanager": alertmanager}
    for name, address in addresses.items():
        (copy / "targets" / f"{name}.yml").write_text(json.dumps([{"targets": [address]}] if address else []))
    (copy / "services" / "services.yml").write_text(json.dumps([{"targets": list(services)}]))
    return copy / "prometheus.yml"


def shipped_alertmanager(
    tmp_path: Path, *, webhook: str = "", slack: str = "", smtp: str = "", heartbeat: str = ""
) -> Path:
    """A copy of the shipped configuration with the given channels open (URLs; host:port for smtp), the rest muted."""
    copy = Path(tempfile.mkdtemp(prefix="alertmanager-", dir=tmp_path)) / "alertmanager"
    shutil.copytree(PROJECT / "alertmanager", copy)
    config = yaml.safe_load((copy / "alertmanager.yml").read_text())
    channels = {"webhook": webhook, "slack-critical": slack, "slack-warning": slack, "email": smtp}
    channels["heartbeat"] = heartbeat
    for route in config["route"]["routes"]:
        if channels[route["receiver"]]:
            del route["mute_time_intervals"]
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", ()):
            hook["url"] = channels[receiver["name"]] or hook["url"]
    if smtp:
        config["global"].update(smtp_smarthost=smtp, smtp_require_tls=False)
    (copy / "secrets" / "slack_api_url").write_text(slack)
    (copy / "secrets" / "webhook_token").write_text("token-of-the-test")
    (copy / "alertmanager.yml").write_text(yaml.safe_dump(config))
    return copy / "alertmanager.yml"


@dataclass(frozen=True)
class Received:
    """One POST: its path, headers and body, and when it had arrived in unix seconds."""

    path: str
    headers: dict[str, str]
    body: bytes
    time: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Mail:
    """One message: its envelope's recipients, its content, and when it had arrived in unix seconds."""

    recipients: list[str]
    content: EmailMessage
    time: float


Item = TypeVar("Item", Received, Mail)


@dataclass
class Inbox(Generic[Item]):
    """What arrived at a receiver, in order of arrival; its address is host:port."""

    address: str
    received: list[Item] = field(default_factory=list)
    _arrival: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def put(self, item: Item) -> None:
        with self._arrival:
            self.received.append(item)
            self._arrival.notify_all()

    def wait_for(self, wanted: Callable[[Item], bool], timeout: float = PATIENCE) -> Item:
        """The first item that is wanted, already here or still to come; fails the test after `timeout` seconds."""
        with self._arrival:
            self._arrival.wait_for(lambda: any(map(wanted, self.received)), timeout)
            found = next(filter(wanted, self.received), None)
        return found if found is not None else pytest.fail(f"not among {len(self.received)} received: {self.received}")


@contextmanager
def webhook_receiver() -> Iterator[Inbox[Received]]:
    """Keeps every POST, whatever its path, and answers as Slack does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.put(Received(self.path, dict(self.headers), body, time.time()))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        inbox = Inbox[Received](address)
        yield inbox


@contextmanager
def smtp_receiver() -> Iterator[Inbox[Mail]]:
    """Keeps every mail; speaks as much SMTP (RFC 5321) as a client without TLS and user needs."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.reply("220 test")
            recipients: list[str] = []
            while line := self.rfile.readline():
                verb, _, argument = line.decode().rstrip().partition(" ")
                if verb.upper() == "DATA":
                    self.reply("354 go on")
                    content = b"".join(iter(self.rfile.readline, b".\r\n"))
                    inbox.put(Mail(recipients, message_from_bytes(content, policy=policy.default), time.time()))
                elif verb.upper() == "RCPT":
                    recipients.append(argument.removeprefix("TO:").strip("<>"))
                self.reply("221 bye" if verb.upper() == "QUIT" else "250 ok")

        def reply(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

    class Threading(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with listening(Threading(("127.0.0.1", 0), Handler)) as address:
        inbox = Inbox[Mail](address)
        yield inbox


@contextmanager
def listening(server: socketserver.TCPServer) -> Iterator[str]:
    """Runs a server of a test's own in a thread; yields its host:port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    host, port = server.server_address[:2]
    try:
        yield f"{host!s}:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _file(tmp_path: Path, config: str | Path) -> Path:
    if isinstance(config, Path):
        return config
    file = Path(tempfile.mkdtemp(dir=tmp_path)) / "config.yml"
    file.write_text(config)
    return file


@contextmanager
def _running(
    tmp_path: Path, command: list[str], cwd: Path, listen: str = "--web.listen-address"
) -> Iterator[tuple[str, int, Path]]:
    scratch = Path(tempfile.mkdtemp(prefix="server-", dir=tmp_path))
    address = f"127.0.0.1:{free_port()}"
    log = scratch / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"{listen}={address}"],
            cwd=cwd,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            until(lambda: process.poll() is not None or _ready(address))
            assert process.poll() is None, log.read_text()
            yield address, process.pid, log
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/-/ready", timeout=PATIENCE).ok
    except requests.ConnectionError:
        return False
