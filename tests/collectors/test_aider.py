"""Aider's results: SWE-bench predictions, and its own benchmark's."""

import json
from typing import Any

import pytest
import yaml

from agentgauge.collectors.aider import records
from agentgauge.errors import InvalidRecordError
from tests.collectors.clients import recordings, runs, summed

OPUS = "openrouter/anthropic/claude-3-opus"


def prediction(**body: Any) -> bytes:
    tries = [
        {"model": "gpt-4o", "cost": 0.25, "model_patch": "secret"},
        {"model": OPUS, "cost": 0.5, "model_patch": ""},
    ]
    whole = {"model": OPUS, "cost": 0.75, "model_patch": "secret", "all_results": tries, "resolved": True, **body}
    return json.dumps({"instance_id": "secret", "added_files": ["secret.py"], **whole}).encode()


def case(outcomes: list[bool], **body: Any) -> bytes:
    whole = {"testcase": "secret", "model": "gpt-4o", "tests_outcomes": outcomes, "cost": 0.1, "duration": 12.5, **body}
    return json.dumps(whole).encode()


def test_a_prediction_is_a_run_and_its_tries_have_their_own_cost() -> None:
    found = records(prediction())
    costs = {record.labels["gen_ai_request_model"]: record.amounts["cost_usd"] for record in found[:2]}
    assert costs == {"gpt-4o": 0.25, "claude-3-opus": 0.5}
    assert runs(found) == [("aider", "success", {})]
    assert summed(found, "revisions") == {"records": 1, "count": 1}
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"resolved": False}, "failure"),
        ({"resolved": None, "test_outcome": True}, "success"),
        ({"resolved": None, "test_outcome": False}, "failure"),
        ({"resolved": None, "model_patch": None}, "failure"),
        ({"all_results": []}, "success"),
    ],
)
def test_a_prediction_succeeded_where_it_is_resolved_or_else_its_tests_passed(
    body: dict[str, Any], outcome: str
) -> None:
    found = records(prediction(**body))
    assert [one for _, one, _ in runs(found)] == [outcome]
    assert summed(found)["cost_usd"] == 0.75


@pytest.mark.parametrize(
    ("outcomes", "body", "outcome", "error", "revisions"),
    [
        ([True], {}, "success", "", 0),
        ([False, True], {}, "success", "", 1),
        ([False, False], {}, "failure", "tests_failed", 1),
        ([False], {"test_timeouts": 1}, "timeout", "test_timeout", 0),
        ([False], {"num_exhausted_context_windows": 2}, "failure", "context_window", 0),
        ([], {}, "failure", "tests_failed", 0),
    ],
)
def test_a_case_of_the_benchmark(
    outcomes: list[bool], body: dict[str, Any], outcome: str, error: str, revisions: int
) -> None:
    found = records(case(outcomes, **body))
    assert runs(found) == [("aider", outcome, {"duration_seconds": 12.5})]
    assert [record.labels["error_type"] for record in found if record.kind == "agent"] == [error]
    assert summed(found, "revisions")["count"] == revisions
    assert summed(found)["cost_usd"] == pytest.approx(0.1)


def test_tokens_are_shared_by_the_attempts() -> None:
    used = summed(records(case([False, True], prompt_tokens=1001, completion_tokens=50)))
    assert (used["records"], used["input_tokens"], used["output_tokens"]) == (2, 1001, 50)


BOARD = """
- dirname: secret
  model: openrouter/someone/my-model
  test_cases: 4
  pass_rate_1: 25.0
  pass_rate_2: 75.0
  total_cost: 0.5
  seconds_per_case: 12.5
  date: 2026-01-02
- model: o3 (high)
  test_cases: 3
  pass_rate_1: 33.3
  seconds_per_case: 1
  prompt_tokens: 100
"""


def test_a_leaderboard_is_runs_of_every_model() -> None:
    found = records(BOARD.encode())
    outcomes = [outcome for _, outcome, _ in runs(found)]
    assert (outcomes.count("success"), outcomes.count("failure")) == (3 + 1, 1 + 2)
    assert summed(found, "agent")["duration_seconds"] == 4 * 12.5 + 3
    costs = {
        record.labels["gen_ai_request_model"]: record.amounts["cost_usd"] for record in found if record.kind == "llm"
    }
    assert costs == {"my-model": 0.5, "o3 (high)": 0}
    assert summed(found)["input_tokens"] == 100
    assert "secret" not in repr(found)


BOMB = "- &a [x]\n- &b [*a, *a]\n- [*b, *b]\n"


OTHERS = ("- 1\n", "[]", "text", "- model: x\n", BOMB, "!!python/object:os.system {}", "- {a: [", "\0", "x" * (5 << 20))


@pytest.mark.parametrize("body", OTHERS, ids=range(len(OTHERS)))
def test_another_yaml_is_no_leaderboard(body: str) -> None:
    with pytest.raises(InvalidRecordError) as error:
        records(body.encode())
    assert "\n" not in str(error.value)


def test_leaderboards_have_the_entries_and_cost_of_the_recordings() -> None:
    folder = recordings("aider_leaderboards")
    for file in json.loads((folder / "manifest.json").read_text())["files"]:
        body = (folder / file["file"]).read_bytes()
        entries = yaml.safe_load(body)
        found = records(body)
        assert len(entries) == file["entries"]
        assert summed(found)["cost_usd"] == pytest.approx(sum(entry.get("total_cost", 0.0) for entry in entries))
        assert len(runs(found)) == sum(entry["test_cases"] for entry in entries)
        passed = sum(entry.get("pass_rate_2", entry["pass_rate_1"]) * entry["test_cases"] / 100 for entry in entries)
        assert [outcome for _, outcome, _ in runs(found)].count("success") == pytest.approx(passed, rel=0.001)


def test_an_object_of_neither_kind_is_refused() -> None:
    with pytest.raises(InvalidRecordError, match="neither"):
        records(b'{"model": "x"}')


def test_cost_and_verdict_are_those_of_the_recordings() -> None:
    folder, count = recordings("trajectories"), 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if entry["file"].startswith("aider-swe-bench/"):
            count += 1
            found = records((folder / entry["file"]).read_bytes())
            assert summed(found)["cost_usd"] == pytest.approx(entry["cost"])
            assert [outcome == "success" for _, outcome, _ in runs(found)] == [entry["resolved"]]
    assert count == 4
