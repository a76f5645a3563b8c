"""Aider's results: SWE-bench predictions, and its own benchmark's."""

import json
from typing import Any

import pytest

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
