"""Configuration: what the YAML file may say, with its defaults, and how it is read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Meta, Struct, field

from agentgauge import clients
from agentgauge.errors import ConfigurationError

_T = TypeVar("_T")
Positive = Annotated[float, Meta(gt=0)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:/ -]{1,100}$")]


class ClaudeCode(Struct, forbid_unknown_fields=True, frozen=True):
    """Claude Code transcripts: directories that hold ``*.jsonl`` files at any depth."""

    enabled: bool = True
    directories: tuple[str, ...] = field(default_factory=lambda: (clients.claude_code("projects"),))


class Codex(Struct, forbid_unknown_fields=True, frozen=True):
    """Codex CLI rollouts: directories that hold ``*.jsonl`` files at any depth."""

    enabled: bool = True
    directories: tuple[str, ...] = field(default_factory=lambda: (clients.codex("sessions"),))


class Copilot(Struct, forbid_unknown_fields=True, frozen=True):
    """Copilot CLI event logs: directories that hold ``*.jsonl`` files at any depth."""

    enabled: bool = True
    directories: tuple[str, ...] = field(default_factory=lambda: (clients.copilot("session-state"),))


class Gemini(Struct, forbid_unknown_fields=True, frozen=True):
    """Gemini CLI session files: directories that hold ``chats/session-*.json`` or ``.jsonl`` files at any depth."""

    enabled: bool = True
    directories: tuple[str, ...] = field(default_factory=lambda: (clients.gemini("tmp"),))


class ProcessGroup(Struct, forbid_unknown_fields=True, frozen=True):
    """Processes of one role: those that match every given pattern, and their children.

    Args:
        role: the label value.
        name: regular expression searched in the process name.
        command_line: regular expression searched in the command line, arguments joined by a space.
        pidfile: file that holds the process id.
    """

    role: Name
    name: str | None = None
    command_line: str | None = None
    pidfile: str | None = None


class Collectors(Struct, forbid_unknown_fields=True, frozen=True):
    """What the exporter looks at beside its spool.

    Args:
        processes: groups of processes.
        processes_interval_seconds: between two looks at them, where the exporter's own interval is not longer.
    """

    # Made when they are asked for, as their directories are those of the environment.
    claude_code: ClaudeCode = field(default_factory=ClaudeCode)
    codex: Codex = field(default_factory=Codex)
    copilot: Copilot = field(default_factory=Copilot)
    gemini: Gemini = field(default_factory=Gemini)
    processes: tuple[ProcessGroup, ...] = (
        ProcessGroup(role="claude", name="^claude$"),
        ProcessGroup(role="codex", name="^codex$"),
        ProcessGroup(role="agentgauge", command_line=r"(^|[\s/])agentgauge (serve|exporter|analyzer|stack)\b"),
    )
    processes_interval_seconds: Annotated[float, Meta(ge=1, le=10)] = 2.0


class Probe(Struct, forbid_unknown_fields=True, frozen=True):
    """A health check: exactly one of ``http``, ``tcp`` and ``command``.

    Args:
        name: the label value.
        http: a URL that is asked with GET; redirections are not followed.
        tcp: ``host:port`` that must accept a connection.
        command: a program and its arguments, which must exit with status 0.
        interval_seconds: between two starts.
        timeout_seconds: a check that takes longer has failed.
        expected_status: what an HTTP server may answer; by default 200 to 299.
    """

    name: Name
    http: str | None = None
    tcp: str | None = None
    command: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    interval_seconds: Annotated[float, Meta(ge=1)] = 30.0
    timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 5.0
    expected_status: tuple[Annotated[int, Meta(ge=100, le=599)], ...] = ()


class Exporter(Struct, forbid_unknown_fields=True, frozen=True):
    """The exporter's pace and bounds."""

    interval_seconds: Positive = 2.0
    label_sets_per_metric: Annotated[int, Meta(ge=1)] = 1000


class Budget(Struct, forbid_unknown_fields=True, frozen=True):
    """An amount of money for a period of UTC time, spent by all agents or by those that match.

    Args:
        name: the label value.
        limit_usd: the limit in USD.
        period: when it starts anew.
        agent: regular expression that the whole agent name matches.
        model: regular expression that the whole model name matches.
    """

    name: Name
    limit_usd: Positive
    period: Literal["hour", "day", "month"] = "day"
    agent: str | None = None
    model: str | None = None


class Quality(Struct, forbid_unknown_fields=True, frozen=True):
    """The composite quality score: the weighted mean of evaluations' scores.

    Args:
        weights: ``gen_ai_evaluation_name`` to weight; they need not add up to 1. An evaluation that was not made does
            not count.
    """

    weights: dict[Name, Positive] = field(
        default_factory=lambda: {"code_quality": 0.4, "test_coverage": 0.3, "user_feedback": 0.3}
    )


class Signal(Struct, forbid_unknown_fields=True, frozen=True):
    """A number the analyzer watches, one series per combination of the ``by`` labels.

    Args:
        name: the ``signal`` label.
        measure: a quantile or the mean of a histogram; the rate of a counter per second times ``scale``; the ratio
            of two increases; a gauge's value, summed; or ``promql``, an expression as it is.
        metric: the metric measured, or the ratio's numerator. Where a counter is meant, a histogram counts its
            observations, and its name with ``_sum`` adds them up.
        where: label values the metric is restricted to; ``a|b`` is either, and a leading ``!`` excludes them.
        per: the ratio's denominator; without it the numerator's own metric. Of measure ``value`` a gauge it is
            divided by.
        per_where: label values the denominator is restricted to.
        by: labels kept.
        expression: PromQL, with measure ``promql`` only; it needs a Prometheus.
        window_seconds: range of the rate.
        worse: the direction that is bad.
        scale: factor, for instance 3600 for per hour.
        minimum_events: a smaller increase in the window (of a ratio: of its denominator) gives no value.
        regression_threshold: relative change of level that counts, 0.15 being 15 %.
        baseline_seconds: how far back the level reaches that a regression is measured against; by default all that is
            remembered.
        threshold: a level whose crossing is forecast.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
    measure: Literal["p50", "p90", "p95", "p99", "mean", "rate", "ratio", "value", "promql"]
    metric: str = ""
    where: dict[str, str] = {}
    per: str = ""
    per_where: dict[str, str] = {}
    by: tuple[str, ...] = ()
    expression: str = ""
    window_seconds: Positive = 60.0
    worse: Literal["higher", "lower", "both"] = "higher"
    scale: Positive = 1.0
    minimum_events: Annotated[float, Meta(ge=0)] = 1.0
    regression_threshold: Positive = 0.15
    baseline_seconds: Positive | None = None
    threshold: float | None = None


class Analyzer(Struct, forbid_unknown_fields=True, frozen=True):
    """The analyzer's source, pace and memory.

    Args:
        prometheus_url: base URL of an engine that speaks PromQL; empty reads the exporter of the same process.
        timeout_seconds: for one query.
        interval_seconds: between two ticks.
        history_seconds: how far back a series is judged.
        horizon_seconds: how far ahead it is forecast.
        max_series: more are left out, loudly.
        engine: what does the per-series work: "local" this process, "dask://HOST:PORT" a Dask cluster.
        remote_write_url: where findings are written, for a Prometheus that cannot scrape them; empty for nowhere.
        signals: in addition to the built-in ones; the same name replaces a built-in one.
        builtin_signals: whether the built-in ones are watched.
    """

    prometheus_url: str = ""
    timeout_seconds: Positive = 5.0
    interval_seconds: Positive = 5.0
    history_seconds: Positive = 6 * 3600.0
    horizon_seconds: Positive = 3600.0
    max_series: Annotated[int, Meta(ge=1)] = 10_000
    engine: str = "local"
    remote_write_url: str = ""
    signals: tuple[Signal, ...] = ()
    builtin_signals: bool = True


class Configuration(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file; every key has a default, so an empty file is a valid one."""

    exporter: Exporter = Exporter()
    collectors: Collectors = field(default_factory=Collectors)
    probes: Annotated[tuple[Probe, ...], Meta(max_length=100)] = ()
    budgets: tuple[Budget, ...] = ()
    quality: Quality = field(default_factory=Quality)
    analyzer: Analyzer = Analyzer()


def load(path: Path | None) -> Configuration:
    """Read a configuration file; ``None`` gives the defaults.

    Raises:
        ConfigurationError: one line that names the file, the key, and what is wrong with it.
    """
    if path is None:
        return Configuration()
    return parse(read_yaml(path), Configuration, str(path), _check)


def read_yaml(path: Path) -> object:
    """Read a YAML file; an empty one is an empty mapping.

    Raises:
        ConfigurationError: the file cannot be read, or is not YAML.
    """
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigurationError(
            f"{path}: {where}not YAML: {getattr(error, 'problem', None) or 'unreadable'}"
        ) from error
    return {} if body is None else body


def parse(body: object, schema: type[_T], file: str, check: Callable[[_T], None] | None = None) -> _T:
    """Turn what a YAML file holds into a schema's Struct.

    Args:
        body: the file's content.
        schema: a msgspec Struct type.
        file: the file's name, for the error.
        check: raises ConfigurationError("KEY: problem") for what a type cannot say.

    Raises:
        ConfigurationError: "FILE: KEY: problem".
    """
    if not isinstance(body, dict):
        raise ConfigurationError(f"{file}: a {_yaml_type(body)}, not a mapping of sections; write 'section:' lines")
    try:
        result = msgspec.convert(body, schema)
        if check is not None:
            check(result)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$")
        key = place.rstrip("`").lstrip(".")
        raise ConfigurationError(f"{file}: {key + ': ' if key else ''}{_plain(problem)}") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None
    return result


def _check(configuration: Configuration) -> None:
    for index, group in enumerate(configuration.collectors.processes):
        key = f"collectors.processes[{index}]"
        if not (group.name or group.command_line or group.pidfile):  # an empty pattern is every process
            raise ConfigurationError(f"{key}: needs name, command_line or pidfile")
        _check_pattern(f"{key}.name", group.name)
        _check_pattern(f"{key}.command_line", group.command_line)
    for index, budget in enumerate(configuration.budgets):
        _check_pattern(f"budgets[{index}].agent", budget.agent)
        _check_pattern(f"budgets[{index}].model", budget.model)
    for index, probe in enumerate(configuration.probes):
        _check_probe(f"probes[{index}]", probe)
    _check_unique("probes", [probe.name for probe in configuration.probes])
    _check_unique("budgets", [budget.name for budget in configuration.budgets])
    _check_unique("analyzer.signals", [signal.name for signal in configuration.analyzer.signals])


def _check_probe(key: str, probe: Probe) -> None:
    if (probe.http is None) + (probe.tcp is None) + (probe.command is None) != 2:
        raise ConfigurationError(f"{key}: needs one of http, tcp and command")
    if probe.http is not None and not _has_port(probe.http, ("http", "https")):
        raise ConfigurationError(f"{key}.http: {probe.http!r} is not an http:// or https:// URL")
    if probe.http is not None and urlsplit(probe.http).username is not None:
        raise ConfigurationError(f"{key}.http: a user in the URL is not sent; ask with a command, like [curl, -f, URL]")
    if probe.tcp is not None and not _has_port(f"tcp://{probe.tcp}", ("tcp",)):
        raise ConfigurationError(f"{key}.tcp: {probe.tcp!r} is not host:port")
    if probe.expected_status and probe.http is None:
        raise ConfigurationError(f"{key}.expected_status: only an http probe has a status")


def _has_port(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and (parts.scheme != "tcp" or bool(parts.port))
    except ValueError:
        return False


def _check_pattern(key: str, pattern: str | None) -> None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ConfigurationError(f"{key}: not a regular expression: {error}") from None


def _check_unique(key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{key}: the name {name!r} is used twice; give each its own")


def _plain(problem: str) -> str:
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", problem)
    return f"unknown key {unknown[1]!r}; remove or correct it" if unknown else problem


def _yaml_type(body: object) -> str:
    return {list: "list", str: "text", bool: "truth value", int: "number", float: "number"}.get(type(body), "value")
