"""Calls decorated by OpenLLMetry and OpenLIT, with an exporter that drops everything; timed here when asked for.

Run by ``calls`` with the interpreter of a virtual environment of their own (peers.txt): their dependencies are some
fifty packages, and pinned. A line in names a peer, a line out is the processor time of CALLS calls in seconds.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

CALLS = 2_000


def _work() -> None:
    return None


def _peers() -> dict[str, Callable[[], Any]]:
    os.environ |= {"TRACELOOP_TELEMETRY": "false", "TRACELOOP_METRICS_ENABLED": "false"}
    import openlit
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import tool

    class Null(SpanExporter):
        def export(self, spans: Sequence[Any]) -> Any:
            return SpanExportResult.SUCCESS

    Traceloop.init(exporter=Null(), instruments=set(), telemetry_enabled=False)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as prices:  # or it looks for some on the network
        prices.write("{}")
        prices.flush()
        # Takes the provider that is there, and with it the exporter.
        openlit.init(application_name="bench", disable_metrics=True, disable_events=True, pricing_json=prices.name)
    return {"openllmetry": tool(name="lookup")(_work), "openlit": openlit.trace(_work)}


def main() -> None:
    """Time what standard input names, line by line."""
    with contextlib.redirect_stdout(sys.stderr):
        peers = _peers()
    print("ready", flush=True)
    for line in sys.stdin:
        call = peers[line.strip()]
        start = time.process_time()
        for _ in range(CALLS):
            call()
        print(time.process_time() - start, flush=True)


if __name__ == "__main__":
    main()
