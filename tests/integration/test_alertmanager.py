"""Alertmanager's configuration: routes and templates by amtool, then what a real Alertmanager sends to whom."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import yaml

from agentgauge.catalogue import METRICS
from tests.integration.servers import (
    PROJECT,
    Alertmanager,
    Inbox,
    Mail,
    Received,
    alertmanager,
    binary,
    shipped_alertmanager,
    smtp_receiver,
    until,
    webhook_receiver,
)

SHIPPED: Final = PROJECT / "alertmanager"
CONFIG: Final[dict[str, Any]] = yaml.safe_load((SHIPPED / "alertmanager.yml").read_text())
ROUTES: Final[list[dict[str, list[str]]]] = yaml.safe_load((SHIPPED / "tests" / "routes.yml").read_text())
FIRING: Final[dict[str, Any]] = json.loads((SHIPPED / "tests" / "firing.json").read_text())


def amtool(*arguments: str | Path) -> str:
    done = subprocess.run([binary("amtool"), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rendered(tmp_path: Path, text: str, data: dict[str, Any] = FIRING, kind: str = "text") -> str:
    """The text of a template, given the data Alertmanager would give."""
    file = tmp_path / "data.json"
    file.write_text(json.dumps(data))
    glob = SHIPPED / "templates" / "*.tmpl"
    options = ("--template.type", kind, "--template.glob", glob, "--template.data", file, "--template.text", text)
    return amtool("template", "render", *options).removesuffix("\n")


def alert(name: str, severity: str, description: str = "", **labels: str) -> dict[str, Any]:
    """An alert as Prometheus would send it."""
    annotations = {
        "summary": f"{name} is so",
        "description": description or f"{name} is so because",
        "runbook_url": f"https://runbook/#{name.lower()}",
        "dashboard_url": "http://grafana/d/agentgauge-overview",
    }
    return {"labels": {"alertname": name, "severity": severity, **labels}, "annotations": annotations}


def test_configuration_is_valid() -> None:
    amtool("check-config", SHIPPED / "alertmanager.yml")


@pytest.mark.parametrize("case", ROUTES, ids=lambda case: "-".join(case["labels"]))
def test_routes(case: dict[str, list[str]]) -> None:
    found = amtool("config", "routes", "test", f"--config.file={SHIPPED / 'alertmanager.yml'}", *case["labels"])
    assert found.strip().split(",") == case["receivers"]


def test_every_channel_is_closed_as_shipped_and_every_receiver_has_a_route() -> None:
    routes = CONFIG["route"]["routes"]
    assert all(route["mute_time_intervals"] == ["not-set-up"] for route in routes)
    named = {CONFIG["route"]["receiver"], *(route["receiver"] for route in routes)}
    assert named == {receiver["name"] for receiver in CONFIG["receivers"]}


def test_inhibition_looks_at_labels_that_exist() -> None:
    known = {label for metric in METRICS.values() for label in metric.labels} | {"job", "instance", "level"}
    for rule in CONFIG["inhibit_rules"]:
        assert set(rule.get("equal", ())) <= known


# amtool check-config accepts the name of a template that does not exist.
@pytest.mark.parametrize("text", sorted(set(re.findall(r"\{\{ template .+? \. \}\}", yaml.safe_dump(CONFIG)))))
def test_every_template_named_in_the_configuration_renders(tmp_path: Path, text: str) -> None:
    assert rendered(tmp_path, text)


def test_title_counts_what_fires_and_is_of_what_fires(tmp_path: Path) -> None:
    title = rendered(tmp_path, '{{ template "agentgauge.title" . }}')
    assert title == "[2 firing] agent_duration_p95 <!channel> & <b> is anomalous and 1 more"


def test_title_of_what_is_over(tmp_path: Path) -> None:
    over = FIRING | {"status": "resolved", "alerts": FIRING["alerts"][:1]}
    assert rendered(tmp_path, '{{ template "agentgauge.title" . }}', over) == "[resolved] token_usage m is anomalous"
    assert rendered(tmp_path, '{{ template "agentgauge.color" . }}', over) == "good"


def test_slack_message_tells_all_and_escapes_what_slack_would_obey(tmp_path: Path) -> None:
    assert rendered(tmp_path, '{{ template "agentgauge.slack" . }}').splitlines() == [
        "*agent_duration_p95 &lt;!channel&gt; &amp; &lt;b&gt; is anomalous* (warning, since 2026-01-02 03:04:05 UTC)",
        FIRING["alerts"][1]["annotations"]["description"],
        "<http://prometheus/graph?g0.expr=2|graph>"
        " · <http://grafana/d/agentgauge-overview?var-signal=agent_duration_p95|dashboard>"
        " · <https://runbook/#agentgaugesignalanomaly|what to do>",
        "*SomebodyElsesAlert* (warning, since 2026-01-02 03:05:00 UTC)",
        "<http://prometheus/graph?g0.expr=3|graph>",
        "*token_usage m is anomalous* (resolved, from 2026-01-02 03:00:00 to 2026-01-02 03:04:00 UTC)",
        "token_usage is 12k.",
        "<http://prometheus/graph?g0.expr=1|graph>",
    ]
    title = rendered(tmp_path, '{{ template "agentgauge.slack.title" . }}')
    assert title == "[2 firing] agent_duration_p95 &lt;!channel&gt; &amp; &lt;b&gt; is anomalous and 1 more"


def test_slack_message_of_many_alerts_is_cut_and_says_so(tmp_path: Path) -> None:
    many = FIRING | {"alerts": FIRING["alerts"][2:] * 30}
    message = rendered(tmp_path, '{{ template "agentgauge.slack" . }}', many)
    assert message.count("*SomebodyElsesAlert*") == 10
    assert message.endswith("<http://alertmanager|all 30 alerts>")


def test_mail_is_escaped_as_html_and_plain_as_text(tmp_path: Path) -> None:
    html = rendered(tmp_path, '{{ template "agentgauge.email" . }}', kind="html")
    assert "agent_duration_p95 &lt;!channel&gt; &amp; &lt;b&gt; is anomalous" in html
    assert "<b>" not in html
    text = rendered(tmp_path, '{{ template "agentgauge.text" . }}')
    assert "agent_duration_p95 <!channel> & <b> is anomalous (warning, since 2026-01-02 03:04:05 UTC)" in text
    assert text.index("<!channel>") < text.index("SomebodyElsesAlert") < text.index("token_usage m")


@pytest.fixture(scope="module")
def hook() -> Iterator[Inbox[Received]]:
    with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Inbox[Mail]]:
    with smtp_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, hook: Inbox[Received], mailbox: Inbox[Mail]
) -> Iterator[Alertmanager]:
    """Alertmanager with every channel open, each to its own path, and groups told of within a second."""
    directory = tmp_path_factory.mktemp("open")
    config = shipped_alertmanager(
        directory,
        webhook=f"{hook.url}/webhook",
        slack=f"{hook.url}/slack",
        smtp=mailbox.address,
        heartbeat=f"{hook.url}/heartbeat",
    )
    text = config.read_text()
    for key in ("group_wait", "group_interval"):
        text, changed = re.subn(rf"(?m)^  {key}: \d+s$", f"  {key}: 1s", text)
        assert changed == 1
    config.write_text(text)
    with alertmanager(directory, config) as running:
        yield running


def told(received: Received, path: str, name: str) -> bool:
    return received.path == path and name in received.body.decode()


def test_a_critical_alert_reaches_slack_mail_and_webhook(
    server: Alertmanager, hook: Inbox[Received], mailbox: Inbox[Mail]
) -> None:
    server.post(alert("Sinking", "critical", gen_ai_agent_name="writer"))

    slack = hook.wait_for(lambda received: told(received, "/slack", "Sinking")).json()
    assert slack["channel"] == "#agentgauge-critical"
    message = slack["attachments"][0]
    assert message["title"] == "[1 firing] Sinking is so"
    assert message["color"] == "danger"
    assert message["title_link"] == "http://grafana/d/agentgauge-overview"
    assert message["text"].startswith("*Sinking is so* (critical, since 20")
    assert "Sinking is so because" in message["text"]
    assert "<https://runbook/#sinking|what to do>" in message["text"]

    payload = hook.wait_for(lambda received: told(received, "/webhook", "Sinking"))
    assert payload.headers["Authorization"] == "Bearer token-of-the-test"
    assert payload.json()["groupLabels"] == {"alertname": "Sinking", "gen_ai_agent_name": "writer"}
    assert [one["labels"]["alertname"] for one in payload.json()["alerts"]] == ["Sinking"]

    mail = mailbox.wait_for(lambda mail: "Sinking" in mail.content["Subject"])
    assert mail.recipients == ["oncall@localhost"]
    assert mail.content["Subject"] == "[1 firing] Sinking is so"
    for kind in ("plain", "html"):
        body = mail.content.get_body((kind,))
        assert body is not None
        assert "Sinking is so because" in body.get_content()


def test_a_warning_reaches_its_own_channel_and_is_told_to_be_over(server: Alertmanager, hook: Inbox[Received]) -> None:
    server.post(alert("Leaking", "warning"))
    slack = hook.wait_for(lambda received: told(received, "/slack", "Leaking")).json()
    assert slack["channel"] == "#agentgauge"
    assert slack["attachments"][0]["color"] == "warning"

    server.post(alert("Leaking", "warning") | {"endsAt": "2026-01-02T03:04:05Z"})
    over = hook.wait_for(lambda received: told(received, "/slack", "[resolved] Leaking")).json()
    assert over["attachments"][0]["color"] == "good"
    payload = hook.wait_for(lambda received: told(received, "/webhook", '"status":"resolved"'))
    assert payload.json()["alerts"][0]["labels"]["alertname"] == "Leaking"


def test_signals_of_one_agent_are_one_message(server: Alertmanager, hook: Inbox[Received]) -> None:
    signals = ("agent_duration_p95", "cost_per_run")
    server.post(*(alert("Moved", "warning", signal=signal, gen_ai_agent_name="writer") for signal in signals))
    payload = hook.wait_for(lambda received: told(received, "/webhook", "Moved")).json()
    assert {one["labels"]["signal"] for one in payload["alerts"]} == set(signals)


def test_information_reaches_the_webhook_and_the_watchdog_its_heartbeat_alone(
    server: Alertmanager, hook: Inbox[Received]
) -> None:
    server.post(alert("Interesting", "info"), alert("AgentgaugeWatchdog", "none"), alert("Nothing", "none"))
    hook.wait_for(lambda received: told(received, "/webhook", "Interesting"))
    hook.wait_for(lambda received: told(received, "/heartbeat", "AgentgaugeWatchdog"))
    paths = {received.path for received in hook.received if b"Interesting" in received.body}
    assert paths == {"/webhook"}
    assert not any(b"Nothing" in received.body for received in hook.received)
    assert {received.path for received in hook.received if b"AgentgaugeWatchdog" in received.body} == {"/heartbeat"}


def inhibited(server: Alertmanager) -> set[tuple[str, ...]]:
    """The label values, less the name and severity, and the name, of alerts that another keeps quiet."""
    return {
        (
            one["labels"]["alertname"],
            *(v for k, v in sorted(one["labels"].items()) if k not in {"alertname", "severity"}),
        )
        for one in server.alerts()
        if one["status"]["inhibitedBy"]
    }


ERRORS: Final = "AgentgaugeErrorRatioHigh"
ANOMALY: Final = "AgentgaugeSignalAnomaly"
REGRESSION: Final = "AgentgaugeSignalRegression"


@pytest.mark.parametrize(
    ("cause", "others", "quiet"),
    [
        (
            alert("AgentgaugeBudgetSpent", "critical", budget="a"),
            [alert("AgentgaugeBudgetNearlySpent", "warning", budget=budget) for budget in ("a", "b")],
            {("AgentgaugeBudgetNearlySpent", "a")},
        ),
        (
            alert(ERRORS, "critical", level="agent", gen_ai_agent_name="writer"),
            [
                alert(ERRORS, "warning", level="agent", gen_ai_agent_name="writer", burn="slow"),
                alert(ERRORS, "warning", level="agent", gen_ai_agent_name="reader", burn="slow"),
                alert(REGRESSION, "warning", signal="agent_error_ratio", gen_ai_agent_name="writer", task_type="t"),
                alert(REGRESSION, "warning", signal="agent_error_ratio", gen_ai_agent_name="reader", task_type="t"),
                alert(REGRESSION, "warning", signal="agent_duration_p95", gen_ai_agent_name="writer", task_type="t"),
                alert(ANOMALY, "warning", signal="agent_error_ratio", gen_ai_agent_name="writer", task_type="t"),
                alert("AgentgaugeCallStuck", "warning", kind="tool"),
            ],
            {(ERRORS, "slow", "writer", "agent"), (REGRESSION, "writer", "agent_error_ratio", "t")},
        ),
        (
            alert("AgentgaugeExporterDown", "critical", job="agentgauge-exporter"),
            [
                alert(ANOMALY, "warning", signal="token_usage"),
                alert(REGRESSION, "warning", signal="token_usage"),
                alert("AgentgaugeSpoolBacklog", "warning"),
                alert("AgentgaugeAnalyzerStale", "warning"),
                alert("AgentgaugeBudgetSpent", "critical", budget="a"),
                alert("SomebodyElsesAlert", "warning"),
            ],
            {(ANOMALY, "token_usage"), (REGRESSION, "token_usage"), ("AgentgaugeSpoolBacklog",)},
        ),
        (
            alert("AgentgaugeAnalyzerDown", "critical"),
            [alert("AgentgaugeCallStuck", "warning"), alert(ANOMALY, "warning", signal="token_usage")],
            {(ANOMALY, "token_usage")},
        ),
        (
            alert("AgentgaugeAnalyzerSourceDown", "warning", instance="a:1"),
            [alert("AgentgaugeAnalyzerStale", "warning", instance=instance) for instance in ("a:1", "b:1")],
            {("AgentgaugeAnalyzerStale", "a:1")},
        ),
    ],
    ids=["budget", "errors", "exporter", "analyzer", "source"],
)
def test_effects_keep_quiet_while_their_cause_is_told(
    tmp_path: Path, cause: dict[str, Any], others: list[dict[str, Any]], quiet: set[tuple[str, ...]]
) -> None:
    with alertmanager(tmp_path, shipped_alertmanager(tmp_path)) as server:
        server.post(*others)
        assert len(server.alerts()) == len(others)
        assert inhibited(server) == set()
        server.post(cause)
        until(lambda: inhibited(server))
        assert inhibited(server) == quiet


def test_as_shipped_nothing_is_sent_and_nothing_fails(tmp_path: Path) -> None:
    config = shipped_alertmanager(tmp_path)
    config.write_text(config.read_text().replace("group_wait: 5s", "group_wait: 0s"))
    with alertmanager(tmp_path, config, ["--log.level=debug"]) as server:
        server.post(alert("Sinking", "critical"), alert("Leaking", "warning"), alert("AgentgaugeWatchdog", "none"))
        # Critical: mail, Slack, webhook; warning: Slack, webhook; the watchdog's heartbeat.
        until(lambda: server.log.read_text().count("route is within mute time") >= 6)
        assert not re.search("level=(warn|error)", server.log.read_text())
        failed = re.findall(
            r"(?m)^alertmanager_notifications_(?:failed_)?total\{.*\} (\S+)$",
            requests.get(f"{server.url}/metrics", timeout=10).text,
        )
        assert set(map(float, failed)) == {0.0}
        assert {one["status"]["state"] for one in server.alerts()} == {"active"}
