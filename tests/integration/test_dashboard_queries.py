"""Every expression of the boards, of the recording rules and of the alerts has data in a real Prometheus."""

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

from agentgauge.catalogue import METRICS
from tests.grafana.boards import (
    BOARDS,
    PROJECT,
    Expression,
    all_expressions,
    annotation_expressions,
    panel_expressions,
    selectors,
    substituted,
    variable_expressions,
)
from tests.integration.exposed import OF_ANALYZER, OF_SERVICES, Written, exporting, serving
from tests.integration.servers import (
    Prometheus,
    alertmanager,
    prometheus,
    shipped_alertmanager,
    shipped_prometheus,
)

PATIENCE_SECONDS: Final = 25.0
RULES: Final[list[dict[str, Any]]] = [
    rule
    for file in sorted((PROJECT / "prometheus" / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]


class Live(NamedTuple):
    """The running Prometheus, and what a user could choose in each variable of each board."""

    prometheus: Prometheus
    choices: dict[str, dict[str, list[str]]]


def every_second(config: Path) -> Path:
    """The shipped configuration and rules with every interval a second, so that the test need not wait."""
    for file in (config, *(config.parent / "rules").glob("*.yml")):
        file.write_text(re.sub(r"(interval): \d+[sm]\b", r"\1: 1s", file.read_text()))
    return config


def choices(server: Prometheus, board: dict[str, Any]) -> dict[str, list[str]]:
    """What Grafana would offer in each variable, top to bottom, everything chosen in those above."""
    chosen = {variable["name"]: variable.get("allValue", "") for variable in board["templating"]["list"]}
    declared = {variable["name"]: variable for variable in board["templating"]["list"]}
    found: dict[str, list[str]] = {}
    for name, (_, text, label) in variable_expressions(board).items():
        expr = substituted(text, chosen)
        if label:
            found[name] = server.get(f"/api/v1/label/{label}/values", **{"match[]": expr})
        else:
            pattern = re.compile(declared[name]["regex"].strip("/"))
            found[name] = [match[1] for row in server.query(expr) if (match := pattern.search(as_grafana_writes(row)))]
        if found[name] and not chosen[name]:
            chosen[name] = found[name][0]
    return found


def as_grafana_writes(row: dict[str, Any]) -> str:
    """A row of query_result() as Grafana's variable editor shows it; its regular expression is applied to this."""
    labels = {name: value for name, value in row["metric"].items() if name != "__name__"}
    inner = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{row['metric'].get('__name__', '')}{{{inner}}} {row['value'][1]} {float(row['value'][0]) * 1000:.0f}"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    scratch = tmp_path_factory.mktemp("boards")
    home = tmp_path_factory.mktemp("home")
    with (
        exporting(home) as exporter,
        serving(Written(OF_ANALYZER).families) as analyzer,
        serving(Written(OF_SERVICES).families) as service,
        alertmanager(scratch, shipped_alertmanager(scratch)) as alerts,
    ):
        config = shipped_prometheus(
            scratch, exporter=exporter, analyzer=analyzer, alertmanager=alerts.address, services=[service]
        )
        with prometheus(scratch, every_second(config)) as server:
            deadline = time.monotonic() + PATIENCE_SECONDS
            found = {name: choices(server, board) for name, board in BOARDS.items()}
            while not all(offered for one in found.values() for offered in one.values()):
                if time.monotonic() > deadline:
                    errors = [target["lastError"] for target in server.get("/api/v1/targets")["activeTargets"]]
                    pytest.fail(f"a variable offers nothing: {found}; scrape errors: {errors}")
                time.sleep(0.5)
                found = {name: choices(server, board) for name, board in BOARDS.items()}
            yield Live(server, found)


def values(live: Live, board: str, *, everything: bool) -> dict[str, str]:
    """What is put in for each variable: all of it where that is a choice, or the first value."""
    declared = {variable["name"]: variable for variable in BOARDS[board]["templating"]["list"]}
    return {
        name: ".*" if everything and declared[name]["includeAll"] else next(iter(offered), "")
        for name, offered in live.choices[board].items()
    }


def has_data(rows: Iterable[dict[str, Any]]) -> bool:
    return any(not math.isnan(float(row["value"][1])) for row in rows)


def still_empty(wanted: dict[str, str], query: Callable[[str], list[dict[str, Any]]]) -> dict[str, str]:
    """Of (name: expression), those without data when patience has run out."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while wanted := {name: expr for name, expr in wanted.items() if not has_data(query(expr))}:
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    return wanted


def assert_data(wanted: dict[str, str], live: Live) -> None:
    empty = still_empty(wanted, live.prometheus.query)
    assert not empty, "no data:\n" + "\n".join(f"  {name}: {expr}" for name, expr in empty.items())


def legend(expression: Expression, row: dict[str, Any]) -> str:
    """The name Grafana gives a series: a label it has not is left out."""
    labels: dict[str, str] = row["metric"]
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), expression.legend)


@pytest.mark.parametrize("board", [name for name, board in BOARDS.items() if "series" in variable_expressions(board)])
def test_the_series_offered_are_label_sets_of_every_signal_the_first_chosen(live: Live, board: str) -> None:
    offered = live.choices[board]["series"]
    signals = {label for series in offered for label in re.findall(r'signal="([^"]*)"', series)}
    assert signals == set(live.choices[board]["signal"])
    assert len(live.prometheus.query(f"agentgauge_signal_value{{{offered[0]}}}")) == 1


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("everything", [True, False], ids=["all-chosen", "one-chosen"])
def test_every_panel_and_annotation_has_data(live: Live, board: str, everything: bool) -> None:
    chosen = values(live, board, everything=everything)
    expressions = [*panel_expressions(BOARDS[board]), *annotation_expressions(BOARDS[board])]
    assert_data({one.where: substituted(one.text, chosen) for one in expressions}, live)


@pytest.mark.parametrize("board", BOARDS)
def test_a_legend_names_labels_its_series_have(live: Live, board: str) -> None:
    chosen = values(live, board, everything=True)
    assert_data({one.where: substituted(one.text, chosen) for one in panel_expressions(BOARDS[board])}, live)
    for one in panel_expressions(BOARDS[board]):
        named = set(re.findall(r"\{\{(\w+)\}\}", one.legend))
        rows = live.prometheus.query(substituted(one.text, chosen))
        assert named <= {label for row in rows for label in row["metric"]}, one.where
        names = {legend(one, row) for row in rows}
        assert not one.legend or len(names) == len(rows), f"{one.where}: two series share a legend"


def test_every_recording_rule_has_data(live: Live) -> None:
    wanted = {}
    for rule in RULES:
        if "record" in rule:
            matchers = ", ".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items())
            wanted[f"{rule['record']} {matchers}"] = f"{rule['record']}{{{matchers}}}"
    assert len(wanted) == sum("record" in rule for rule in RULES)
    assert_data(wanted, live)


def test_every_alert_looks_at_something(live: Live) -> None:
    wanted = {
        f"{rule['alert']} {rule.get('labels', {})} {selector}": selector
        for rule in RULES
        if "alert" in rule
        for selector in selectors(rule["expr"])
    }
    assert len({name.split()[0] for name in wanted}) >= len({rule["alert"] for rule in RULES if "alert" in rule}) - 1
    assert_data(wanted, live)


def test_every_metric_of_the_catalogue_was_there_to_be_asked_for(live: Live) -> None:
    assert_data({name: f'{{__name__=~"{name}(_count)?"}}' for name in METRICS}, live)


def test_every_expression_was_asked(live: Live) -> None:
    for name, board in BOARDS.items():
        asked: list[Expression] = [*panel_expressions(board), *annotation_expressions(board)]
        assert len(asked) + len(live.choices[name]) == len(all_expressions(board))


def test_an_expression_without_data_is_told(live: Live) -> None:
    wanted = {"absent": "no_such_metric", "not a number": "0 * up / 0", "there": "up"}
    asked = {name: expr for name, expr in wanted.items() if not has_data(live.prometheus.query(expr))}
    assert asked.keys() == {"absent", "not a number"}
