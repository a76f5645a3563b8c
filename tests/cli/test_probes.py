import http.server
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import DEADLINE, Start
from tests.integration.servers import listening


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        return


@pytest.fixture
def port() -> Iterator[int]:
    with listening(http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)) as address:
        yield int(address.rpartition(":")[2])


def test_declared_probes_are_exposed(start: Start, tmp_path: Path, port: int) -> None:
    file = tmp_path / "agentgauge.yml"
    file.write_text(f"""
exporter: {{interval_seconds: 0.1}}
probes:
  - {{name: well, http: "http://127.0.0.1:{port}/health", interval_seconds: 1}}
  - {{name: ill, http: "http://127.0.0.1:{port}/", interval_seconds: 1}}
  - {{name: slow, command: [sleep, "61"], timeout_seconds: 90}}
""")
    exporter = start("exporter", "--config.file", str(file), "--web.listen-address", "127.0.0.1:0")
    deadline, found = time.monotonic() + DEADLINE, dict[str, float]()
    while len(found) < 2:
        samples = exporter.scrape()
        found = {dict(labels)["probe"]: value for (name, labels), value in samples.items() if "probe_success" in name}
        assert time.monotonic() < deadline, exporter.output
        time.sleep(0.05)
    assert found == {"well": 1.0, "ill": 0.0}
    assert exporter.stop() == 0
