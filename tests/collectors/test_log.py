"""Logs are followed while they grow, are replaced and are interrupted: nothing is lost, nothing doubled."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import freezegun
import pytest
from freezegun.api import FrozenDateTimeFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentgauge.collectors import follower, log
from agentgauge.collectors.codex import codex
from agentgauge.collectors.copilot import copilot
from agentgauge.collectors.gemini import gemini
from agentgauge.errors import SpoolError
from agentgauge.record import Record
from tests.collectors.clients import CopilotLog, Rollout, refused, runs, summed, tools


@pytest.fixture
def clock() -> Iterator[FrozenDateTimeFactory]:
    # Not before the files the test writes, whose times are the real clock's.
    with freezegun.freeze_time(datetime.fromtimestamp(time.time() + 1, UTC)) as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield frozen


def rollout(calls: int = 6) -> Rollout:
    built = Rollout()
    for number in range(calls):
        at = number * 100.0
        built.prompt(at, turn=f"t{number}").answer(at + 2, (100 + number, 10, 5, 1), tools={f"c{number}": "shell"})
        built.answer(at + 6, (200 + number, 20, 7, 2)).done(at + 8, 8)
    return built


def totals(records: list[Record]) -> tuple[object, ...]:
    return summed(records), sorted(tools(records)), [(outcome, used) for _, outcome, used in runs(records)]


def whole(tmp_path: Path, content: Rollout) -> tuple[object, ...]:
    collector = codex([content.write(tmp_path / "whole" / "r.jsonl")])
    return totals([*collector.poll(), *collector.finish()])


def test_a_log_is_read_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "live" / "r.jsonl"
    path.parent.mkdir()
    path.touch()
    content, collector, records = rollout(), codex([path]), list[Record]()
    with path.open("a") as file:
        for line in content.lines:
            for part in (line[:40], line[40:] + "\n"):
                file.write(part)
                file.flush()
                records += collector.poll()
                assert not list(collector.poll())
    assert len(runs(records)) == 6  # with nothing more to wait for
    assert totals([*records, *collector.finish()]) == whole(tmp_path, content)


OPERATIONS = st.lists(st.sampled_from(["write", "poll", "save", "crash"]), max_size=60)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS, size=st.integers(1, 900))
def test_a_kill_at_any_instant_neither_loses_nor_doubles(tmp_path: Path, operations: list[str], size: int) -> None:
    content = rollout(4)
    body, path = content.text().encode(), tmp_path / "r.jsonl"
    path.write_bytes(b"")
    collector, kept = codex([path]), list[Record]()
    saved_state, saved = json.dumps(collector.state()), list[Record]()
    written = 0
    for operation in operations:
        if operation == "write":
            with path.open("ab") as file:
                file.write(body[written : written + size])
            written += size
        elif operation == "poll":
            kept += collector.poll()
        elif operation == "save":
            saved_state, saved = json.dumps(collector.state()), list(kept)
        else:
            collector, kept = codex([path]), list(saved)
            collector.restore(json.loads(saved_state))
    path.write_bytes(body)
    kept += [*collector.poll(), *collector.finish()]
    assert totals(kept) == whole(tmp_path, content)


@pytest.mark.parametrize("in_place", [True, False])
def test_a_log_that_is_replaced_by_its_own_beginning_adds_only_what_is_new(
    tmp_path: Path, clock: FrozenDateTimeFactory, in_place: bool
) -> None:
    path = rollout(3).write(tmp_path / "r.jsonl")
    collector = codex([tmp_path])
    records = list(collector.poll())
    longer = rollout(5)
    if in_place:
        longer.lines[0] = longer.lines[0].replace("/secret", "/other")
        path.write_text(longer.text())
    else:
        other = longer.write(tmp_path / "other")
        other.replace(path)
    clock.tick(11)
    records += [*collector.poll(), *collector.finish()]
    assert summed(records) == whole(tmp_path / "x", rollout(5))[0]
    assert len(tools(records)) == 5


def test_a_log_that_grows_after_days_goes_on_from_its_last_count(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    content = rollout(3)
    path = content.write(tmp_path / "r.jsonl")
    collector = codex([tmp_path])
    records = list(collector.poll())
    clock.tick(3 * 86400)
    records += collector.poll()
    again = codex([tmp_path])
    again.restore(json.loads(json.dumps(collector.state())))
    content.prompt(9000, turn="later").answer(9002, (5, 0, 1, 0)).done(9003, 3)
    content.write(path)
    os.utime(path, (time.time(), time.time()))
    again_records = list(again.poll())
    assert summed(again_records)["input_tokens"] == 5
    assert len(runs([*records, *again_records])) == 4


def test_a_run_that_rests_ends_but_not_while_a_tool_works(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    resting = Rollout("a").prompt(1, turn=None).answer(3, (10, 0, 1, 0))
    working = Rollout("b").prompt(1, turn=None).answer(3, (10, 0, 1, 0))
    working.item(5, "function_call", name="shell", arguments="", call_id="c")
    resting.write(tmp_path / "a.jsonl")
    working.write(tmp_path / "b.jsonl")
    collector = codex([tmp_path])
    assert not runs(list(collector.poll()))
    clock.tick(log.IDLE_SECONDS + 1)
    assert [outcome for _, outcome, _ in runs(list(collector.poll()))] == ["success"]
    clock.tick(log.ABANDONED_SECONDS)
    assert [outcome for _, outcome, _ in runs(list(collector.poll()))] == ["cancelled"]
    assert not list(collector.poll())


def test_a_last_line_without_newline_is_read_once_the_file_rests(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    path = rollout(1).write(tmp_path / "r.jsonl")
    path.write_text(path.read_text().rstrip("\n"))
    torn = rollout(1).write(tmp_path / "torn" / "r.jsonl")
    torn.write_text(torn.read_text()[:-5])
    collector = codex([path])
    assert not runs(list(collector.poll()))
    clock.tick(log.IDLE_SECONDS + 1)
    assert [amounts["duration_seconds"] for _, _, amounts in runs(list(collector.poll()))] == [8]
    waiting = codex([torn])
    records = list(waiting.poll())
    assert not refused(records)  # it may yet be written


def test_a_file_that_is_deleted_ends_its_run(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    path = Rollout().prompt(1).answer(3, (10, 0, 1, 0)).write(tmp_path / "r.jsonl")
    collector = codex([tmp_path])
    assert not runs(list(collector.poll()))
    path.unlink()
    clock.tick(11)
    assert len(runs(list(collector.poll()))) == 1
    assert collector.files == 0


def test_a_line_too_long_is_dropped_and_never_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "MAX_LINE_BYTES", 2 << 20)
    monkeypatch.setattr(log, "MAX_LINE_BYTES", 2 << 20)
    path = rollout(2).write(tmp_path / "r.jsonl")
    body = path.read_bytes()
    path.write_bytes(b'{"type":"event_msg","x":"' + b"x" * (6 << 20) + b'"}\n' + body)
    collector = codex([path])
    records = [*collector.poll(), *collector.finish()]
    assert refused(records) == {"dropped": 1}
    assert summed(records)["records"] == 4


def test_a_long_rest_before_a_sessions_end_doubles_no_token(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    events = CopilotLog().event(1, "user.message").call(2, 50)
    path = events.write(tmp_path / "events.jsonl")
    collector = copilot([tmp_path])
    records = list(collector.poll())
    clock.tick(log.ABANDONED_SECONDS + 1)
    records += collector.poll()
    usage = {"count": 1, "inputTokens": 9, "outputTokens": 50}
    events.event(9, "session.shutdown", modelMetrics={"claude-sonnet-4.5": {"requests": {"count": 1}, "usage": usage}})
    events.write(path)
    os.utime(path, (time.time(), time.time()))
    records += [*collector.poll(), *collector.finish()]
    used = summed(records)
    assert (used["input_tokens"], used["output_tokens"]) == (9, 50)
    assert "unpriced" not in used


@pytest.mark.parametrize("state", [None, [], {}, {"seen": [], "files": {"k": 1}}, {"seen": 1, "files": {}}])
@pytest.mark.parametrize("make", [codex, copilot, gemini])
def test_a_state_that_is_none_is_refused_in_one_line(tmp_path: Path, make: type, state: object) -> None:
    with pytest.raises(SpoolError) as error:
        make([tmp_path]).restore(state)
    assert "\n" not in str(error.value)


def test_a_state_holds_no_path_id_or_text(tmp_path: Path) -> None:
    content = Rollout("session-id-7").prompt(1).answer(3, (10, 0, 1, 0))
    content.item(5, "function_call", name="shell", arguments='{"x": "secret"}', call_id="call-id-7")
    collector = codex([content.write(tmp_path / "r.jsonl")])
    list(collector.poll())
    text = json.dumps(collector.state())
    assert not any(word in text for word in ("secret", "session-id-7", "call-id-7", str(tmp_path), "r.jsonl"))


def test_a_directory_that_is_missing_is_waited_for(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    collector = codex([tmp_path / "later"])
    assert not list(collector.poll())
    rollout(1).write(tmp_path / "later" / "2026" / "r.jsonl")
    clock.tick(11)
    assert summed(list(collector.poll()))["records"] == 2
