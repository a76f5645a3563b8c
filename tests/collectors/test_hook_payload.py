import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.collectors.hook_payload import EVENTS, read_payload
from agentgauge.errors import InvalidRecordError
from tests.collectors.payload import SECRET, payload


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_every_event_of_the_specification_keeps_its_name(event: str) -> None:
    assert read_payload(payload(event), 1.0).name == event


def test_there_are_as_many_events_as_the_specification_has() -> None:
    assert len(EVENTS) == 33


@pytest.mark.parametrize("event", ["PreSomethingNew", "", "Stop ", SECRET, "x" * 10_000])
def test_any_other_event_is_other(event: str) -> None:
    assert read_payload(payload(event), 1.0).name == "other"


def test_a_tool_call_is_read() -> None:
    event = read_payload(payload("PostToolUse", "Bash", "toolu_1", duration_ms=1500), 12.0)
    assert (event.time, event.tool, event.seconds, event.agent) == (12.0, "Bash", 1.5, "claude-code")
    assert event.call == read_payload(payload("PreToolUse", "Bash", "toolu_1"), 1.0).call
    assert event.call != read_payload(payload("PreToolUse", "Bash", "toolu_2"), 1.0).call


def test_a_subagent_goes_by_its_type() -> None:
    event = read_payload(payload("PreToolUse", "Bash", "t", agent_id="a1", agent_type="reviewer"), 1.0)
    assert event.agent == "reviewer"
    assert read_payload(payload("PreToolUse", "Bash", "t", agent_id="a1"), 1.0).agent == "subagent"
    assert read_payload(payload("PreToolUse", "Bash", "t", agent_id="a1", agent_type="/etc/x"), 1.0).agent == "other"


def test_a_tool_that_is_no_name_is_other() -> None:
    assert read_payload(payload("PreToolUse", f"rm -rf /{SECRET}"), 1.0).tool == "other"


@pytest.mark.parametrize("milliseconds", [-1, 1e300, None])
def test_a_duration_that_is_none_is_not_taken(milliseconds: float | None) -> None:
    assert read_payload(payload("PostToolUse", "Bash", "t", duration_ms=milliseconds), 1.0).seconds is None


@pytest.mark.parametrize("missing", ["tool_use_id", "permission_mode", "agent_id", "duration_ms", "session_id"])
def test_what_is_optional_may_be_null(missing: str) -> None:
    assert read_payload(payload("PostToolUse", "Bash", **{missing: None}), 1.0).tool == "Bash"


@pytest.mark.parametrize("response", [{"a": 1}, [1], "text", None, 3])
def test_a_response_may_be_anything(response: object) -> None:
    assert read_payload(payload("PostToolUse", "Bash", tool_response=response), 1.0).tool == "Bash"


def test_camel_case_is_read_as_well() -> None:
    body = {"hookEventName": "post_tool_use", "sessionId": "s", "toolName": "shell", "toolUseId": "t", "cwd": "/x"}
    event = read_payload(json.dumps(body).encode(), 1.0)
    assert (event.name, event.tool) == ("PostToolUse", "shell")
    assert event.call == read_payload(payload("PreToolUse", "shell", "t"), 1.0).call


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"null",
        b"{}",
        b'{"hook_event_name": 3}',
        b'{"hook_event_name": "Stop"} x',
        b"[" * 100_000,
        json.dumps({"hook_event_name": "Stop", "tool_name": {"private": SECRET}}).encode(),
        b'{"hook_event_name":"\xff"}',
    ],
)
def test_what_is_no_payload_is_refused_in_one_line_without_its_content(body: bytes) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        read_payload(body, 1.0)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_refused(body: bytes) -> None:
    try:
        read_payload(body, 1.0)
    except InvalidRecordError:
        return
    assert b"hook" in body
