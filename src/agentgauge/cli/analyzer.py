"""``agentgauge analyzer``: the signals of a Prometheus, judged, as /metrics."""

import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from agentgauge import __version__
from agentgauge.cli.exporter import Task, serve_until_stopped, serving_options, start_log
from agentgauge.cli.urls import checked_url
from agentgauge.configuration import Analyzer as Settings
from agentgauge.configuration import load
from agentgauge.errors import ConfigurationError, UsageError
from agentgauge.totals import Family
from agentgauge.web.app import Surface
from agentgauge.web.page import Status, render_page
from agentgauge.web.serving import open_server
from agentgauge.web.views import SignalViews
from agentgauge_spool import home

Families = Callable[[], list[Family]]

_ADDRESS: Final = "127.0.0.1:10421"
_PROMETHEUS: Final = "http://127.0.0.1:9090"


@click.command
@click.option(
    "--prometheus.url",
    "prometheus_url",
    metavar="URL",
    help=f"Any engine that speaks PromQL.  [default: analyzer.prometheus_url of the configuration, or {_PROMETHEUS}]",
)
@serving_options(_ADDRESS)
@click.option("--shard", metavar="I/N", help="Watch one of N shares of the series; N analyzers share them.")
@click.option(
    "--engine",
    metavar="ENGINE",
    help="What does the per-series work: local, or dask://HOST:PORT.  [default: analyzer.engine of the configuration]",
)
def analyzer(
    prometheus_url: str | None,
    config_file: Path | None,
    listen_addresses: Sequence[str],
    web_config_file: Path | None,
    shard: str | None,
    engine: str | None,
) -> None:
    """Judge the signals in a Prometheus and serve the findings as /metrics."""
    start_log()
    settings = load(config_file).analyzer
    if prometheus_url is not None:
        prometheus_url = checked_url("--prometheus.url", prometheus_url)
    url = prometheus_url or settings.prometheus_url or _PROMETHEUS
    settings = msgspec.structs.replace(settings, prometheus_url=url, engine=engine or settings.engine)
    try:
        from agentgauge.analyzer.engine import opened
        from agentgauge.analyzer.service import Analyzer
        from agentgauge.analyzer.source import Source
        from agentgauge.analyzer.source.prometheus import PrometheusSource
        from agentgauge.analyzer.source.sharded import ShardedSource, parsed
    except ModuleNotFoundError as error:
        raise UsageError(f"analyzer needs {error.name}: pip install 'agentgauge[analyzer]'") from error
    try:
        source = PrometheusSource(url, settings.timeout_seconds)
        part = parsed(shard) if shard is not None else None
        # Shards on one machine each have their own memory.
        state = f"state-{part}.npz" if part else "state.npz"
        read: Source = ShardedSource(source, part) if part else source
        worker = opened(settings.engine, settings.timeout_seconds)
        running = Analyzer(settings, read, Path(home()) / "analyzer" / state, engine=worker)
        instance = f"{socket.gethostname()}/{part}" if part else socket.gethostname()
        families, writing = remote_write(settings, running.families, instance)
    except ConfigurationError as error:
        place = f"{config_file}: " if config_file else ""
        raise ConfigurationError(f"{place}{error}") from error
    started = time.time()

    def status() -> Status:
        return Status(
            __version__,
            time.time(),
            started,
            running.ready,
            signals=running.rows(),
            links=[("Prometheus", source.url)],
            problem=running.problem,
        )

    signals = SignalViews(status, running.detail)
    surface = Surface(families, lambda: render_page(status()), lambda: running.ready, None, signals, running.report)
    server = open_server(surface, listen_addresses, web_config_file)
    for address in server.urls:
        print(f"{'status page':12} {address}/\n{'metrics':12} {address}/metrics")
    print(f"{'signals':12} {source.url}\n{'engine':12} {settings.engine}\nCtrl-C stops it.", flush=True)
    serve_until_stopped(server, [running.run, *writing])


def remote_write(settings: Settings, families: Families, instance: str) -> tuple[Families, list[Task]]:
    """Return an analyzer's families with the writer's own, and what writes them where the configuration says so.

    Args:
        settings: the configuration's section.
        families: the analyzer's.
        instance: the label, as a scrape adds it.

    Raises:
        ConfigurationError, UsageError: it is no URL; the extra is not installed.
    """
    if not settings.remote_write_url:
        return families, []
    try:
        from agentgauge.analyzer.remote_write import RemoteWriter
    except ModuleNotFoundError as error:
        raise UsageError(
            f"analyzer.remote_write_url needs {error.name}: pip install 'agentgauge[remote-write]'"
        ) from error
    labels = {"job": "agentgauge-analyzer", "instance": instance}
    interval, timeout = settings.interval_seconds, settings.timeout_seconds
    writer = RemoteWriter(lambda: everything(), settings.remote_write_url, interval, timeout, labels)

    def everything() -> list[Family]:
        return [*families(), *writer.families()]

    return everything, [writer.run]
