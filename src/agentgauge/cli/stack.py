"""``agentgauge stack``: the whole pipeline on this machine, with this repository's own configuration."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import click

from agentgauge.errors import UsageError

_STOP_SECONDS: Final = 10.0
_GRAFANA_HOMES: Final = ("/usr/share/grafana", "/opt/homebrew/opt/grafana/share/grafana")


class _Program(NamedTuple):
    """One program of the stack: what it is called, its command, where it runs, and where it answers."""

    name: str
    command: Sequence[str]
    directory: Path
    address: str
    environment: dict[str, str]


@click.command
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The repository, which has prometheus/, alertmanager/ and grafana/; the current directory by default.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Keep the servers' data here, not in a scratch directory."
)
@click.option("--no-sample", is_flag=True, help="Run no sample agent.")
def stack(directory: Path, data: Path | None, no_sample: bool) -> None:
    """Run exporter, analyzer, Prometheus, Alertmanager and Grafana, as far as installed, until Ctrl-C."""
    directory = directory.resolve()
    if not (directory / "prometheus" / "prometheus.yml").is_file():
        raise UsageError(f"stack: {directory} has no prometheus/prometheus.yml; give the repository with --directory")
    scratch = Path(tempfile.mkdtemp(prefix="agentgauge-stack-")) if data is None else data.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _interrupt)
    running: list[tuple[_Program, subprocess.Popen[bytes]]] = []
    try:
        for program in _programs(directory, scratch, no_sample):
            running.append((program, _start(program, scratch)))
            print(f"{program.name:13} {program.address}", flush=True)
        print(f"logs and data {scratch}\nCtrl-C stops all of it.", flush=True)
        _watch(running, scratch)
    except KeyboardInterrupt:
        print("stopping", flush=True)
    finally:
        _stop([process for _, process in reversed(running)])
        if data is None:
            shutil.rmtree(scratch, ignore_errors=True)


def _programs(directory: Path, scratch: Path, no_sample: bool) -> list[_Program]:
    own = [sys.executable, "-m", "agentgauge"]
    prometheus = _installed("prometheus")
    alertmanager = _installed("alertmanager", "prometheus-alertmanager")
    if prometheus is None:
        # Without a Prometheus there is nothing for an analyzer of its own to ask.
        sample = ["--no-sample"] if no_sample else []
        return [_Program("agentgauge", [*own, "serve", *sample], directory, "http://127.0.0.1:10420/", {})]
    programs = [
        _Program("exporter", [*own, "exporter"], directory, "http://127.0.0.1:10420/", {}),
        _Program(
            "analyzer",
            [*own, "analyzer", "--prometheus.url=http://127.0.0.1:9090"],
            directory,
            "http://127.0.0.1:10421/",
            {},
        ),
        _Program(
            "Prometheus",
            [
                prometheus,
                f"--config.file={directory / 'prometheus' / 'prometheus.yml'}",
                f"--storage.tsdb.path={scratch / 'prometheus'}",
                "--web.listen-address=127.0.0.1:9090",
                "--web.external-url=http://127.0.0.1:9090",
                "--log.level=warn",
            ],
            directory,
            "http://127.0.0.1:9090/",
            {},
        ),
    ]
    if not no_sample:
        programs.insert(1, _Program("sample agent", [sys.executable, "-m", "agentgauge.sample"], directory, "", {}))
    if alertmanager is not None:
        programs.append(
            _Program(
                "Alertmanager",
                [
                    alertmanager,
                    "--config.file=alertmanager.yml",
                    f"--storage.path={scratch / 'alertmanager'}",
                    "--web.listen-address=127.0.0.1:9093",
                    "--web.external-url=http://127.0.0.1:9093",
                    "--cluster.listen-address=",
                    "--log.level=warn",
                ],
                directory / "alertmanager",
                "http://127.0.0.1:9093/",
                {},
            )
        )
    grafana = _grafana(directory, scratch)
    if grafana is not None:
        programs.append(grafana)
    missing = [name for name, found in (("Alertmanager", alertmanager), ("Grafana", grafana)) if found is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; going on without", flush=True)
    return programs


def _grafana(directory: Path, scratch: Path) -> _Program | None:
    binary = _installed("grafana", "grafana-server")
    home = next((path for path in _GRAFANA_HOMES if Path(path).is_dir()), None)
    if binary is None or home is None:
        return None
    environment = {
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_PATHS_DATA": str(scratch / "grafana"),
        "GF_PATHS_LOGS": str(scratch / "grafana"),
        "GF_PATHS_PROVISIONING": str(directory / "grafana" / "provisioning"),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "AGENTGAUGE_DASHBOARDS": str(directory / "grafana" / "dashboards"),
        "AGENTGAUGE_PROMETHEUS_URL": "http://127.0.0.1:9090",
    }
    server = [] if binary.endswith("grafana-server") else ["server"]
    return _Program(
        "Grafana", [binary, *server, f"--homepath={home}"], directory, "http://127.0.0.1:3000/", environment
    )


def _installed(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


def _start(program: _Program, scratch: Path) -> "subprocess.Popen[bytes]":
    with open(_log(program, scratch), "ab") as log:
        # A session of its own: Ctrl-C is for us, who then stop them in order.
        return subprocess.Popen(
            program.command,
            cwd=program.directory,
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _log(program: _Program, scratch: Path) -> Path:
    return scratch / f"{program.name.lower().replace(' ', '-')}.log"


def _watch(running: list[tuple[_Program, "subprocess.Popen[bytes]"]], scratch: Path) -> None:
    """Wait for Ctrl-C; raises UsageError with a program's last words when it ends by itself."""
    while True:
        for program, process in running:
            status = process.poll()
            if status is not None:
                lines = _log(program, scratch).read_text(errors="replace").strip().splitlines()
                raise UsageError(
                    f"stack: {program.name} ended with status {status}: {lines[-1] if lines else 'no word'}"
                )
        time.sleep(0.2)


def _stop(processes: list["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
