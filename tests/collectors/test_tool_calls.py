import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.collectors.hook_payload import read_payload
from agentgauge.collectors.tool_calls import ToolCalls
from agentgauge.record import Record
from tests.collectors.payload import payload

Step = tuple[float, bytes]


def records(*steps: Step) -> list[Record]:
    """Return what a sequence of payloads brings, the state saved and restored between any two."""
    calls, brought = ToolCalls(), list[Record]()
    for time, body in steps:
        calls = msgspec.json.decode(msgspec.json.encode(calls), type=ToolCalls)
        calls.take(read_payload(body, time), brought)
    return brought


def tools(*steps: Step) -> list[tuple[str, str, float | None]]:
    """Return tool, error and seconds of each call."""
    return [
        (record.labels["gen_ai_tool_name"], record.labels["error_type"], record.amounts.get("duration_seconds"))
        for record in records(*steps)
        if record.kind == "tool"
    ]


def decisions(*steps: Step) -> list[tuple[str, str]]:
    return [
        (record.labels["gen_ai_tool_name"], record.labels["decision"])
        for record in records(*steps)
        if record.kind == "tool_permission"
    ]


def test_a_call_lasts_from_before_to_after_by_its_id() -> None:
    steps = [
        (1.0, payload("PreToolUse", "Bash", "a")),
        (2.0, payload("PreToolUse", "Bash", "b")),
        (3.0, payload("PostToolUse", "Bash", "b")),
        (9.0, payload("PostToolUse", "Bash", "a")),
    ]
    assert tools(*steps) == [("Bash", "", 1.0), ("Bash", "", 8.0)]


def test_the_said_duration_is_better_than_the_clock() -> None:
    steps = [(1.0, payload("PreToolUse", "Read", "a")), (9.0, payload("PostToolUse", "Read", "a", duration_ms=250))]
    assert tools(*steps) == [("Read", "", 0.25)]


def test_without_an_id_the_oldest_call_of_that_tool_ends() -> None:
    steps = [
        (1.0, payload("PreToolUse", "Read")),
        (2.0, payload("PreToolUse", "Bash")),
        (4.0, payload("PostToolUse", "Bash")),
        (5.0, payload("PreToolUse", "Read")),
        (7.0, payload("PostToolUse", "Read")),
    ]
    assert tools(*steps) == [("Bash", "", 2.0), ("Read", "", 6.0)]


@pytest.mark.parametrize(("interrupted", "error"), [(False, "tool_error"), (None, "tool_error"), (True, "cancelled")])
def test_a_failure_is_an_error(interrupted: bool | None, error: str) -> None:
    steps = [
        (1.0, payload("PreToolUse", "Bash", "a")),
        (3.0, payload("PostToolUseFailure", "Bash", "a", error="secret", is_interrupt=interrupted)),
    ]
    assert tools(*steps) == [("Bash", error, 2.0)]


def test_a_failure_whose_beginning_was_not_seen_still_counts() -> None:
    assert tools((3.0, payload("PostToolUseFailure", "Bash", "a"))) == [("Bash", "tool_error", 0.0)]
    assert tools((3.0, payload("PostToolUse", "Bash", "a"))) == [("Bash", "", None)]


def test_a_clock_set_back_gives_no_negative_duration() -> None:
    steps = [(5.0, payload("PreToolUse", "Bash", "a")), (3.0, payload("PostToolUse", "Bash", "a"))]
    assert tools(*steps) == [("Bash", "", 0.0)]


def test_tools_of_mcp_servers_are_extensions() -> None:
    (record,) = records((3.0, payload("PostToolUse", "mcp__files__read", "a")))
    assert record.labels["gen_ai_tool_type"] == "extension"


def test_a_call_that_was_asked_about_and_ran_was_granted() -> None:
    steps = [
        (1.0, payload("PreToolUse", "Bash", "a")),
        (2.0, payload("PermissionRequest", "Bash")),
        (3.0, payload("PostToolUse", "Bash", "a")),
        (4.0, payload("Stop")),
    ]
    assert decisions(*steps) == [("Bash", "granted")]


def test_a_call_that_was_asked_about_and_never_ran_was_refused() -> None:
    steps = [
        (1.0, payload("PreToolUse", "Write", "a")),
        (2.0, payload("PermissionRequest", "Write")),
        (4.0, payload("Stop")),
        (5.0, payload("Stop")),
    ]
    assert decisions(*steps) == [("Write", "refused")]
    assert tools(*steps) == []


def test_a_call_that_never_ran_unasked_was_blocked() -> None:
    steps = [(1.0, payload("PreToolUse", "Write", "a")), (4.0, payload("StopFailure"))]
    assert decisions(*steps) == [("Write", "blocked")]


def test_a_call_denied_by_a_rule_is_said_once() -> None:
    steps = [
        (1.0, payload("PreToolUse", "Bash", "a")),
        (2.0, payload("PermissionDenied", "Bash", "a")),
        (3.0, payload("Stop")),
    ]
    assert decisions(*steps) == [("Bash", "denied")]


def test_the_newest_call_of_a_tool_is_the_one_asked_about() -> None:
    steps = [
        (1.0, payload("PreToolUse", "Bash", "a")),
        (2.0, payload("PreToolUse", "Bash", "b")),
        (3.0, payload("PermissionRequest", "Bash")),
        (4.0, payload("PostToolUse", "Bash", "a")),
        (5.0, payload("Stop")),
    ]
    assert decisions(*steps) == [("Bash", "refused")]


def test_a_turn_ends_the_calls_of_its_own_agent_alone() -> None:
    steps = [
        (1.0, payload("PreToolUse", "Bash", "a", agent_id="x")),
        (2.0, payload("PreToolUse", "Read", "b", session_id="another")),
        (3.0, payload("Stop")),
        (4.0, payload("SubagentStop", agent_id="y")),
        (5.0, payload("PostToolUse", "Bash", "a", agent_id="x", agent_type="reviewer")),
        (6.0, payload("PostToolUse", "Read", "b", session_id="another")),
    ]
    assert decisions(*steps) == []
    assert tools(*steps) == [("Bash", "", 4.0), ("Read", "", 4.0)]


def test_a_session_ends_its_subagents_too() -> None:
    steps = [(1.0, payload("PreToolUse", "Bash", "a", agent_id="x")), (3.0, payload("SessionEnd"))]
    assert decisions(*steps) == [("Bash", "blocked")]


def test_calls_that_never_end_are_forgotten_in_the_end() -> None:
    calls = ToolCalls()
    for number in range(10_000):
        calls.take(read_payload(payload("PreToolUse", "Bash", str(number)), 1.0), [])
    assert len(calls.calls) < 5_000


IDS = st.sampled_from(["a", "b", None])
STEPS = st.tuples(
    st.sampled_from(["PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest", "Stop"]), IDS
)


@given(st.lists(STEPS, max_size=30))
def test_in_any_order_each_end_is_one_call_and_nothing_is_decided_twice(sequence: list[tuple[str, str | None]]) -> None:
    steps = [
        (float(time), payload(name, None if name == "Stop" else "Bash", call))
        for time, (name, call) in enumerate(sequence)
    ]
    ends = sum(name.startswith("Post") for name, _ in sequence)
    begins = sum(name == "PreToolUse" for name, _ in sequence)
    assert len(tools(*steps)) == ends
    assert len(decisions(*steps)) <= begins
