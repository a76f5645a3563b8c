"""``agentgauge exporter``: spool, transcripts and processes as /metrics; what ``serve`` shares with it is here too."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from agentgauge.configuration import Configuration, load
from agentgauge.errors import UsageError
from agentgauge.exporter.exporter import Exporter
from agentgauge.exporter.watched import tilde
from agentgauge.pricing import read_own_prices
from agentgauge.web.app import Surface
from agentgauge.web.page import render_page
from agentgauge.web.server import WebServer
from agentgauge.web.serving import open_server
from agentgauge_spool import home

Task = Callable[[threading.Event], None]

_log: Final = logging.getLogger(__name__)
_ADDRESS: Final = "127.0.0.1:10420"
_JOIN_SECONDS: Final = 1.0
_FILE: Final = click.Path(path_type=Path)


def serving_options(address: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator that adds the options of a command that serves.

    Args:
        address: host:port where it listens by default.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--web.config.file", "web_config_file", type=_FILE, help="TLS, headers and users (YAML)."),
            click.option(
                "--web.listen-address",
                "listen_addresses",
                metavar="HOST:PORT",
                multiple=True,
                default=[address],
                show_default=address,
                help="Where to listen; may be given several times.",
            ),
            click.option("--config.file", "config_file", type=_FILE, help="Configuration (YAML)."),
        ):
            command = option(command)
        return command

    return add


def exporter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that runs an exporter."""
    transcripts = click.option(
        "--transcripts", type=_FILE, help="Claude Code transcripts under this directory instead."
    )
    return serving_options(_ADDRESS)(transcripts(command))


@click.command
@exporter_options
def exporter(
    config_file: Path | None, listen_addresses: Sequence[str], web_config_file: Path | None, transcripts: Path | None
) -> None:
    """Serve what spool, transcripts and processes bring as /metrics."""
    start_log()
    configuration = configured(config_file, transcripts)
    running = Exporter(configuration, Path(home()))
    views = (lambda: render_page(running.status()), lambda: running.ready, running.hooks)
    surface = Surface(running.families, *views, unready=running.own_families)
    try:
        server = open_server(surface, listen_addresses, web_config_file)
        print_addresses(server, configuration)
        serve_until_stopped(server, [running.run, running.follow_spool])
    finally:
        running.close()


def configured(config_file: Path | None, transcripts: Path | None) -> Configuration:
    """Read the configuration and put the command line's directory of transcripts into it.

    Raises:
        ConfigurationError: the file, or that of own prices, cannot be used.
        UsageError: the directory of transcripts does not exist.
    """
    configuration = load(config_file)
    read_own_prices()  # one that cannot be used is told now, not when the first call is priced
    if transcripts is None:
        return configuration
    if not transcripts.exists():
        raise UsageError(f"--transcripts: {transcripts} does not exist")
    replace = msgspec.structs.replace
    claude_code = replace(configuration.collectors.claude_code, enabled=True, directories=(str(transcripts),))
    return replace(configuration, collectors=replace(configuration.collectors, claude_code=claude_code))


def start_log() -> None:
    """Log to stderr, one line an event."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")


def print_addresses(server: WebServer, configuration: Configuration, *more: tuple[str, str]) -> None:
    """Say where to look and what is watched.

    Args:
        server: bound.
        configuration: of the exporter.
        more: further (heading, text) lines.
    """
    lines = [("status page", f"{url}/") for url in server.urls]
    lines += [("metrics", f"{url}/metrics") for url in server.urls]
    lines.append(("spool", tilde(f"{home()}/spool")))
    claude_code = configuration.collectors.claude_code
    if claude_code.enabled:
        lines.append(("transcripts", ", ".join(map(tilde, claude_code.directories))))
    lines.append(("processes", ", ".join(group.role for group in configuration.collectors.processes) or "none"))
    for heading, text in (*lines, *more):
        print(f"{heading:12} {text}")
    print("Ctrl-C stops it.", flush=True)


def serve_until_stopped(server: WebServer, tasks: Sequence[Task]) -> None:
    """Run tasks in threads and the server in this one until SIGINT or SIGTERM.

    Args:
        server: bound.
        tasks: each returns once its event is set; one that fails stops the server.

    Raises:
        SystemExit: a task failed, with status 1, so that who supervises us starts us again.
    """
    stop, failed = threading.Event(), threading.Event()

    def work(task: Task) -> None:
        try:
            task(stop)
        except Exception:  # noqa: BLE001 - whatever it is, half a service must not look like a whole one
            _log.exception("stopping, for a part of it failed")
            failed.set()
            server.stop()

    threads = [threading.Thread(target=work, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    try:
        server.run()
    finally:
        stop.set()
        for thread in threads:
            thread.join(_JOIN_SECONDS)
    if failed.is_set():
        raise SystemExit(1)
