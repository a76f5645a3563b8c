import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.collectors.claude_code import ClaudeCodeCollector
from agentgauge.collectors.claude_code_hooks import HOLD_SECONDS, ClaudeCodeHooksCollector
from agentgauge.collectors.hook_payload import EVENTS
from agentgauge.collectors.seen import Seen
from agentgauge.errors import InvalidRecordError, SpoolError
from agentgauge.record import Record
from tests.collectors.clients import recordings
from tests.collectors.payload import SECRET, payload
from tests.collectors.session import Session


@pytest.fixture
def clock() -> Iterator[FrozenDateTimeFactory]:
    with freeze_time("2026-03-01T12:00:00Z") as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield frozen


def kinds(records: list[Record]) -> Counter[str]:
    return Counter(record.kind for record in records)


def refused(records: list[Record], result: str) -> float:
    return sum(r.amounts["count"] for r in records if r.kind == "read" and r.labels["result"] == result)


def send(collector: ClaudeCodeHooksCollector, *bodies: bytes) -> list[Record]:
    for body in bodies:
        collector.take(body)
    return list(collector.poll())


def call(identity: str | None = "toolu_1", tool: str = "Bash") -> list[bytes]:
    return [payload("PreToolUse", tool, identity), payload("PostToolUse", tool, identity)]


def test_every_event_is_counted_by_its_name() -> None:
    collector = ClaudeCodeHooksCollector(Seen(), transcripts=False)
    records = send(collector, *[payload(event) for event in sorted(EVENTS)], payload("New"), payload("Newer"))
    counts = Counter(record.labels["hook_event"] for record in records if record.kind == "hook_event")
    assert counts == {**dict.fromkeys(EVENTS, 1), "other": 2}


def test_without_transcripts_a_call_counts_at_once() -> None:
    collector = ClaudeCodeHooksCollector(Seen(), transcripts=False)
    assert kinds(send(collector, *call(), *call(None)))["tool"] == 2


def test_with_transcripts_a_call_counts_when_none_has_told_of_it(clock: FrozenDateTimeFactory) -> None:
    collector = ClaudeCodeHooksCollector(Seen(), transcripts=True)
    assert kinds(send(collector, *call()))["tool"] == 0
    clock.tick(HOLD_SECONDS - 1)
    assert kinds(list(collector.poll()))["tool"] == 0
    clock.tick(1)
    assert kinds(list(collector.poll()))["tool"] == 1
    assert list(collector.poll()) == []


def test_with_transcripts_a_call_without_an_id_is_the_transcripts() -> None:
    collector = ClaudeCodeHooksCollector(Seen(), transcripts=True)
    records = send(collector, *call(None))
    assert kinds(records)["tool"] == 0
    assert refused(records, "duplicate") == 1


def test_a_payload_sent_again_is_no_second_call(clock: FrozenDateTimeFactory) -> None:
    for transcripts in (True, False):
        collector = ClaudeCodeHooksCollector(Seen(), transcripts=transcripts)
        records = send(collector, *call(), *call(), *call())
        clock.tick(HOLD_SECONDS)
        records += collector.poll()
        assert kinds(records)["tool"] == 1
        assert refused(records, "duplicate") == 2


def both_ways(directory: Path) -> tuple[ClaudeCodeCollector, ClaudeCodeHooksCollector]:
    counted = Seen()
    return ClaudeCodeCollector([directory], counted), ClaudeCodeHooksCollector(counted, transcripts=True)


def write(directory: Path, session: Session) -> None:
    (directory / "s.jsonl").write_text("\n".join(session.lines) + "\n")


def session() -> Session:
    """Return a session of three calls: one that works, one that fails, one that was refused."""
    told = Session().prompt(at=0).answer("m1", at=1, tools={"a": "Bash", "b": "Read", "c": "Write"}, stop="tool_use")
    told.result("a", at=5).result("b", at=6, error=True).result("c", at=7, error=True)
    return told.answer("m2", at=9, stop="end_turn")


def payloads() -> list[bytes]:
    """Return what its hooks send."""
    return [
        payload("UserPromptSubmit", prompt=SECRET),
        *[payload("PreToolUse", tool, identity) for identity, tool in (("a", "Bash"), ("b", "Read"), ("c", "Write"))],
        payload("PostToolUse", "Bash", "a", duration_ms=100),
        payload("PostToolUseFailure", "Read", "b", duration_ms=100, error=SECRET),
        payload("PermissionRequest", "Write"),
        payload("Stop"),
    ]


def seconds(records: list[Record]) -> dict[str, float]:
    tools = [record for record in records if record.kind == "tool"]
    assert len(tools) == len({record.labels["gen_ai_tool_name"] for record in tools})
    return {record.labels["gen_ai_tool_name"]: record.amounts["duration_seconds"] for record in tools}


def test_a_session_told_both_ways_counts_once_by_its_transcript(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    transcripts, hooks = both_ways(tmp_path)
    write(tmp_path, session())
    records = [*transcripts.poll(), *send(hooks, *payloads())]
    clock.tick(HOLD_SECONDS)
    records += [*transcripts.poll(), *hooks.poll()]
    assert seconds(records) == {"Bash": 4.0, "Read": 5.0, "Write": 6.0}
    decisions = [record.labels for record in records if record.kind == "tool_permission"]
    assert decisions == [{"gen_ai_tool_name": "Write", "decision": "refused"}]
    assert kinds(records)["hook_event"] == len(payloads())
    assert refused(records, "duplicate") == 2


def test_hooks_that_come_before_the_transcript_give_it_time(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    transcripts, hooks = both_ways(tmp_path)
    records = [*transcripts.poll(), *send(hooks, *payloads())]
    clock.tick(HOLD_SECONDS / 2)
    write(tmp_path, session())
    records += [*transcripts.poll(), *hooks.poll()]
    clock.tick(HOLD_SECONDS)
    records += [*transcripts.poll(), *hooks.poll()]
    assert seconds(records) == {"Bash": 4.0, "Read": 5.0, "Write": 6.0}


def test_a_transcript_that_comes_too_late_counts_what_hooks_did_not(
    tmp_path: Path, clock: FrozenDateTimeFactory
) -> None:
    transcripts, hooks = both_ways(tmp_path)
    records = [*transcripts.poll(), *send(hooks, *payloads())]
    clock.tick(HOLD_SECONDS)
    records += hooks.poll()
    assert seconds(records) == {"Bash": 0.1, "Read": 0.1}
    write(tmp_path, session())
    clock.tick(60)
    records += [*transcripts.poll(), *hooks.poll()]
    assert seconds(records) == {"Bash": 0.1, "Read": 0.1, "Write": 6.0}
    assert refused(records, "duplicate") == 2


ACTIONS = st.lists(st.sampled_from(["payload", "payload", "line", "line", "poll", "tick", "restart"]), max_size=40)


@settings(max_examples=60)
@given(actions=ACTIONS)
def test_however_both_ways_interleave_each_call_counts_once(
    tmp_path_factory: pytest.TempPathFactory, actions: list[str]
) -> None:
    directory = tmp_path_factory.mktemp("both")
    told, lines, records = payloads(), session().lines, list[Record]()
    with freeze_time("2026-03-01T12:00:00Z") as clock, (directory / "s.jsonl").open("w") as file:
        transcripts, hooks = both_ways(directory)
        for action in [*actions, *["payload"] * len(told), *["line"] * len(lines), "poll", "tick", "poll"]:
            if action == "payload" and told:
                hooks.take(told.pop(0))
            elif action == "line" and lines:
                file.write(lines.pop(0) + "\n")
                file.flush()
            elif action == "poll":
                records += [*transcripts.poll(), *hooks.poll()]
            elif action == "tick":
                clock.tick(HOLD_SECONDS + 1)
            elif action == "restart":
                states = json.loads(json.dumps([transcripts.state(), hooks.state()]))
                transcripts, hooks = both_ways(directory)
                transcripts.restore(states[0])
                hooks.restore(states[1])
    assert set(seconds(records)) == {"Bash", "Read", "Write"}
    assert kinds(records)["tool_permission"] == 1
    assert kinds(records)["hook_event"] == len(payloads())


def told_by_hooks(transcript: Path) -> list[bytes]:
    """Return what the hooks of a recorded session would have sent of its calls that ended."""
    blocks = [
        block
        for line in transcript.read_bytes().splitlines()
        if isinstance(content := (json.loads(line).get("message") or {}).get("content"), list)
        for block in content
    ]
    names = {block["id"]: block["name"] for block in blocks if block.get("type") == "tool_use"}
    ends = {
        block["tool_use_id"]: "PostToolUseFailure" if block.get("is_error") else "PostToolUse"
        for block in blocks
        if block.get("type") == "tool_result"
    }
    return [
        payload(event, names[call], call)
        for call, end in ends.items()
        if call in names
        for event in ("PreToolUse", end)
    ]


@settings(max_examples=8)
@given(seed=st.integers(0, 1 << 32))
def test_recorded_sessions_told_both_ways_count_each_call_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    random = Random(seed)
    recorded = [file for file in sorted(recordings("claude_code").glob("*.jsonl")) if file.stat().st_size < 150_000]
    directory = tmp_path_factory.mktemp("recorded")
    alone = ClaudeCodeCollector(recorded)
    expected = kinds([*alone.poll(), *alone.finish()])["tool"]
    told = [body for file in recorded for body in told_by_hooks(file)]
    assert len(told) > 50
    only_hooks = [payload("PostToolUse", "Bash", f"nowhere-{number}") for number in range(3)]
    told += only_hooks
    random.shuffle(told)  # as the exporter may meet them: it was down, or read a transcript late
    waiting = {file.name: file.read_bytes() for file in recorded}
    records = list[Record]()
    with freeze_time("2026-03-01T12:00:00Z") as clock:
        transcripts, hooks = both_ways(directory)
        while waiting or told:
            for _ in range(random.randrange(40) if told else 0):
                hooks.take(told.pop() if told else only_hooks[0])
            if waiting and random.random() < 0.7:
                name = random.choice(sorted(waiting))
                size = random.randrange(1, 100_000)
                with (directory / name).open("ab") as file:
                    file.write(waiting[name][:size])
                waiting[name] = waiting[name][size:]
                waiting = {name: rest for name, rest in waiting.items() if rest}
            if random.random() < 0.1:
                states = json.loads(json.dumps([transcripts.state(), hooks.state()]))
                transcripts, hooks = both_ways(directory)
                transcripts.restore(states[0])
                hooks.restore(states[1])
            records += [*transcripts.poll(), *hooks.poll()] if random.random() < 0.5 else []
            clock.tick(random.choice([0, 1, HOLD_SECONDS + 1]))
        clock.tick(HOLD_SECONDS + 1)
        records += [*transcripts.poll(), *transcripts.finish(), *hooks.poll()]
    assert kinds(records)["tool"] == expected + len(only_hooks)


def test_a_restart_at_any_point_changes_nothing(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    hooks = ClaudeCodeHooksCollector(Seen(), transcripts=True)
    records: list[Record] = []
    for body in (*payloads(), *call("a")):
        hooks.take(body)
        state = json.loads(json.dumps(hooks.state()))
        hooks = ClaudeCodeHooksCollector(Seen(), transcripts=True)
        hooks.restore(state)
        records += hooks.poll()
        state = json.loads(json.dumps(hooks.state()))
        hooks = ClaudeCodeHooksCollector(Seen(), transcripts=True)
        hooks.restore(state)
    clock.tick(HOLD_SECONDS)
    records += hooks.poll()
    assert kinds(records)["hook_event"] == len(payloads()) + 2
    assert seconds(records) == {"Bash": 0.1, "Read": 0.1}


def test_a_clock_set_back_holds_nothing_for_long(clock: FrozenDateTimeFactory) -> None:
    hooks = ClaudeCodeHooksCollector(Seen(), transcripts=True)
    send(hooks, *call())
    clock.move_to("2025-01-01")
    assert kinds(list(hooks.poll()))["tool"] == 1


def test_what_waits_is_bounded_and_the_rest_counted() -> None:
    hooks = ClaudeCodeHooksCollector(Seen(), transcripts=False)
    body = payload("Stop")
    told = 0
    for _ in range(60_000):
        try:
            hooks.take(body)
        except SpoolError:
            told += 1
    records = list(hooks.poll())
    dropped = refused(records, "dropped")
    assert dropped == told > 0
    assert kinds(records)["hook_event"] + dropped == 60_000


def test_what_is_no_payload_is_counted() -> None:
    hooks = ClaudeCodeHooksCollector(Seen(), transcripts=False)
    with pytest.raises(InvalidRecordError):
        hooks.take(b"{")
    assert refused(list(hooks.poll()), "invalid") == 1
    assert list(hooks.poll()) == []


def test_neither_records_nor_state_hold_anything_private(clock: FrozenDateTimeFactory) -> None:
    hooks = ClaudeCodeHooksCollector(Seen(), transcripts=True)
    for body in payloads():
        hooks.take(body)
    before = json.dumps(hooks.state())
    records = list(hooks.poll())
    after = json.dumps(hooks.state())
    clock.tick(HOLD_SECONDS)
    text = before + after + str(records + list(hooks.poll()))
    assert SECRET not in text
    assert "toolu" not in text


@pytest.mark.parametrize("state", [None, 3, {}, {"events": 1, "calls": [], "held": {}, "counted": []}])
def test_a_state_that_is_none_is_refused(state: object) -> None:
    with pytest.raises(SpoolError, match="claude_code_hooks"):
        ClaudeCodeHooksCollector(Seen(), transcripts=True).restore(state)


RECORDINGS = os.environ.get("AGENTGAUGE_RECORDINGS")
RECORDED = sorted(Path(RECORDINGS, "hooks").glob("*/*.json")) if RECORDINGS else []


def recorded(file: Path) -> list[dict[str, Any]]:
    """Return a recording's payloads: a list, one object, or one a line."""
    text = file.read_text()
    try:
        body = json.loads(text)
    except ValueError:
        body = [json.loads(line) for line in text.splitlines() if line.strip()]
    return body if isinstance(body, list) else [body]


def texts(body: object) -> Iterator[str]:
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict | list):
        for value in body.values() if isinstance(body, dict) else body:
            yield from texts(value)


@pytest.mark.skipif(not RECORDED, reason="AGENTGAUGE_RECORDINGS is not set: no recorded payloads to check against")
@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_recorded_payloads_are_counted_and_nothing_of_them_is_kept(file: Path) -> None:
    hooks = ClaudeCodeHooksCollector(Seen(), transcripts=False)
    bodies = recorded(file)
    events = [body for body in bodies if {"hook_event_name", "hookEventName"} & body.keys()]
    for body in bodies:
        if body in events:
            hooks.take(msgspec.json.encode(body))
        else:
            with pytest.raises(InvalidRecordError):
                hooks.take(msgspec.json.encode(body))
    state = json.dumps(hooks.state())
    records = list(hooks.poll())
    assert kinds(records)["hook_event"] == len(events)
    assert refused(records, "invalid") == len(bodies) - len(events)
    assert all(record.labels.get("hook_event") != "other" for record in records)
    ends = [b for b in events if str(b.get("hook_event_name", b.get("hookEventName"))).lower() in ENDS]
    assert kinds(records)["tool"] + refused(records, "duplicate") == len(ends)
    labels = {value for record in records for value in record.labels.values()}
    names = {str(body.get(key)) for body in events for key in ("hook_event_name", "tool_name", "toolName")}
    names |= {"claude_code", "claude-code"}
    for text in {text for body in bodies for text in texts(body)} - names:
        assert text not in labels or text in {"function", "error", ""}
        assert len(text) < 12 or text not in state


ENDS = {"posttoolusefailure", "posttooluse", "post_tool_use"}
