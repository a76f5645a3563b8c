"""The exporter follows the other clients' logs in their usual places, over a restart, each counted once."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agentgauge.configuration import Codex, Collectors, Configuration, Copilot, Gemini
from agentgauge.exporter.exporter import Exporter
from agentgauge.totals import Histogram
from tests.collectors.clients import CopilotLog, Rollout, gemini_answer, gemini_file, gemini_user

RUNS, INPUT = "agentgauge_agent_runs_total", "gen_ai_client_inference_usage_input_tokens_total"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@contextmanager
def exporting(home: Path, configuration: Configuration | None = None) -> Iterator[Exporter]:
    with closing(
        Exporter(configuration or Configuration(collectors=Collectors(processes=())), home / "state")
    ) as exporter:
        yield exporter


def counted(exporter: Exporter, metric: str, label: int) -> dict[str, float]:
    """Return a counter's values by one of its labels, as a second scrape shows them."""
    exporter.families()
    for family in exporter.families():
        if family.metric.name == metric:
            found: dict[str, float] = {}
            for labels, value in family.samples.items():
                assert not isinstance(value, Histogram)
                found[labels[label]] = found.get(labels[label], 0.0) + value
            return found
    return {}


def write(home: Path) -> tuple[Rollout, Path]:
    rollout = Rollout().prompt(1).answer(3, (100, 0, 5, 0)).done(4, 3)
    path = rollout.write(home / ".codex" / "sessions" / "2026" / "03" / "01" / "rollout-1.jsonl")
    log = CopilotLog(model="gpt-5").event(1, "user.message").call(2, 9)
    usage = {"count": 1, "inputTokens": 50, "outputTokens": 9}
    log.shutdown(6, gpt_5=usage).write(home / ".copilot" / "session-state" / "s" / "events.jsonl")
    chat = [gemini_user("u", 0), gemini_answer("g", 2, (70, 0, 6, 0))]
    gemini_file(home / ".gemini" / "tmp" / "p" / "chats" / "session-1.json", chat)
    return rollout, path


def test_logs_in_their_usual_places_are_counted_once_over_a_restart(home: Path) -> None:
    rollout, path = write(home)
    with exporting(home) as exporter:
        first = counted(exporter, INPUT, 0)
        assert first == {"openai": 100, "github_copilot": 50, "gcp.gen_ai": 70}
        rows = {row.name: row.summary for row in exporter.status().watched}
        assert [rows[f"{client} CLI logs"] for client in ("Codex", "Copilot", "Gemini")] == ["1 file"] * 3
    rollout.prompt(50).answer(53, (30, 0, 5, 0)).done(54, 4)
    rollout.write(path)
    with exporting(home) as exporter:
        assert counted(exporter, INPUT, 0) == {**first, "openai": 130}
        assert counted(exporter, RUNS, 0)["codex"] == 2


def test_what_a_log_holds_when_it_is_first_followed_is_history_and_not_a_burst(home: Path) -> None:
    with exporting(home, Configuration(collectors=Collectors(codex=Codex(enabled=False), processes=()))) as exporter:
        exporter.families()
    rollout, path = write(home)
    with exporting(home) as exporter:
        (shown,) = [family for family in exporter.families() if family.metric.name == INPUT]
        assert {labels[0]: value for labels, value in shown.samples.items()}["openai"] == 100
        rollout.line(40, "turn_context", model="gpt-5-mini").prompt(50).answer(53, (30, 0, 5, 0)).write(path)
        (shown,) = [family for family in exporter.families() if family.metric.name == INPUT]
        assert {labels[1]: value for labels, value in shown.samples.items()}["gpt-5-mini"] == 0


def test_logs_that_are_switched_off_or_elsewhere(home: Path) -> None:
    write(home)
    (home / ".codex").rename(home / "elsewhere")
    collectors = Collectors(
        codex=Codex(directories=("~/elsewhere",)),
        copilot=Copilot(enabled=False),
        gemini=Gemini(enabled=False),
        processes=(),
    )
    with exporting(home, Configuration(collectors=collectors)) as exporter:
        assert counted(exporter, INPUT, 0) == {"openai": 100}


def test_nothing_is_said_of_clients_that_are_not_there(home: Path) -> None:
    with exporting(home) as exporter:
        exporter.families()
        assert not [row.name for row in exporter.status().watched if "CLI logs" in row.name]
