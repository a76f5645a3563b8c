"""Prometheus' configuration: valid, tested rule by rule, and naming only what the catalogue has."""

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from agentgauge.catalogue import METRICS
from tests.integration.servers import (
    PROJECT,
    binary,
    prometheus,
    shipped_alertmanager,
    shipped_prometheus,
    until,
    webhook_receiver,
)
from tests.integration.servers import alertmanager as running_alertmanager

SHIPPED: Final = PROJECT / "prometheus"
RULE_FILES: Final = sorted((SHIPPED / "rules").glob("*.yml"))
TEST_FILES: Final = sorted((SHIPPED / "tests").glob("*.yml"))
RULES: Final[list[dict[str, Any]]] = [
    rule for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]
]
ALERTS: Final = [rule for rule in RULES if "alert" in rule]
RECORDS: Final = {rule["record"] for rule in RULES if "record" in rule}
UNIT_TESTS: Final[list[dict[str, Any]]] = [
    test for file in TEST_FILES for test in yaml.safe_load(file.read_text())["tests"]
]

EXPOSED: Final = {"up", "alertmanager_notifications_failed_total", *METRICS} | {
    f"{metric.name}_{suffix}"
    for metric in METRICS.values()
    if metric.type == "histogram"
    for suffix in ("bucket", "count", "sum")
}
PROMQL_WORDS: Final = {"and", "or", "unless"}
# What scraping, our rules and Alertmanager add to the catalogue's labels.
ADDED_LABELS: Final = {"job", "instance", "le", "level", "integration"}


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run([binary("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def names(expr: str) -> set[str]:
    """The metric names in a PromQL expression: identifiers that are no function, keyword, label, string or duration."""
    rest = re.sub(r'"(\\.|[^"\\])*"', "", expr)
    rest = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", rest)
    rest = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", rest)
    identifiers = re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?![\w:]|\s*\()", rest)
    return set(identifiers) - PROMQL_WORDS - {"sum", "max", "min", "avg", "count", "topk"}


def labels(expr: str) -> set[str]:
    """The label names in a PromQL expression's matchers and groupings."""
    found = re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*(?:"|%q)', expr)
    for grouping in re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", expr):
        found += re.findall(r"\w+", grouping)
    return set(found)


def queries(alert: dict[str, Any]) -> list[str]:
    """The PromQL in an alert's annotations."""
    text = "\n".join(alert["annotations"].values())
    return [query.replace('\\"', '"') for query in re.findall(r'query (?:\(printf )?"((?:\\.|[^"\\])*)"', text)]


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ('sum by (le, a) (rate(x_bucket{a="b_c",d!~"e|f"}[5m])) > 0', {"x_bucket"}),
        ("a:b:c_5m / on (level) group_left (x) (14.4 * d:e:f) and g unless on () h", {"a:b:c_5m", "d:e:f", "g", "h"}),
        ('time() - t or absent(up{job="x"})', {"t", "up"}),
    ],
)
def test_names_are_found(expr: str, expected: set[str]) -> None:
    assert names(expr) == expected


def test_configuration_is_valid_here_and_in_containers(tmp_path: Path) -> None:
    promtool("check", "config", SHIPPED / "prometheus.yml")
    for file in (SHIPPED / "targets").iterdir():
        assert (SHIPPED / "compose-targets" / file.name).is_file(), f"containers have no {file.name}"


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_rules_unit_tests(file: Path) -> None:
    promtool("test", "rules", file)


@pytest.mark.parametrize("name", sorted({alert["alert"] for alert in ALERTS}))
def test_each_alert_is_tested_to_fire_not_to_fire_and_to_resolve(name: str) -> None:
    outcomes = [
        [bool(case["exp_alerts"]) for case in test.get("alert_rule_test", ()) if case["alertname"] == name]
        for test in UNIT_TESTS
    ]
    assert any(any(fires) for fires in outcomes), "never fires"
    if name != "AgentgaugeWatchdog":
        assert any(fires[:1] == [False] for fires in outcomes), "never keeps quiet"
        assert any(True in fires and not fires[-1] for fires in outcomes), "never resolves"


def test_each_recorded_value_is_tested() -> None:
    tested = {
        name
        for test in UNIT_TESTS
        for case in test.get("promql_expr_test", ())
        if case["exp_samples"]
        for name in names(case["expr"])
    }
    read_by_alerts = {name for alert in ALERTS for name in names(alert["expr"])}
    assert tested | read_by_alerts >= RECORDS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_names_exist(rule: dict[str, Any]) -> None:
    known_labels = {label for metric in METRICS.values() for label in metric.labels} | ADDED_LABELS
    expressions = [rule["expr"], *(queries(rule) if "alert" in rule else ())]
    for expr in expressions:
        assert names(expr) <= EXPOSED | RECORDS
        assert labels(expr) <= known_labels


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_recorded_names_say_level_metric_and_operation(name: str) -> None:
    assert re.fullmatch(r"[a-z]+:[a-z_]+:[a-z0-9_]+", name)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_says_what_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info", "none"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert page.endswith("/prometheus/RUNBOOK.md")
    assert anchor == alert["alert"].lower()


def test_the_runbook_has_a_heading_for_each_alert_and_no_other() -> None:
    headings = re.findall(r"^## (.+)$", (SHIPPED / "RUNBOOK.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted({alert["alert"] for alert in ALERTS})


def test_prometheus_runs_it_and_finds_every_address(tmp_path: Path) -> None:
    with (
        webhook_receiver() as receiver,
        running_alertmanager(tmp_path, shipped_alertmanager(tmp_path, webhook=receiver.url)) as alerts,
    ):
        config = shipped_prometheus(
            tmp_path,
            exporter="127.0.0.1:1",
            analyzer="127.0.0.1:2",
            alertmanager=alerts.address,
            services=["127.0.0.1:3"],
        )
        # What is sent before the Alertmanager is discovered is sent again after a minute, which is long for a test.
        with prometheus(tmp_path, config, ["--rules.alert.resend-delay=2s"]) as server:
            down = until(lambda: len(found := server.query("up == 0")) == 3 and found)
            assert {(sample["metric"]["job"], sample["metric"]["instance"]) for sample in down or ()} == {
                ("agentgauge-exporter", "127.0.0.1:1"),
                ("agentgauge-analyzer", "127.0.0.1:2"),
                ("agentgauge-services", "127.0.0.1:3"),
            }
            assert server.get("/api/v1/alertmanagers")["activeAlertmanagers"]
            watchdog = until(alerts.alerts)
            assert watchdog[0]["labels"]["alertname"] == "AgentgaugeWatchdog"
            groups = server.get("/api/v1/rules")["groups"]
            assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
            assert sum(len(group["rules"]) for group in groups) == len(RULES)
            kept = until(lambda: server.query('{job="alertmanager", integration="slack"}'))
            assert {sample["metric"]["__name__"] for sample in kept} == {
                "alertmanager_notifications_failed_total",
                "alertmanager_notifications_total",
            }
