"""mini-swe-agent trajectories: each answer's own usage and cost, whose sum is the run's."""

import json
from typing import Any

import pytest

from agentgauge.collectors.mini_swe_agent import records
from agentgauge.errors import InvalidRecordError
from tests.collectors.clients import recordings, runs, summed


def answer(created: float, cost: float | None) -> dict[str, Any]:
    usage: dict[str, Any] = {"prompt_tokens": 100, "completion_tokens": 9}
    usage |= {"prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 3}}
    if cost is not None:
        usage["cost"] = cost
    response = {"model": "google/gemini-3-pro-preview", "created": created, "usage": usage}
    return {"role": "assistant", "content": "secret", "extra": {"response": response}}


def trajectory(
    answers: list[dict[str, Any]], cost: float, *, calls: int | None = None, status: str = "Submitted"
) -> bytes:
    stats = {"instance_cost": cost, "api_calls": len(answers) if calls is None else calls}
    info = {"exit_status": status, "submission": "secret", "model_stats": stats, "mini_version": "1.15.0"}
    messages = [{"role": "system", "content": "secret"}, *answers, {"role": "user", "content": "secret"}]
    return json.dumps({"info": info, "messages": messages, "trajectory_format": "mini-swe-agent-1"}).encode()


def test_a_trajectory_becomes_a_run_and_its_calls() -> None:
    found = records(trajectory([answer(1000, 0.25), answer(1030, 0.5)], 0.75))
    used = summed(found)
    assert (used["records"], used["input_tokens"], used["output_tokens"]) == (2, 200, 18)
    assert (used["cache_read_input_tokens"], used["reasoning_output_tokens"], used["cost_usd"]) == (80, 6, 0.75)
    assert runs(found) == [("mini-swe-agent", "success", {"inference_calls": 2, "duration_seconds": 30})]
    assert {record.labels["gen_ai_request_model"] for record in found if record.kind == "llm"} == {
        "gemini-3-pro-preview"
    }
    assert [record.time for record in found] == [1000, 1030, 1030]
    assert "secret" not in repr(found)


def test_an_answer_says_why_it_ended() -> None:
    answers = [answer(1, 0.1), answer(2, 0.1), answer(3, 0.1)]
    for one, choices in zip(answers, ([{"finish_reason": "length"}], [{}], []), strict=True):
        one["extra"]["response"]["choices"] = choices
    found = [record for record in records(trajectory(answers, 0.3)) if record.kind == "llm"]
    assert [record.labels.get("finish_reason") for record in found] == ["length", None, None]
    assert [record.amounts.get("responses") for record in found] == [1, None, None]


def test_cost_no_answer_states_is_shared_by_those_that_do_not() -> None:
    found = records(
        trajectory([answer(1, 0.25), answer(2, None), {"role": "assistant", "extra": {"cost": 0.125}}], 1.0, calls=4)
    )
    costs = [record.amounts["cost_usd"] for record in found if record.kind == "llm"]
    assert costs == pytest.approx([0.25, 0.3125, 0.125, 0.3125])


def test_a_run_that_a_limit_ended_exhausted_its_budget() -> None:
    ((_, outcome, _),) = runs(records(trajectory([answer(1, 0.1)], 0.1, status="LimitsExceeded")))
    assert outcome == "budget"


def test_a_list_of_messages_is_no_result() -> None:
    with pytest.raises(InvalidRecordError, match="array"):
        records(b'[{"role": "assistant", "content": "x"}]')


def test_cost_and_calls_are_those_of_the_recordings() -> None:
    """Five agree; two are lists of messages, of a version that wrote no result."""
    folder, lists = recordings("trajectories"), 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if not entry["file"].startswith("mini-swe-agent/"):
            continue
        body = (folder / entry["file"]).read_bytes()
        if entry["model_stats"] is None:
            lists += 1
            with pytest.raises(InvalidRecordError):
                records(body)
            continue
        used = summed(found := records(body))
        assert used["cost_usd"] == pytest.approx(entry["model_stats"]["instance_cost"])
        assert used["records"] == entry["model_stats"]["api_calls"]
        responses = [
            message["extra"]["response"]["usage"] for message in json.loads(body)["messages"] if "extra" in message
        ]
        assert used["input_tokens"] == sum(usage["prompt_tokens"] for usage in responses)
        assert used["output_tokens"] == sum(usage["completion_tokens"] for usage in responses)
        assert [outcome for _, outcome, _ in runs(found)] == ["success"]
    assert lists == 2
