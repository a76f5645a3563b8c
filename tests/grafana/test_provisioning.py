"""Grafana's provisioning: the data source and the boards come from files, and nothing in them is secret."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.grafana.boards import BOARDS, PROJECT

PROVISIONING: Final = PROJECT / "grafana" / "provisioning"
FILES: Final = sorted(PROVISIONING.rglob("*.yml"))


def only(kind: str, key: str) -> dict[str, Any]:
    (file,) = (PROVISIONING / kind).glob("*.yml")
    (entry,) = yaml.safe_load(file.read_text())[key]
    assert isinstance(entry, dict)
    return entry


def test_there_is_a_data_source_and_a_provider_and_no_alerting() -> None:
    assert [file.parent.name for file in FILES] == ["dashboards", "datasources"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_file_is_of_the_version_grafana_knows_and_holds_no_secret(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["apiVersion"] == 1
    assert not re.search(r"(?i)password|secure|token|authorization", file.read_text())


def test_the_boards_choose_the_provisioned_data_source() -> None:
    source = only("datasources", "datasources")
    assert source["type"] == "prometheus"
    assert source["editable"] is False
    for board in BOARDS.values():
        current = board["templating"]["list"][0]["current"]
        assert current == {"text": source["name"], "value": source["uid"]}


def test_the_data_source_knows_the_shortest_scrape_interval() -> None:
    config = yaml.safe_load((PROJECT / "prometheus" / "prometheus.yml").read_text())
    own = {job["scrape_interval"] for job in config["scrape_configs"] if "scrape_interval" in job}
    # Alertmanager's own metrics, of which no board draws any, are scraped as everything else there is.
    assert own == {only("datasources", "datasources")["jsonData"]["timeInterval"]}


def test_addresses_and_paths_come_from_the_environment_both_stacks_set() -> None:
    provider = only("dashboards", "providers")
    url, path = only("datasources", "datasources")["url"], provider["options"]["path"]
    names = [re.fullmatch(r"\$\{(\w+)\}", value) for value in (url, path)]  # Grafana has no ${NAME:-default}
    stack = (PROJECT / "src" / "agentgauge" / "cli" / "stack.py").read_text()
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    for match in names:
        assert match
        assert f'"{match[1]}":' in stack
        assert match[1] in compose["services"]["grafana"]["environment"]
    assert provider["type"] == "file"
    assert provider["allowUiUpdates"] is False
