"""The boards' structure: what a linter of dashboards, and someone who reads ours at night, would ask of them."""

import json
import re
import subprocess
from collections import Counter
from typing import Any, Final

import pytest
import yaml

from agentgauge.catalogue import METRICS, SIGNAL_LABELS
from tests.grafana.boards import (
    BOARDS,
    BUILT_IN,
    PROJECT,
    all_expressions,
    annotation_expressions,
    metric_names,
    panel_expressions,
    panels,
    selectors,
    substituted,
    variable_expressions,
    variables_in,
)
from tests.integration.servers import binary

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
MAY_BE_NEGATIVE: Final = {503, 601, 702, 2702}
"""Deviation, change of level, trend and correlation have no natural zero."""
FIXED_WINDOW: Final = {104}
"""The cost panel's range is the day, which would make its rate the day's."""
ANY: Final = dict.fromkeys(("agent", "task_type", "model", "hook", "signal"), ".*") | {
    "horizon": "1h",
    "series": 'a="b"',
}
EXPOSED: Final = {"up": ("job", "instance"), "ALERTS": ("alertname", "alertstate", "severity")} | {
    name: metric.labels
    for metric in METRICS.values()
    for name in (
        (f"{metric.name}_bucket", f"{metric.name}_count", f"{metric.name}_sum")
        if metric.type == "histogram"
        else (metric.name,)
    )
}
RULES: Final = [
    rule
    for file in (PROJECT / "prometheus" / "rules").glob("*.yml")
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
RECORDED: Final = {rule["record"] for rule in RULES if "record" in rule}
COUNTERS: Final = {name for name in EXPOSED if re.search(r"_(bucket|count|sum)$", name) and name not in METRICS} | {
    metric.name for metric in METRICS.values() if metric.type == "counter"
}


@pytest.fixture(params=BOARDS)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return BOARDS[request.param]


def every_panel() -> list[Any]:
    return [pytest.param(one, id=f"{name}-{one['id']}") for name, board in BOARDS.items() for one in panels(board)]


def test_the_board_is_one_that_file_provisioning_reads(board: dict[str, Any]) -> None:
    assert board["uid"].startswith("agentgauge-")
    assert board["schemaVersion"] == 42
    assert "__inputs" not in json.dumps(board)  # the data source of an import dialogue, which provisioning has not
    assert "id" not in board  # the database's number in whatever Grafana it was saved


def test_the_board_is_read_only_in_utc_with_a_shared_crosshair_and_refreshes(board: dict[str, Any]) -> None:
    assert board["editable"] is False
    assert board["timezone"] == "utc"
    assert board["graphTooltip"] == 1
    assert board["refresh"] in board["timepicker"]["refresh_intervals"]
    assert "agentgauge" in board["tags"]
    assert board["description"].endswith(".")


def test_ids_are_the_rows_hundred_and_unique(board: dict[str, Any]) -> None:
    row = 0
    ids = []
    for panel in board["panels"]:
        row = panel["id"] if panel["type"] == "row" else row
        ids += [panel["id"], *(inner["id"] for inner in panel.get("panels", ()))]
        for inner in panel.get("panels") or [panel]:
            assert row <= inner["id"] < row + 100, inner["title"]
    assert max(Counter(ids).values()) == 1


def test_at_most_25_panels_show_at_first(board: dict[str, Any]) -> None:
    assert sum(panel["type"] != "row" for panel in board["panels"]) <= 25
    rows = [panel for panel in board["panels"] if panel["type"] == "row"]
    assert all(row["collapsed"] == bool(row["panels"]) for row in rows)


def test_panels_fill_the_24_columns_without_overlap(board: dict[str, Any]) -> None:
    visible = [panel["gridPos"] for panel in board["panels"]]
    groups = [visible, *([inner["gridPos"] for inner in row["panels"]] for row in board["panels"] if row.get("panels"))]
    for group in groups:
        cells = Counter(
            (x, y) for g in group for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])
        )
        assert max(cells.values()) == 1
        assert {x for x, _ in cells} == set(range(24))
        top, bottom = min(y for _, y in cells), max(y for _, y in cells)
        assert len(cells) == 24 * (bottom - top + 1)  # no hole, so Grafana moves nothing


@pytest.mark.parametrize("panel", every_panel())
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert 2 <= len(panel["title"]) <= 40
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == DATASOURCE
    if panel["type"] != "table" and panel["type"] != "heatmap":
        zero = panel["fieldConfig"]["defaults"].get("min") == 0
        assert zero != (panel["id"] in MAY_BE_NEGATIVE)


@pytest.mark.parametrize("panel", every_panel())
def test_a_panels_queries_are_named_and_end_where_they_are_read(panel: dict[str, Any]) -> None:
    targets = panel["targets"]
    assert targets
    assert max(Counter(target["refId"] for target in targets).values()) == 1
    for target in targets:
        assert target["datasource"] == DATASOURCE
        assert target["instant"] != target["range"]
        assert target.get("legendFormat") or panel["type"] == "table"


@pytest.mark.parametrize("panel", every_panel())
def test_a_band_is_between_series_the_panel_has(panel: dict[str, Any]) -> None:
    names = {target.get("legendFormat") for target in panel["targets"]}
    for override in panel["fieldConfig"]["overrides"]:
        for option in override["properties"]:
            if option["id"] == "custom.fillBelowTo":
                assert {override["matcher"]["options"], option["value"]} <= names


def test_two_panels_show_a_band() -> None:
    bands = [panel["id"] for board in BOARDS.values() for panel in panels(board) if "fillBelowTo" in json.dumps(panel)]
    assert bands == [502, 602]


def test_ranges_follow_the_zoom(board: dict[str, Any]) -> None:
    for panel in panels(board):
        for target in panel["targets"]:
            ranges = set(re.findall(r"\[([^\]]*)\]", target["expr"]))
            assert panel["id"] in FIXED_WINDOW or ranges <= {"$__rate_interval"}, panel["title"]


def test_the_names_found_in_an_expression_are_those_of_its_series() -> None:
    expr = (
        'sum by (le) (rate(a_total{b=~"c d", e!=""}[5m] offset 1m)) / on (f) group_left (g) (level:h:rate_5m > 0.5)'
        ' or label_join({__name__=~"i|j"}, "k", " ", "l") unless 2e3 * vector(0)'
    )
    assert metric_names(expr) == {"a_total", "level:h:rate_5m", "i", "j"}
    assert selectors(expr) == {'a_total{b=~"c d", e!=""}', "level:h:rate_5m", '{__name__=~"i|j"}'}


def test_counters_are_only_read_through_a_rate(board: dict[str, Any]) -> None:
    for where, text, _ in panel_expressions(board):
        for name in metric_names(substituted(text, ANY)) & COUNTERS:
            uses = re.findall(rf"(\w+)\({name}(?:{{[^}}]*}})?\[", text)
            assert len(uses) == len(re.findall(rf"\b{name}\b", text)), where
            assert set(uses) <= {"rate", "increase"}, where


def test_every_metric_is_in_the_catalogue_or_recorded(board: dict[str, Any]) -> None:
    for where, text, _ in all_expressions(board):
        names = metric_names(substituted(text, ANY))
        assert names, where
        assert names <= EXPOSED.keys() | RECORDED, where


def test_every_label_is_one_the_metric_has(board: dict[str, Any]) -> None:
    for where, text, _ in all_expressions(board):
        for selector in selectors(substituted(text, {**ANY, "series": 'signal="a"'})):
            name, _, matchers = selector.partition("{")
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)))
            known = EXPOSED.get(name, ())
            if name in EXPOSED and SIGNAL_LABELS not in known:
                assert labels <= {*known, "job", "instance", "le"}, f"{where}: {selector}"


def test_variables_begin_with_the_data_source_and_follow_the_time(board: dict[str, Any]) -> None:
    first, *others = board["templating"]["list"]
    assert (first["type"], first["query"], first["name"]) == ("datasource", "prometheus", "datasource")
    for variable in others:
        assert variable["datasource"] == DATASOURCE
        assert variable["refresh"] == 2
        assert variable["label"]
        assert variable["includeAll"] == variable["multi"]
        assert not variable["includeAll"] or variable["allValue"] == ".*"


def test_variables_are_declared_before_they_are_used_and_all_are_used(board: dict[str, Any]) -> None:
    declared: list[str] = []
    for variable in board["templating"]["list"]:
        assert variables_in(json.dumps(variable.get("query"))) <= {*declared}
        declared.append(variable["name"])
    used = {name for _, text, _ in all_expressions(board) for name in variables_in(text)}
    assert used - BUILT_IN.keys() == {*declared} - {"datasource"}


def test_agent_restricts_the_choice_of_tasks_and_models() -> None:
    found = variable_expressions(BOARDS["overview"])
    assert "agent" in variables_in(found["task_type"].text)
    assert "agent" in variables_in(found["model"].text)
    assert "signal" in variables_in(found["series"].text)


def test_a_panels_number_is_of_one_board_only() -> None:
    numbers = Counter(panel["id"] for board in BOARDS.values() for panel in panels(board))
    assert max(numbers.values()) == 1


def test_a_variable_that_boards_share_means_the_same() -> None:
    """A link between boards takes the values along."""
    labels: dict[str, set[str]] = {}
    for board in BOARDS.values():
        for name, expression in variable_expressions(board).items():
            labels.setdefault(name, set()).add(expression.legend)
    assert max(map(len, labels.values())) == 1
    assert set.intersection(*({*variable_expressions(board)} for board in BOARDS.values())) >= {"agent", "model"}


def test_every_metric_of_the_catalogue_is_drawn_somewhere() -> None:
    drawn = {
        name
        for board in BOARDS.values()
        for expression in all_expressions(board)
        for name in metric_names(substituted(expression.text, ANY))
    }
    rules = {name for rule in RULES if rule.get("record") in drawn for name in metric_names(rule["expr"])}
    # A rule may be made of others.
    rules |= {name for rule in RULES if rule.get("record") in rules for name in metric_names(rule["expr"])}
    bases = {re.sub(r"_(bucket|count|sum)$", "", name) for name in drawn | rules}
    assert {name for name in METRICS if name not in bases} == set()


def test_links_keep_time_and_variables_and_lead_to_boards_that_exist(board: dict[str, Any]) -> None:
    boards = next(link for link in board["links"] if link["type"] == "dashboards")
    assert boards["keepTime"]
    assert boards["includeVars"]
    assert boards["tags"] == ["agentgauge"]
    inner = [link["url"] for panel in panels(board) for link in panel["fieldConfig"]["defaults"].get("links", ())]
    assert inner
    for url in inner:
        assert url.split("?")[0].removeprefix("/d/") in {one["uid"] for one in BOARDS.values()}
        assert "${__url_time_range}" in url
        assert "${datasource:queryparam}" in url
        declared = {variable["name"] for variable in board["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", url)) <= declared


def test_alerts_and_versions_are_annotated(board: dict[str, Any]) -> None:
    text = " ".join(one.text for one in annotation_expressions(board))
    assert {"ALERTS", "agentgauge_build_info"} <= metric_names(text)
    assert all(one["enable"] and one["datasource"] == DATASOURCE for one in board["annotations"]["list"])


def test_prometheus_can_parse_every_expression(board: dict[str, Any], tmp_path: Any) -> None:
    rules = [
        {"record": f"expression_{number}", "expr": substituted(one.text, ANY)}
        for number, one in enumerate(all_expressions(board))
    ]
    file = tmp_path / "expressions.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "expressions", "rules": rules}]}))
    done = subprocess.run([binary("promtool"), "check", "rules", "--lint=none", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
