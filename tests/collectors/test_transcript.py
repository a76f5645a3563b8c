"""A transcript's lines become calls, tools and runs, each counted once."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agentgauge.collectors.conversation import label, provider_and_model
from agentgauge.collectors.entry import entries
from agentgauge.collectors.seen import Seen
from agentgauge.collectors.transcript import Transcript
from agentgauge.kinds import KINDS
from agentgauge.record import Record
from tests.collectors.session import OPUS, START, Session


def read(*sessions: Session, seen: Seen | None = None, close: bool = True) -> list[Record]:
    seen = seen or Seen()
    records: list[Record] = []
    for session in sessions:
        transcript = Transcript()
        found, invalid, _ = entries(session.text().encode())
        assert not invalid
        for entry in found:
            transcript.read(entry, seen, records)
        if close:
            transcript.close(records)
    return records


def of(kind: str, records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.kind == kind]


@pytest.mark.parametrize(
    ("stop", "reason"),
    [("end_turn", "stop"), ("tool_use", "tool_call"), ("max_tokens", "length"), ("refusal", "content_filter")],
)
def test_a_call_says_why_its_response_ended(stop: str, reason: str) -> None:
    (call,) = of("llm", read(Session().prompt().answer("m1").answer("m1", stop=stop)))
    assert (call.labels["finish_reason"], call.amounts["responses"]) == (reason, 1)


def test_a_call_that_did_not_end_or_failed_is_no_response() -> None:
    failed: dict[str, Any] = {"message": {"id": "e1", "content": "API Error: 529"}, "isApiErrorMessage": True}
    calls = of("llm", read(Session().prompt().answer("m1").prompt().line(type="assistant", **failed)))
    assert len(calls) == 2
    assert not any("responses" in call.amounts for call in calls)


def test_a_turn_becomes_calls_a_tool_and_a_run() -> None:
    usage = {"cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 20}
    session = Session().prompt(at=0).answer("m1", at=4, tools={"t1": "Bash"}, usage=usage)
    session.result("t1", at=10).answer("m2", at=13, stop="end_turn")
    records = read(session)
    calls, (tool,), (run,) = of("llm", records), of("tool", records), of("agent", records)
    assert [call.amounts["duration_seconds"] for call in calls] == [4, 3]
    assert calls[0].amounts["input_tokens"] == 1103
    assert calls[0].amounts["cache_read_input_tokens"] == 1000
    assert calls[0].amounts["cache_write_input_tokens"] == 100
    assert calls[0].amounts["output_tokens"] == 20
    # claude-opus-4-6: 5 USD a million in, 25 out, 6.25 written to and 0.50 read from the cache.
    assert calls[0].amounts["cost_usd"] == pytest.approx((3 * 5 + 100 * 6.25 + 1000 * 0.5 + 20 * 25) / 1e6)
    assert calls[0].time == START + 4
    assert calls[0].labels == {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "anthropic",
        "gen_ai_request_model": OPUS,
        "gen_ai_agent_name": "claude-code",
        "task_type": "",
        "error_type": "",
        "cost_source": "genai-prices",
    }
    assert (tool.labels["gen_ai_tool_name"], tool.labels["gen_ai_tool_type"]) == ("Bash", "function")
    assert (tool.labels["error_type"], tool.amounts["duration_seconds"]) == ("", 6)
    assert (run.labels["outcome"], run.labels["error_type"]) == ("success", "")
    assert run.amounts == {"duration_seconds": 13, "inference_calls": 2, "tool_calls": 1}


def test_every_record_is_one_of_its_kind_and_holds_no_content() -> None:
    session = Session().prompt().answer("m1", tools={"t1": "Read", "t2": "mcp__a__b"}).result("t1", error=True)
    session.result("t2").answer("m2", isApiErrorMessage=True).prompt("[Request interrupted by user]")
    for record in read(session):
        assert set(record.labels) <= set(KINDS[record.kind].labels)
        assert set(record.amounts) <= set(KINDS[record.kind].amounts)
        assert "secret" not in str(record.labels)
        assert "m1" not in record.labels.values()


def test_the_last_line_of_a_message_counts() -> None:
    session = Session().prompt(at=0)
    session.answer("m1", at=1, usage={"output_tokens": 1}).answer("m1", at=2, tools={"t1": "Read"})
    session.answer("m1", at=3, tools={"t2": "Read"}, usage={"output_tokens": 70}, stop="tool_use")
    session.result("t1").result("t2").answer("m2", usage={"output_tokens": 2})
    first, second = of("llm", read(session))
    assert (first.amounts["output_tokens"], first.amounts["duration_seconds"]) == (70, 3)
    assert second.amounts["output_tokens"] == 2


def test_a_message_is_pending_until_another_follows() -> None:
    session = Session().prompt().answer("m1", stop="end_turn")
    assert not read(session, close=False)
    assert len(of("llm", read(session.duration(9), close=False))) == 1


def test_a_resumed_session_that_copies_its_history_adds_only_what_is_new() -> None:
    first = Session().prompt().answer("m1", tools={"t1": "Bash"}).result("t1").answer("m2").duration(31)
    resumed = Session()
    resumed.lines = list(first.lines)
    resumed.prompt().answer("m3", tools={"t3": "Bash"}).result("t3").answer("m4")
    records = read(first, resumed)
    assert len(of("llm", records)) == 4
    assert len(of("tool", records)) == 2
    assert len(of("agent", records)) == 2


def test_synthetic_messages_are_no_calls() -> None:
    assert not read(Session().prompt().answer("x", model="<synthetic>", stop="stop_sequence"))


@pytest.mark.parametrize(
    ("text", "body", "error"),
    [
        ('API Error: 529 {"type":"error"}', {}, "529"),
        ("API Error: Request failed with status code 401", {}, "401"),
        ("API Error: Connection error.", {}, "api_error"),
        ("Usage limit reached", {"error": "rate_limit"}, "rate_limit"),
        ("Usage limit reached", {"error": "Some Sentence /home/x"}, "api_error"),
    ],
)
def test_an_api_error_is_a_failed_call_and_a_failed_run(text: str, body: dict[str, str], error: str) -> None:
    session = Session().prompt(at=0).answer("m1", at=2).result("none", at=3)
    message = {"id": "e1", "model": "<synthetic>", "content": [{"type": "text", "text": text}], "usage": {}}
    session.line(8, type="assistant", isApiErrorMessage=True, message=message, **body)
    records = read(session)
    failed = of("llm", records)[1]
    assert (failed.labels["error_type"], failed.labels["gen_ai_request_model"]) == (error, OPUS)
    assert failed.amounts == {"duration_seconds": 5}
    (run,) = of("agent", records)
    assert (run.labels["outcome"], run.labels["error_type"]) == ("failure", error)


def test_each_attempt_that_was_retried_is_a_failed_call() -> None:
    session = Session().prompt(at=0)
    for at in (2, 6):
        session.line(at, type="system", subtype="api_error", error={"status": 529}, retryAttempt=1)
    session.answer("m1", at=7)
    records = read(session)
    durations = [(call.labels["error_type"], call.amounts["duration_seconds"]) for call in of("llm", records)]
    assert durations == [("529", 2), ("529", 4), ("", 1)]
    assert of("agent", records)[0].labels["outcome"] == "success"


def test_a_tool_that_fails_is_a_tool_error() -> None:
    records = read(Session().prompt().answer("m1", tools={"t1": "Bash"}).result("t1", error=True))
    assert of("tool", records)[0].labels["error_type"] == "tool_error"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mcp__server__do", ("mcp__server__do", "extension")),
        ("Read", ("Read", "function")),
        ("a tool / with a path", ("other", "function")),
        ("x" * 200, ("other", "function")),
    ],
)
def test_tool_names_are_names(name: str, expected: tuple[str, str]) -> None:
    (tool,) = of("tool", read(Session().prompt().answer("m1", tools={"t1": name}).result("t1")))
    assert (tool.labels["gen_ai_tool_name"], tool.labels["gen_ai_tool_type"]) == expected


def test_lines_out_of_the_order_of_time_give_no_negative_duration() -> None:
    session = Session().prompt(at=10).answer("m1", at=5, tools={"t1": "Read"}).result("t1", at=4).answer("m2", at=6)
    records = read(session)
    assert all(value >= 0 for record in records for value in record.amounts.values())
    assert "duration_seconds" not in of("llm", records)[0].amounts
    assert of("tool", records)[0].amounts["duration_seconds"] == 0


def test_a_turn_lasts_as_long_as_claude_code_says() -> None:
    session = Session().prompt(at=0).answer("m1", at=9).duration(31.5)
    assert of("agent", read(session))[0].amounts["duration_seconds"] == 31.5


def test_a_prompt_ends_the_run_before() -> None:
    session = Session().prompt(at=0).answer("m1", at=5).prompt(at=100).answer("m2", at=107)
    assert [run.amounts["duration_seconds"] for run in of("agent", read(session))] == [5, 7]


@pytest.mark.parametrize("body", [{"isMeta": True}, {"isCompactSummary": True}])
def test_what_claude_code_itself_says_to_the_model_is_no_prompt(body: dict[str, bool]) -> None:
    session = Session().prompt(at=0).answer("m1", at=5).prompt("Caveat", at=6, **body).answer("m2", at=7)
    (run,) = of("agent", read(session))
    assert run.amounts == {"duration_seconds": 7, "inference_calls": 2, "tool_calls": 0}


def test_a_command_without_an_answer_is_no_run() -> None:
    session = (
        Session().prompt("<command-name>/clear</command-name>").prompt("<local-command-stdout></local-command-stdout>")
    )
    assert not read(session)


def test_an_interrupted_run_was_cancelled() -> None:
    session = Session().prompt(at=0).answer("m1", at=2, tools={"t1": "Bash"}).result("t1", at=5, error=True)
    session.line(
        6, type="user", message={"content": [{"type": "text", "text": "[Request interrupted by user for tool use]"}]}
    )
    (run,) = of("agent", read(session))
    assert (run.labels["outcome"], run.labels["error_type"]) == ("cancelled", "cancelled")


def test_a_run_that_still_waits_for_a_tool_at_the_end_was_cancelled() -> None:
    (run,) = of("agent", read(Session().prompt().answer("m1", tools={"t1": "Bash"})))
    assert run.labels["outcome"] == "cancelled"


def test_inline_subagents_are_told_apart() -> None:
    def side(number: int, **body: Any) -> dict[str, Any]:
        return {"isSidechain": True, "uuid": f"side-{number}", **body}

    session = Session().prompt(at=0)
    session.answer("m1", at=1, tools={"a": "Task"}, inputs={"subagent_type": "reviewer", "prompt": "review it"})
    session.answer("m1", at=2, tools={"b": "Task"}, inputs={"subagent_type": "tester", "prompt": "test it"})
    session.prompt("review it", at=3, **side(1, parentUuid=None))
    session.prompt("test it", at=3, **side(2, parentUuid=None))
    session.answer("r1", at=5, tools={"ra": "Read"}, **side(3, parentUuid="side-1"))
    session.answer("t1", at=6, **side(4, parentUuid="side-2"))
    session.result("ra", at=7, **side(5, parentUuid="side-3"))
    session.answer("r2", at=9, **side(6, parentUuid="side-5"))
    session.answer("t1", at=10, usage={"output_tokens": 99}, **side(7, parentUuid="side-4"))
    session.result("b", at=11).result("a", at=12).answer("m2", at=14, stop="end_turn")
    records = read(session)
    agents = {call.labels["gen_ai_agent_name"]: call for call in of("llm", records)}
    assert len(of("llm", records)) == 5
    assert agents["tester"].amounts["output_tokens"] == 99
    runs = {run.labels["gen_ai_agent_name"]: run.amounts for run in of("agent", records)}
    assert runs == {
        "reviewer": {"duration_seconds": 6, "inference_calls": 2, "tool_calls": 1},
        "tester": {"duration_seconds": 7, "inference_calls": 1, "tool_calls": 0},
        "claude-code": {"duration_seconds": 14, "inference_calls": 2, "tool_calls": 2},
    }
    tools = {tool.labels["gen_ai_agent_name"] for tool in of("tool", records)}
    assert tools == {"reviewer", "claude-code"}


def test_lines_of_progress_repeat_what_another_file_says() -> None:
    session = Session().prompt().answer("m1")
    message = {"type": "assistant", "message": {"id": "p1", "model": OPUS, "usage": {"input_tokens": 9}}}
    session.line(type="progress", data={"type": "agent_progress", "message": message, "agentId": "a1"})
    assert len(of("llm", read(session))) == 1


def test_what_is_remembered_is_bounded_and_no_content() -> None:
    session = Session().prompt()
    for number in range(400):
        session.answer(f"m{number}", tools={f"t{number}": "Read"})
        session.prompt("review", isSidechain=True, parentUuid=None)
        session.answer(f"s{number}", isSidechain=True)
    transcript, seen, records = Transcript(), Seen(), list[Record]()
    for entry in entries(session.text().encode())[0]:
        transcript.read(entry, seen, records)
    assert len(transcript.tools) <= 256
    assert len(transcript.conversations) <= 32
    transcript.close(records)
    assert len(of("llm", records)) == 800
    assert not transcript.waiting


@pytest.mark.parametrize(
    ("model", "message", "expected"),
    [
        (OPUS, "msg_01", ("anthropic", OPUS)),
        (OPUS, "msg_bdrk_01", ("aws.bedrock", OPUS)),
        (OPUS, "msg_vrtx_01", ("gcp.vertex_ai", OPUS)),
        ("claude-sonnet-4@20250514", "msg", ("gcp.vertex_ai", "claude-sonnet-4@20250514")),
        ("us.anthropic.claude-opus-4-6-v1:0", "msg", ("aws.bedrock", "us.anthropic.claude-opus-4-6-v1:0")),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-6-v1:0",
            "msg",
            ("aws.bedrock", "eu.anthropic.claude-opus-4-6-v1:0"),
        ),
        ("moonshotai/kimi-k2", "msg", ("other", "kimi-k2")),
        ("", "msg", ("anthropic", "")),
    ],
)
def test_the_provider_is_told_by_model_and_message(model: str, message: str, expected: tuple[str, str]) -> None:
    assert provider_and_model(model, message) == expected


def test_a_label_is_a_name() -> None:
    assert label("general-purpose", "x") == "general-purpose"
    assert label("", "x") == "x"
    assert label("a\nb", "x") == "other"
    assert label("n" * 101, "x") == "other"


def test_an_unknown_model_is_counted_as_unpriced() -> None:
    (call,) = of("llm", read(Session().prompt().answer("m1", model="claude-of-the-future-99")))
    assert (call.labels["cost_source"], call.amounts["unpriced"]) == ("unpriced", 1)
    assert "cost_usd" not in call.amounts


def test_an_hours_cache_write_costs_twice_the_input() -> None:
    def cost(**creation: int) -> float:
        usage = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1000, "cache_creation": creation}
        (call,) = of("llm", read(Session().prompt().answer("m1", usage=usage)))
        return call.amounts["cost_usd"]

    assert cost(ephemeral_5m_input_tokens=1000) == pytest.approx(1000 * 5e-6 * 1.25)
    assert cost(ephemeral_1h_input_tokens=1000) == pytest.approx(1000 * 5e-6 * 2)
    assert json.dumps(cost())  # older lines do not say which
