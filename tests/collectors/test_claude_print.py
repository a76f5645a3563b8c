"""Results of ``claude -p``: a run, and calls by model with the cost Claude Code states."""

import json
from typing import Any

import pytest

from agentgauge.collectors.claude_print import records
from agentgauge.errors import InvalidRecordError
from tests.collectors.clients import recordings, refused, runs, summed, tools

HAIKU, SONNET = "claude-3-5-haiku-20241022", "claude-sonnet-4-5-20250929"


def used(sent: int, received: int, cost: float) -> dict[str, Any]:
    cache = {"cacheReadInputTokens": 10 * sent, "cacheCreationInputTokens": sent}
    return {"inputTokens": sent, "outputTokens": received, "costUSD": cost, "webSearchRequests": 0, **cache}


def result(**body: Any) -> dict[str, Any]:
    models = {HAIKU: used(10, 3, 0.01), SONNET: used(100, 50, 0.24)}
    whole = {"type": "result", "subtype": "success", "is_error": False, "duration_ms": 86000, "num_turns": 5}
    return {**whole, "result": "secret", "session_id": "secret", "total_cost_usd": 0.25, "modelUsage": models, **body}


def test_a_result_becomes_a_run_and_the_calls_of_each_model() -> None:
    found = records(
        json.dumps(result(permission_denials=[{"tool_name": "Bash", "tool_input": {"x": "secret"}}])).encode()
    )
    total = summed(found)
    assert (total["input_tokens"], total["output_tokens"]) == (12 * 110, 53)
    assert (total["cache_read_input_tokens"], total["cache_write_input_tokens"]) == (1100, 110)
    assert total["cost_usd"] == pytest.approx(0.25)
    models = [record.labels["gen_ai_request_model"] for record in found if record.kind == "llm"]
    assert (models.count(SONNET), models.count(HAIKU)) == (5, 1)
    assert tools(found) == [("Bash", "permission_denied", 0)]
    assert runs(found) == [("claude-code", "success", {"inference_calls": 5, "duration_seconds": 86})]
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("body", "outcome", "error"),
    [
        ({"subtype": "error_max_turns", "is_error": True}, "budget", "error_max_turns"),
        ({"subtype": "error_max_budget_usd"}, "budget", "error_max_budget_usd"),
        ({"subtype": "error_during_execution"}, "failure", "error_during_execution"),
        ({"is_error": True}, "failure", "error"),
        ({"_swebench_resolved": False}, "failure", "unresolved"),
        ({"_swebench_resolved": None}, "success", ""),
    ],
)
def test_a_run_ended_as_its_result_says(body: dict[str, Any], outcome: str, error: str) -> None:
    found = records(json.dumps(result(**body)).encode())
    assert [(one.labels["outcome"], one.labels["error_type"]) for one in found if one.kind == "agent"] == [
        (outcome, error)
    ]


def test_without_models_the_whole_cost_is_that_of_none() -> None:
    assert summed(records(json.dumps(result(modelUsage={})).encode())) == {"records": 1, "cost_usd": 0.25}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("as_list", [True, False])
def test_json_and_its_list_are_read_alike(indent: int | None, as_list: bool) -> None:
    body = [{"type": "system"}, result()] if as_list else result()
    assert runs(records(json.dumps(body, indent=indent).encode()))


def test_lines_are_read_and_those_that_are_none_counted() -> None:
    lines = [{"type": "system"}, {"type": "assistant", "message": {}}, result(), result(is_error=True)]
    body = "\n".join([*map(json.dumps, lines), '{"type": "result", "subt', "no json"]).encode()
    found = records(body)
    assert [outcome for _, outcome, _ in runs(found)] == ["success", "failure"]
    assert refused(found) == {"invalid": 2}


def test_lines_without_a_result_are_refused() -> None:
    with pytest.raises(InvalidRecordError, match="no object"):
        records(b'{"type": "system"}\n{"type": "user"}\n')


def test_cost_tokens_and_verdicts_are_those_of_the_recordings() -> None:
    body = (recordings("claude_print_results") / "claude_p_json_results.jsonl").read_bytes()
    results = [json.loads(line) for line in body.splitlines()]
    found = records(body)
    models = [used for one in results for used in one["modelUsage"].values()]
    total = summed(found)
    assert total["cost_usd"] == pytest.approx(sum(one["total_cost_usd"] for one in results))
    assert total["output_tokens"] == sum(used["outputTokens"] for used in models)
    fresh = total["input_tokens"] - total["cache_read_input_tokens"] - total["cache_write_input_tokens"]
    assert fresh == sum(used["inputTokens"] for used in models)
    outcomes = [outcome for _, outcome, _ in runs(found)]
    assert outcomes == ["failure" if one["_swebench_resolved"] is False else "success" for one in results]
    assert not refused(found)
