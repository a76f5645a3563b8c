"""SWE-agent trajectories: a run, its calls by their sums, its tools by their times."""

import json
from typing import Any

import pytest

from agentgauge.collectors.swe_agent import records
from agentgauge.errors import InvalidRecordError
from tests.collectors.clients import recordings, runs, summed, tools

STATS = {"instance_cost": 0.5, "tokens_sent": 1001, "tokens_received": 99, "api_calls": 4}


def trajectory(status: str | None = "submitted", **body: Any) -> bytes:
    steps = [
        {"action": "find_file secret.py", "observation": "secret", "execution_time": 0.25},
        {"action": "rm -rf /secret", "observation": "", "execution_time": 1.5},
        {"action": "submit", "response": "secret"},
    ]
    config = {"agent": {"model": {"name": "openai/gpt-4o"}}}
    return json.dumps(
        {"trajectory": steps, "info": {"exit_status": status, "model_stats": STATS}, "replay_config": config, **body}
    ).encode()


def test_a_trajectory_becomes_a_run_its_calls_and_its_tools() -> None:
    found = records(trajectory())
    used = summed(found)
    assert (used["records"], used["input_tokens"], used["output_tokens"]) == (4, 1001, 99)
    assert used["cost_usd"] == pytest.approx(0.5)
    assert tools(found) == [("find_file", "", 0.25), ("bash", "", 1.5)]
    assert runs(found) == [("swe-agent", "success", {"inference_calls": 4, "tool_calls": 3})]
    labels = {(record.labels["gen_ai_provider_name"], record.labels["gen_ai_request_model"]) for record in found[:4]}
    assert labels == {("openai", "gpt-4o")}
    assert "secret" not in repr(found)


@pytest.mark.parametrize("config", [None, json.dumps({"agent": {"model": {"name": "gpt-4o"}}}), {"env": {}}])
def test_versions_keep_their_configuration_in_several_ways(config: Any) -> None:
    assert runs(records(trajectory(replay_config=config)))


def test_a_run_that_a_limit_ended_exhausted_its_budget() -> None:
    ((_, outcome, _),) = runs(records(trajectory("submitted (exit_cost)")))
    assert outcome == "budget"


def test_a_run_that_has_not_ended_is_no_result() -> None:
    with pytest.raises(InvalidRecordError, match="exit_status"):
        records(trajectory(None))


def test_cost_tokens_and_calls_are_those_of_the_recordings() -> None:
    folder = recordings("trajectories")
    entries = [entry for entry in json.loads((folder / "manifest.json").read_text()) if "swe-agent/" in entry["file"]]
    entries = [entry for entry in entries if entry["file"].startswith("swe-agent/")]
    assert len(entries) == 2
    for entry in entries:
        found, stats = records((folder / entry["file"]).read_bytes()), entry["model_stats"]
        used = summed(found)
        assert used["cost_usd"] == pytest.approx(stats["instance_cost"])
        assert (used["input_tokens"], used["output_tokens"]) == (stats["tokens_sent"], stats["tokens_received"])
        ((_, outcome, amounts),) = runs(found)
        assert outcome == "success"
        assert amounts == {"inference_calls": stats["api_calls"], "tool_calls": entry["steps"]}
