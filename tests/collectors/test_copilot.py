"""Copilot CLI event logs: messages are calls, and the session's end tells their tokens."""

from pathlib import Path

import pytest

from agentgauge.collectors.copilot import copilot
from agentgauge.record import Record
from tests.collectors.clients import CopilotLog, manifest, recordings, refused, runs, summed, tools

MODEL = {"count": 2, "inputTokens": 1001, "outputTokens": 120, "cacheReadTokens": 600, "cacheWriteTokens": 0}


def collect(*paths: Path) -> list[Record]:
    collector = copilot(paths)
    return [*collector.poll(), *collector.finish()]


def session(name: str = "s1") -> CopilotLog:
    log = CopilotLog(name).event(1, "user.message", content="please do the secret thing")
    log.call(2, 70).tool(4, "c1").tool(8, "c2", success=False).call(12, 50).event(15, "assistant.turn_end", turnId="1")
    return log


def test_a_session_becomes_its_calls_tools_and_one_run(tmp_path: Path) -> None:
    log = session().shutdown(20, claude_sonnet_4=dict(MODEL))
    log.lines[0] = log.lines[0].replace("claude-sonnet-4.5", "claude-sonnet-4")
    records = collect(log.write(tmp_path / "events.jsonl"))
    used = summed(records)
    assert (used["input_tokens"], used["output_tokens"], used["cache_read_input_tokens"]) == (1001, 120, 600)
    assert used["cost_usd"] == pytest.approx(401 * 3e-6 + 600 * 0.3e-6 + 120 * 15e-6)
    assert [record.amounts["duration_seconds"] for record in records if "duration_seconds" in record.amounts][:1] == [2]
    timed = [record for record in records if record.kind == "llm" and "duration_seconds" in record.amounts]
    assert len(timed) == 2
    assert tools(records) == [("view", "", 3), ("view", "tool_error", 3)]
    assert runs(records) == [("copilot", "success", {"inference_calls": 2, "tool_calls": 2, "duration_seconds": 14})]
    assert not refused(records)
    assert "secret" not in repr(records)


def test_a_message_says_whether_it_asked_for_tools(tmp_path: Path) -> None:
    log = CopilotLog().event(1, "user.message", content="secret").call(2, 7, toolRequests=[{"arguments": "secret"}])
    log.call(4, 7, toolRequests=[]).call(6, 7)
    records = [record for record in collect(log.write(tmp_path / "events.jsonl")) if "output_tokens" in record.amounts]
    assert [record.labels.get("finish_reason") for record in records] == ["tool_call", "stop", None]
    assert [record.amounts.get("responses") for record in records] == [1, 1, None]


def test_output_tokens_that_no_message_told_are_counted_at_the_end(tmp_path: Path) -> None:
    records = collect(
        session().shutdown(20, claude_sonnet_4_5={**MODEL, "outputTokens": 500}).write(tmp_path / "e.jsonl")
    )
    assert summed(records)["output_tokens"] == 500 + 120  # another model's
    usage = {**MODEL, "outputTokens": 500}
    log = session()
    log.event(20, "session.shutdown", modelMetrics={"claude-sonnet-4.5": {"requests": {"count": 3}, "usage": usage}})
    assert summed(collect(log.write(tmp_path / "f" / "e.jsonl")))["output_tokens"] == 500


def test_every_end_of_a_resumed_session_counts(tmp_path: Path) -> None:
    log = session().shutdown(20, m=dict(MODEL)).event(30, "session.resume", selectedModel="m")
    log.event(31, "user.message", content="").call(32, 5).shutdown(40, m=dict(MODEL))
    records = collect(log.write(tmp_path / "e.jsonl"))
    assert summed(records)["input_tokens"] == 2002
    assert len(runs(records)) == 2


def test_a_session_that_was_killed_tells_what_its_messages_did(tmp_path: Path) -> None:
    used = summed(collect(session().write(tmp_path / "e.jsonl")))
    assert (used["output_tokens"], used["unpriced"]) == (120, 2)
    assert "input_tokens" not in used


def test_a_provider_that_tells_no_tokens_leaves_calls_unpriced(tmp_path: Path) -> None:
    zero = {"count": 2, "inputTokens": 0, "outputTokens": 0}
    used = summed(
        collect(CopilotLog().event(1, "user.message").call(2).shutdown(9, gpt_5=zero).write(tmp_path / "e.jsonl"))
    )
    assert used["unpriced"] == 2
    assert "cost_usd" not in used


def test_a_copied_log_adds_nothing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        session().shutdown(20, m=dict(MODEL)).write(tmp_path / name / "events.jsonl")
    records = collect(tmp_path)
    assert summed(records)["input_tokens"] == 1001
    assert len(tools(records)) == 2
    assert len(runs(records)) == 1


def test_subagents_errors_and_aborts(tmp_path: Path) -> None:
    log = CopilotLog().event(1, "user.message")
    log.call(2).event(5, "subagent.started", toolCallId="t9", agentName="reviewer")
    log.call(6, parentToolCallId="t9").tool(8, "c1", parentToolCallId="t9")
    log.event(12, "subagent.completed", toolCallId="t9", agentName="reviewer")
    log.event(13, "session.error", errorType="rate_limit", message="secret", statusCode=429)
    log.event(14, "user.message").call(15).event(18, "abort", reason="user_initiated")
    records = collect(log.write(tmp_path / "e.jsonl"))
    assert [(agent, outcome) for agent, outcome, _ in runs(records)] == [
        ("reviewer", "success"),
        ("copilot", "failure"),
        ("copilot", "cancelled"),
    ]
    errors = [record.labels["error_type"] for record in records if record.kind == "llm"]
    assert [error for error in errors if error] == ["429"]


@pytest.mark.parametrize("line", [b"no json", b'"text"', b'{"note": "hello"}', b"\xff\xfe", b'{"type":"session.shu'])
def test_a_line_that_is_none_is_counted_and_skipped(tmp_path: Path, line: bytes) -> None:
    path = session().shutdown(20, m=dict(MODEL)).write(tmp_path / "e.jsonl")
    path.write_bytes(path.read_bytes() + line + b"\n")
    records = collect(path)
    assert refused(records) == {"invalid": 1}
    assert summed(records)["input_tokens"] == 1001


def test_token_totals_are_those_of_an_independent_count() -> None:
    """Both agree: one call each, whose provider told no tokens."""
    for entry in manifest("copilot"):
        records = collect(recordings("other_agents") / entry["file"])
        expected = entry["expected"]["token_usage"]
        timed = [record for record in records if record.kind == "llm" and "duration_seconds" in record.amounts]
        assert len(timed) == expected["api_call_count"] == 1
        used = summed(records)
        assert used.get("input_tokens", 0) == expected["input_tokens"] == 0
        assert used.get("output_tokens", 0) == expected["output_tokens"] == 0
        assert len(runs(records)) == entry["expected"]["session_metrics"]["turn_count"]
