"""The stack in containers. No engine runs here: what is tested is that the files fit each other and the programs."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from agentgauge.cli import group
from tests.grafana.boards import PROJECT
from tests.integration.servers import binary

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
PORTS: Final = {"exporter": 10420, "analyzer": 10421, "prometheus": 9090, "alertmanager": 9093, "grafana": 3000}
CLIENTS: Final = {
    "exporter": "python",
    "analyzer": "python",
    "prometheus": "promtool",
    "alertmanager": "amtool",
    "grafana": "curl",
}
"""The programs of each image that can ask whether its server is well."""
DOCKERFILE: Final = (PROJECT / "Dockerfile").read_text()

every_service = pytest.mark.parametrize("name", SERVICES)


def mounts(name: str) -> list[tuple[str, str, bool]]:
    """(source, target, read-only) of each volume."""
    found = []
    for volume in SERVICES[name]["volumes"]:
        if isinstance(volume, dict):
            found.append((volume["source"], volume["target"], volume.get("read_only", False)))
        else:
            source, target, *mode = volume.split(":")
            found.append((source, target, mode == ["ro"]))
    return found


def test_the_five_services_are_there() -> None:
    assert SERVICES.keys() == PORTS.keys()


@every_service
def test_a_service_is_published_on_loopback_alone(name: str) -> None:
    port = PORTS[name]
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert "network_mode" not in SERVICES[name]


@every_service
def test_an_image_is_pinned_to_a_release(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "agentgauge:local" if "build" in SERVICES[name] else re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", image)


@every_service
def test_a_service_has_no_privileges_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith(("0", "root"))
    assert service["restart"] == "unless-stopped"
    assert not {"privileged", "cap_add", "pid", "devices"} & service.keys()
    assert service["mem_limit"]
    assert service["read_only"] if name != "grafana" else "read_only" not in service


@every_service
def test_health_is_asked_of_the_own_port_by_a_program_in_the_image(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    kind, program, *arguments = check["test"]
    assert (kind, program) == ("CMD", CLIENTS[name])
    assert f"http://127.0.0.1:{PORTS[name]}" in " ".join(arguments)
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


@every_service
def test_a_service_waits_for_healthy_services_only(name: str) -> None:
    for other, condition in SERVICES[name].get("depends_on", {}).items():
        assert condition == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[other]


@every_service
def test_what_is_mounted_from_the_repository_exists_and_is_read_only(name: str) -> None:
    inside = [(source, read_only) for source, _, read_only in mounts(name) if source.startswith(".")]
    for source, read_only in inside:
        assert (PROJECT / source).exists(), source
        assert read_only, source
    assert bool(inside) == ("build" not in SERVICES[name])


def test_named_volumes_are_declared_and_used() -> None:
    used = {source for name in SERVICES for source, _, _ in mounts(name) if re.fullmatch(r"\w+", source)}
    assert used == COMPOSE["volumes"].keys()


def test_nothing_is_made_in_a_users_home_and_transcripts_are_only_read() -> None:
    binds = [volume for volume in SERVICES["exporter"]["volumes"] if isinstance(volume, dict)]
    assert [bind["bind"] for bind in binds] == [{"create_host_path": False}] * 2
    assert {(target, read_only) for source, target, read_only in mounts("exporter") if "$" in source} == {
        ("/var/lib/agentgauge/spool", False),
        ("/home/agentgauge/.claude/projects", True),
    }
    assert SERVICES["exporter"]["environment"]["HOME"] == "/home/agentgauge"
    assert "AGENTGAUGE_HOME=/var/lib/agentgauge" in DOCKERFILE


def test_no_secret_is_in_the_files() -> None:
    for service in SERVICES.values():
        assert not [key for key in service.get("environment", {}) if re.search("(?i)password|secret|token|key", key)]
    assert not (PROJECT / ".env").exists()


def test_prometheus_finds_the_others_where_its_configuration_looks() -> None:
    places = {target: PROJECT / source for source, target, _ in mounts("prometheus") if source.startswith(".")}
    config = yaml.safe_load(places["/etc/prometheus/prometheus.yml"].read_text())
    assert places["/etc/prometheus/rules"] == PROJECT / "prometheus" / "rules"
    discovered = [
        file
        for entry in (*config["scrape_configs"], *config["alerting"]["alertmanagers"])
        for sd in entry["file_sd_configs"]
        for file in sd["files"]
    ]
    for file in map(Path, discovered):
        assert list(places[f"/etc/prometheus/{file.parent}"].glob(file.name)), file
    for name in ("exporter", "analyzer", "alertmanager"):
        (entry,) = yaml.safe_load((places["/etc/prometheus/targets"] / f"{name}.yml").read_text())
        assert entry["targets"] == [f"{name}:{PORTS[name]}"]


def test_alertmanager_starts_where_its_paths_begin() -> None:
    service = SERVICES["alertmanager"]
    assert ("./alertmanager", service["working_dir"], True) in mounts("alertmanager")
    assert f"--config.file={service['working_dir']}/alertmanager.yml" in service["command"]


@pytest.mark.parametrize(
    ("name", "programs"),
    [("prometheus", ["prometheus"]), ("alertmanager", ["alertmanager", "prometheus-alertmanager"])],
)
def test_a_servers_flags_are_ones_it_knows(name: str, programs: list[str]) -> None:
    done = subprocess.run([binary(*programs), "--help"], capture_output=True, text=True)
    known = set(re.findall(r"--[\w.-]+", done.stdout + done.stderr))
    assert {flag.split("=")[0] for flag in SERVICES[name]["command"]} <= known


@pytest.mark.parametrize("name", ["exporter", "analyzer"])
def test_our_own_options_are_ones_the_command_has(name: str) -> None:
    command, *options = SERVICES[name]["command"]
    found = group.get_command(click.Context(group), command)
    assert found
    known = {option for parameter in found.params for option in parameter.opts}
    assert {option.split("=")[0] for option in options} <= known
    assert f"--web.listen-address=0.0.0.0:{PORTS[name]}" in options


def test_the_image_is_built_in_stages_from_what_exists_and_runs_as_nobody_special() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["1000:1000"]
    assert '".[all]"' in DOCKERFILE


def test_the_image_is_built_from_all_that_the_package_is_made_of() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    setuptools = project["tool"]["setuptools"]
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    needed |= {Path(file).parts[0] for file in setuptools["script-files"]} | {*setuptools["packages"]["find"]["where"]}
    copied = {
        source for sources in re.findall(r"^COPY ([^-].*) \S+$", DOCKERFILE, re.MULTILINE) for source in sources.split()
    }
    assert copied == needed
    allowed = {line.removeprefix("!") for line in (PROJECT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert allowed == needed
    assert all((PROJECT / source).exists() for source in needed)
