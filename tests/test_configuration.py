from pathlib import Path

import pytest

from agentgauge.configuration import Budget, Configuration, load
from agentgauge.errors import ConfigurationError


def write(directory: Path, text: str) -> Path:
    path = directory / "agentgauge.yml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", ["", "\n", "# all defaults\n", "{}", "exporter: {}", "---\n"])
def test_an_empty_file_is_all_defaults(tmp_path: Path, text: str) -> None:
    assert load(write(tmp_path, text)) == Configuration() == load(None)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    configuration = load(
        write(
            tmp_path,
            """
exporter: {interval_seconds: 1, label_sets_per_metric: 50}
collectors:
  claude_code: {enabled: false}
  processes:
    - {role: runner, command_line: "python .*agent", name: "^python"}
budgets:
  - {name: team, limit_usd: 20, period: month, agent: "writer|editor"}
analyzer:
  prometheus_url: http://127.0.0.1:9090
  signals:
    - {name: mine, measure: rate, metric: agentgauge_hook_runs_total, by: [hook_name], scale: 3600}
""",
        )
    )
    assert configuration.exporter.interval_seconds == 1.0
    assert configuration.exporter.label_sets_per_metric == 50
    assert configuration.collectors.claude_code.enabled is False
    assert [group.role for group in configuration.collectors.processes] == ["runner"]
    assert configuration.budgets == (Budget("team", 20.0, "month", "writer|editor"),)
    assert configuration.analyzer.prometheus_url == "http://127.0.0.1:9090"
    assert configuration.analyzer.signals[0].by == ("hook_name",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- exporter\n", "a list, not a mapping"),
        ("exporter", "a text, not a mapping"),
        ("42", "a number, not a mapping"),
        ("true", "a truth value, not a mapping"),
        ("exporter: [", "line 1: not YAML"),
        ("a: 1\nb: {\n", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("exporters: {}", "unknown key 'exporters'"),
        ("exporter: {intervall: 2}", "exporter: unknown key 'intervall'"),
        ("exporter:\n  - a\n", "exporter: Expected `object`, got `array`"),
        ("exporter: {interval_seconds: fast}", "exporter.interval_seconds: Expected `float`, got `str`"),
        ("exporter: {interval_seconds: 0}", "exporter.interval_seconds: Expected `float` > 0.0"),
        ("exporter: {label_sets_per_metric: 1.5}", "exporter.label_sets_per_metric: Expected `int`, got `float`"),
        ("collectors: {claude_code: {directories: ~/x}}", "collectors.claude_code.directories: Expected `array`"),
        (
            "collectors: {processes_interval_seconds: 0.5}",
            "collectors.processes_interval_seconds: Expected `float` >= 1",
        ),
        (
            "collectors: {processes_interval_seconds: 11}",
            "collectors.processes_interval_seconds: Expected `float` <= 10",
        ),
        ("collectors: {processes: [{role: a}]}", "collectors.processes[0]: needs name, command_line or pidfile"),
        ("collectors: {processes: [{role: a, name: '', pidfile: ''}]}", "needs name, command_line or pidfile"),
        ("collectors: {processes: [{role: a, name: '('}]}", "collectors.processes[0].name: not a regular expression"),
        (
            "collectors: {processes: [{role: a, name: a}, {role: b, command_line: '[b'}]}",
            "collectors.processes[1].command_line: not a regular expression",
        ),
        ("budgets: [{name: a, limit_usd: -1}]", "budgets[0].limit_usd: Expected `float` > 0.0"),
        ("budgets: [{name: a, limit_usd: 1, period: week}]", "budgets[0].period: Invalid enum value 'week'"),
        ("budgets: [{name: a, limit_usd: 1, agent: '*'}]", "budgets[0].agent: not a regular expression"),
        ("budgets: [{name: a, limit_usd: 1, model: '(?'}]", "budgets[0].model: not a regular expression"),
        ("budgets: [{limit_usd: 1}]", "budgets[0]: Object missing required field `name`"),
        ("budgets: [{name: a, limit_usd: 1}, {name: a, limit_usd: 2}]", "budgets: the name 'a' is used twice"),
        ("analyzer: {signals: [{name: Bad-Name, measure: p95}]}", "analyzer.signals[0].name: Expected `str` matching"),
        ("analyzer: {signals: [{name: a, measure: p42}]}", "analyzer.signals[0].measure: Invalid enum value 'p42'"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_key(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    line = str(raised.value)
    assert line.startswith(f"{path}: ")
    assert problem in line
    assert "\n" not in line


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.yml: cannot be read: No such file or directory$"):
        load(tmp_path / "missing.yml")
    with pytest.raises(ConfigurationError, match=r"cannot be read: Is a directory$"):
        load(tmp_path)
    path = tmp_path / "latin.yml"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigurationError, match=r"latin\.yml: not UTF-8 text$"):
        load(path)


def test_probes_are_read(tmp_path: Path) -> None:
    text = """
probes:
  - {name: api, http: "https://api.example/health?a=b", expected_status: [200, 204], timeout_seconds: 2}
  - {name: database, tcp: "[::1]:5432", interval_seconds: 10}
  - {name: queue, command: [redis-cli, ping]}
"""
    api, database, queue = load(write(tmp_path, text)).probes
    assert (api.expected_status, api.timeout_seconds, api.interval_seconds) == ((200, 204), 2.0, 30.0)
    assert (database.tcp, queue.command) == ("[::1]:5432", ("redis-cli", "ping"))


@pytest.mark.parametrize(
    ("probe", "problem"),
    [
        ("{name: a}", r"probes\[0\]: needs one of"),
        ("{name: a, tcp: 'h:1', http: 'http://h'}", r"probes\[0\]: needs one of"),
        ("{name: a, http: 'ftp://h'}", r"probes\[0\]\.http"),
        ("{name: a, http: 'http://[::1'}", r"probes\[0\]\.http"),
        ("{name: a, http: 'http://someone:secret@h'}", r"probes\[0\]\.http: a user"),
        ("{name: a, tcp: 'h'}", r"probes\[0\]\.tcp"),
        ("{name: a, tcp: 'h:99999'}", r"probes\[0\]\.tcp"),
        ("{name: a, tcp: 'h:1', expected_status: [200]}", r"probes\[0\]\.expected_status"),
        ("{name: a, command: []}", r"probes\[0\]\.command"),
        ("{name: a, tcp: 'h:1', interval_seconds: 0.1}", r"probes\[0\]\.interval_seconds"),
    ],
)
def test_a_probe_that_cannot_be_is_named(tmp_path: Path, probe: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        load(write(tmp_path, f"probes: [{probe}]"))
