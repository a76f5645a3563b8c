"""The analyzer against a real Prometheus: the same answers as from the totals, and the command as a process."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import requests

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.analyzer.series import Series
from agentgauge.analyzer.source.embedded import EmbeddedSource
from agentgauge.analyzer.source.prometheus import PrometheusSource
from agentgauge.configuration import Signal
from agentgauge.exposition import render
from agentgauge.record import Record
from agentgauge.totals import Family, Histogram, Totals
from tests.integration import servers
from tests.integration.servers import until

STEP = 7.0
"""Seconds between samples; no multiple of it is a window, whose end Prometheus 2 and 3 treat differently."""

TICKS = 300
SIGNALS = (
    *BUILTIN,
    Signal("calls", "rate", "gen_ai_client_operation_duration_seconds", by=("gen_ai_request_model",), minimum_events=0),
    Signal("score_p50", "p50", "agentgauge_evaluation_score_ratio", by=("gen_ai_agent_name",), window_seconds=300),
    Signal("slow_p99", "p99", "gen_ai_execute_tool_duration_seconds", {"gen_ai_tool_name": "!read|no.ne"}),
    Signal("processes", "value", "agentgauge_processes", {"role": "claude|codex"}),
    Signal("by_role", "value", "agentgauge_processes", by=("role",)),
)

Samples = dict[Series, float]


def work(totals: Totals, chance: random.Random, tick: int) -> None:
    """Record what a few agents do in one step; some things only begin, or only end, midway."""
    for _ in range(chance.randrange(4)):
        agent = {"gen_ai_agent_name": chance.choice(["planner", "coder"]), "task_type": chance.choice(["", "review"])}
        failed = tick > 100 and chance.random() < 0.2
        error, outcome = ("timeout", "timeout") if failed else ("", "success")
        seconds = {"duration_seconds": chance.lognormvariate(0, 1)}
        totals.fold(Record("agent", 0, {**agent, "error_type": error, "outcome": outcome}, seconds))
        totals.fold(Record("evaluation", 0, {**agent, "gen_ai_evaluation_name": "e"}, {"score_ratio": chance.random()}))
        model = {"gen_ai_provider_name": "p", "gen_ai_request_model": chance.choice(["big", "small"])}
        amounts = {**seconds, "input_tokens": float(chance.randrange(5000)), "cost_usd": chance.random()}
        totals.fold(Record("llm", 0, {**agent, **model, "error_type": error}, amounts))
    for _ in range(chance.randrange(3)):
        tool = {"gen_ai_tool_name": chance.choice(["read", "grep", "edit"])}
        totals.fold(Record("tool", 0, tool, {"duration_seconds": chance.lognormvariate(-1, 2)}))
        totals.fold(
            Record("cache", 0, {"cache": "c", "result": chance.choice(["hit", "miss", "evict"])}, {"count": 1.0})
        )
    if tick % 20 == 0 and tick < 200:
        hook = {"hook_system": "git", "hook_event": "pre-commit", "hook_name": "ruff"}
        outcome = "error" if tick % 60 == 0 else "success"
        totals.fold(Record("hook", 0, {**hook, "outcome": outcome}, {"duration_seconds": chance.random()}))
        workflow = {"gen_ai_workflow_name": "w"}
        totals.fold(Record("workflow", 0, workflow, {"duration_seconds": 100 * chance.random()}))
        step = {**workflow, "from_state": chance.choice(["plan", "act"]), "to_state": "done"}
        totals.fold(Record("transition", 0, step, {"duration_seconds": 50 * chance.random()}))
    if tick % 10 == 0:
        verdict = {"gen_ai_tool_name": "grep", "verdict": chance.choice(["correct", "wrong", "unnecessary"])}
        totals.fold(Record("tool_selection", 0, verdict, {"count": 6.0}))
        totals.fold(Record("test_run", 0, {"suite": "unit", "stage": "ci"}, {"duration_seconds": 90 * chance.random()}))
        totals.fold(Record("recovery", 0, {"gen_ai_workflow_name": "w", "strategy": "retry", "outcome": "success"}))
    totals.set("agentgauge_budget_used_ratio", ("daily",), tick / TICKS)
    for name in ("spool_size", "spool_limit", "disk_free", "disk_size"):
        totals.set(f"agentgauge_{name}_bytes", (), 1e6 * chance.randrange(1, 9))
    for role in ("claude", "codex", "other"):
        totals.set("agentgauge_processes", (role,), float(chance.randrange(5)))
        totals.set("agentgauge_process_resident_memory_bytes", (role,), 1e6 * chance.randrange(1, 5))
        totals.set("agentgauge_process_open_fds", (role,), float(chance.randrange(50)))


class Recorded:
    """What the totals answered at each tick, and the samples a Prometheus would have scraped of them."""

    def __init__(self, begin: float) -> None:
        chance = random.Random(7)
        totals = Totals()
        source = EmbeddedSource(totals.families)
        self.times = [begin + STEP * tick for tick in range(TICKS)]
        self.answers: list[Samples] = []
        self.events: list[Samples] = []
        self._lines: dict[str, list[str]] = {}
        self._types: dict[str, str] = {}
        known: set[tuple[str, tuple[str, ...]]] = set()
        for tick, now in enumerate(self.times):
            work(totals, chance, tick)
            reading = source.read(SIGNALS, now)
            self.answers.append(reading.values)
            self.events.append(reading.events)
            for family in totals.families():
                born = {labels for labels in family.samples if (family.metric.name, labels) not in known}
                if tick and born and family.metric.type != "gauge":
                    # Exposed at zero first, as Totals.expose does it for a scrape.
                    empty = (
                        Histogram([0] * (len(family.metric.buckets) + 1)) if family.metric.type == "histogram" else 0.0
                    )
                    self._write(Family(family.metric, dict.fromkeys(born, empty)), self.times[tick - 1])
                known |= {(family.metric.name, labels) for labels in born}
                self._write(family, now)

    def _write(self, family: Family, now: float) -> None:
        name, kind = family.metric.name, family.metric.type
        self._types[name] = f"# TYPE {name.removesuffix('_total') if kind == 'counter' else name} {kind}"
        text = render([family], openmetrics=True, end=False).decode()
        lines = self._lines.setdefault(name, [])
        lines += [f"{line} {now:.3f}" for line in text.splitlines() if not line.startswith("#")]

    def openmetrics(self) -> str:
        text = []
        for name, lines in self._lines.items():
            text += [self._types[name], *sorted(lines, key=lambda line: line.rpartition("}")[0])]
        return "\n".join([*text, "# EOF\n"])


def test_prometheus_and_the_totals_give_the_same_answers(tmp_path: Path) -> None:
    recorded = Recorded(float(int(time.time()) - 3600))
    seen: set[str] = set()
    with servers.prometheus(tmp_path, "global: {}\n", history=recorded.openmetrics()) as prometheus:
        source = PrometheusSource(prometheus.url, 10)
        for tick in (1, 5, 20, 101, 130, 199, 250, TICKS - 1):
            reading = source.read(SIGNALS, recorded.times[tick])
            assert reading.answered
            assert not reading.failed
            assert reading.values == pytest.approx(recorded.answers[tick], rel=1e-9, abs=1e-9)
            events = {one: reading.events[one] for one in recorded.events[tick]}
            assert events == pytest.approx(recorded.events[tick], rel=1e-9)
            seen |= {one.signal for one in reading.values}
        past: dict[Series, dict[float, float]] = {}
        for one, times, values in source.history(SIGNALS, recorded.times[0], recorded.times[-1], STEP):
            known = np.isfinite(values)
            past.setdefault(one, {}).update(zip(times[known].tolist(), values[known].tolist(), strict=True))
    assert seen == {one.name for one in SIGNALS}
    for tick, now in enumerate(recorded.times):
        stored = {one: values[now] for one, values in past.items() if now in values}
        assert stored == pytest.approx(recorded.answers[tick], rel=1e-9, abs=1e-9)


def test_command_learns_from_what_is_stored_and_serves_findings(tmp_path: Path) -> None:
    # Ends now, so that the analyzer's first ticks still see it.
    recorded = Recorded(time.time() - STEP * (TICKS - 3))
    address = f"127.0.0.1:{servers.free_port()}"
    environment = {**os.environ, "AGENTGAUGE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "agentgauge", "analyzer", f"--web.listen-address={address}"]
    with servers.prometheus(tmp_path, "global: {}\n", history=recorded.openmetrics()) as prometheus:
        process = subprocess.Popen(
            [*command, f"--prometheus.url={prometheus.url}"], env=environment, stderr=subprocess.PIPE, text=True
        )
        try:
            until(lambda: _get(address, "/-/ready"))
            text = until(lambda: _get(address, "/metrics"))
            assert 'agentgauge_signal_expected{signal="agent_duration_p95",gen_ai_agent_name="coder"}' in text
            assert "agentgauge_signal_forecast{" in text
            assert "agentgauge_analyzer_source_up 1.0" in text
            assert "agent_duration_p95" in until(lambda: _get(address, "/"))
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=servers.PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in log
    assert (tmp_path / "home" / "analyzer" / "state.npz").exists()


def _get(address: str, path: str) -> str:
    try:
        response = requests.get(f"http://{address}{path}", timeout=servers.PATIENCE)
    except requests.ConnectionError:
        return ""
    return response.text if response.ok else ""
