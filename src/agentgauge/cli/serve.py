"""``agentgauge serve``: exporter and analyzer in one process, with a sample agent beside it."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from agentgauge.cli.analyzer import Families, remote_write
from agentgauge.cli.exporter import Task, configured, exporter_options, print_addresses, serve_until_stopped, start_log
from agentgauge.cli.urls import checked_url, without_password
from agentgauge.configuration import Analyzer as Settings
from agentgauge.errors import ConfigurationError, UsageError
from agentgauge.exporter.exporter import Exporter
from agentgauge.totals import Family
from agentgauge.web.app import Surface
from agentgauge.web.page import Status, render_page
from agentgauge.web.serving import open_server
from agentgauge.web.views import SignalViews
from agentgauge_spool import home

if TYPE_CHECKING:
    from agentgauge.analyzer.service import Analyzer

_SAMPLE_STOP_SECONDS: Final = 1.0
_READY_SECONDS: Final = 0.2


@click.command
@exporter_options
@click.option("--prometheus.url", "prometheus_url", help="Judge the series of this Prometheus, not this process' own.")
@click.option("--grafana.url", "grafana_url", help="A Grafana the status page links to.")
@click.option("--no-sample", is_flag=True, help="Run no sample agent.")
def serve(
    config_file: Path | None,
    listen_addresses: Sequence[str],
    web_config_file: Path | None,
    transcripts: Path | None,
    prometheus_url: str | None,
    grafana_url: str | None,
    no_sample: bool,
) -> None:
    """Serve /metrics, the analyzer's findings and a status page; needs no Prometheus."""
    start_log()
    configuration = configured(config_file, transcripts)
    settings = configuration.analyzer
    if prometheus_url is not None:
        settings = msgspec.structs.replace(settings, prometheus_url=checked_url("--prometheus.url", prometheus_url))
    links = [("Prometheus", without_password(settings.prometheus_url))] if settings.prometheus_url else []
    if grafana_url is not None:
        links.append(("Grafana", checked_url("--grafana.url", grafana_url)))
    running = Exporter(configuration, Path(home()))
    try:
        analyzer, found, writing = _analyzer(settings, running.known_families, config_file)

        def families() -> list[Family]:
            return [*running.families(), *found()]

        def analyze(stop: threading.Event) -> None:
            # A backlog folded between two ticks would look like a burst.
            while not running.ready and not stop.wait(_READY_SECONDS):
                pass
            analyzer.run(stop)

        def status() -> Status:
            return running.status(analyzer.rows(), links, sample=not no_sample, problem=analyzer.problem)

        signals = SignalViews(status, analyzer.detail)
        views = (lambda: render_page(status()), lambda: running.ready, running.hooks, signals, analyzer.report)
        surface = Surface(families, *views, unready=running.own_families)
        server = open_server(surface, listen_addresses, web_config_file)
        read = without_password(settings.prometheus_url) or "what this process counts"
        sample = "none" if no_sample else "a sample agent with hooks, so that numbers move; --no-sample leaves it out"
        print_addresses(server, configuration, ("signals", read), ("sample", sample))
        with _sample_agent(started=not no_sample):
            serve_until_stopped(server, [running.run, running.follow_spool, analyze, *writing])
    finally:
        running.close()


def _analyzer(
    settings: Settings, counted: Families, config_file: Path | None
) -> "tuple[Analyzer, Families, list[Task]]":
    """Return the analyzer, its families, and what writes them elsewhere."""
    try:
        from agentgauge.analyzer.engine import opened
        from agentgauge.analyzer.service import Analyzer
        from agentgauge.analyzer.source.embedded import EmbeddedSource
        from agentgauge.analyzer.source.prometheus import PrometheusSource
    except ModuleNotFoundError as error:
        raise UsageError(f"serve needs {error.name}: pip install 'agentgauge[analyzer]'") from error
    url, timeout = settings.prometheus_url, settings.timeout_seconds
    try:
        source = PrometheusSource(url, timeout) if url else EmbeddedSource(counted)
        engine = opened(settings.engine, timeout)
        analyzer = Analyzer(settings, source, Path(home()) / "analyzer" / "state.npz", engine=engine)
        return analyzer, *remote_write(settings, analyzer.families, socket.gethostname())
    except ConfigurationError as error:
        # A signal that can have no value is found here, where the file it comes from is no longer known.
        raise ConfigurationError(f"{config_file}: {error}" if config_file else str(error)) from error


@contextmanager
def _sample_agent(*, started: bool) -> Iterator[None]:
    """Run the sample agent, a process of its own that also ends by itself when this one is killed."""
    if not started:
        yield
        return
    environment = {**os.environ, "AGENTGAUGE_HOME": home()}
    command = [sys.executable, "-m", "agentgauge.sample", str(os.getpid())]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_SAMPLE_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
