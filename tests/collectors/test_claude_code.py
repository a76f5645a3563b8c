"""Transcripts are followed while they grow, are replaced and are interrupted: nothing is lost, nothing doubled."""

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import freezegun
import pytest
from freezegun.api import FrozenDateTimeFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentgauge.collectors.claude_code import ClaudeCodeCollector
from agentgauge.errors import SpoolError
from agentgauge.record import Record
from tests.collectors.session import Session


@pytest.fixture
def clock() -> Iterator[FrozenDateTimeFactory]:
    # Not before the files the test writes, whose times are the real clock's.
    with freezegun.freeze_time(datetime.fromtimestamp(time.time() + 1, UTC)) as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield frozen


def collect(*paths: Path, finish: bool = True) -> list[Record]:
    collector = ClaudeCodeCollector(paths)
    return [*collector.poll(), *(collector.finish() if finish else ())]


def tally(records: list[Record]) -> Counter[str]:
    """Count records by what tells them apart, and add up their tokens."""
    counts: Counter[str] = Counter()
    for record in records:
        result = record.labels.get("result") or record.labels.get("gen_ai_agent_name", "")
        counts[f"{record.kind} {result}"] += int(record.amounts.get("count", 1))
        counts["tokens"] += int(record.amounts.get("output_tokens", 0))
    return counts


def long_session(calls: int) -> Session:
    session = Session()
    for number in range(calls):
        session.prompt() if number % 3 == 0 else None
        session.answer(f"m{number}", usage={"output_tokens": number}, tools={f"t{number}": "Bash"})
        session.answer(f"m{number}", usage={"output_tokens": 1000 + number}, stop="tool_use")
        session.result(f"t{number}", error=number % 4 == 0)
    return session


def test_a_session_is_read_while_it_grows(tmp_path: Path) -> None:
    session = long_session(6)
    path = tmp_path / "p" / "s.jsonl"
    path.parent.mkdir()
    path.touch()
    collector, records = ClaudeCodeCollector([tmp_path]), list[Record]()
    with path.open("a") as file:
        for line in session.lines:
            file.write(line[:30])
            file.flush()
            records += collector.poll()
            file.write(line[30:] + "\n")
            file.flush()
            records += collector.poll()
            assert not list(collector.poll())
    calls = [record for record in records if record.kind == "llm"]
    assert [call.amounts["output_tokens"] for call in calls] == [1000, 1001, 1002, 1003, 1004]
    records += collector.finish()
    assert tally(records) == tally(collect(tmp_path))
    assert tally(records)["llm claude-code"] == 6


OPERATIONS = st.lists(st.sampled_from(["write", "poll", "save", "crash"]), max_size=60)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS, size=st.integers(1, 900))
def test_a_kill_at_any_instant_neither_loses_nor_doubles(tmp_path: Path, operations: list[str], size: int) -> None:
    content = long_session(5).text().encode()
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"")
    collector, kept = ClaudeCodeCollector([tmp_path]), list[Record]()
    saved_state, saved = json.dumps(collector.state()), list[Record]()
    written = 0
    for operation in operations:
        if operation == "write":
            with path.open("ab") as file:
                file.write(content[written : written + size])
            written += size
        elif operation == "poll":
            kept += collector.poll()
        elif operation == "save":
            saved_state, saved = json.dumps(collector.state()), list(kept)
        else:
            collector, kept = ClaudeCodeCollector([tmp_path]), list(saved)
            collector.restore(json.loads(saved_state))
    path.write_bytes(content)
    kept += [*collector.poll(), *collector.finish()]
    assert tally(kept) == tally(collect(tmp_path))


def test_a_resumed_session_and_a_copied_file_add_only_what_is_new(tmp_path: Path) -> None:
    first = long_session(4)
    first.write(tmp_path / "a.jsonl")
    resumed = Session()
    resumed.lines = list(first.lines)
    resumed.prompt().answer("new", tools={"tn": "Read"}).result("tn")
    resumed.write(tmp_path / "b.jsonl")
    shutil.copy(tmp_path / "a.jsonl", tmp_path / "c.jsonl")
    counts = tally(collect(tmp_path))
    assert (counts["llm claude-code"], counts["tool claude-code"]) == (5, 5)
    assert counts["read duplicate"] == 8


def test_subagents_in_their_own_files_carry_their_type(tmp_path: Path) -> None:
    Session().prompt().answer("m1", tools={"t1": "Agent"}).result("t1").answer("m2").write(tmp_path / "s.jsonl")
    for name, meta in (("agent-1", '{"agentType": "reviewer"}'), ("agent-2", None), ("agent-3", "[broken")):
        session = Session(sidechain=True, agent_id=name).prompt().answer(f"{name}-m", tools={f"{name}-t": "Read"})
        session.result(f"{name}-t").answer(f"{name}-n", stop="end_turn")
        path = session.write(tmp_path / "s" / "subagents" / f"{name}.jsonl")
        if meta is not None:
            path.with_suffix(".meta.json").write_text(meta)
    counts = tally(collect(tmp_path))
    assert counts["llm claude-code"] == 2
    assert (counts["llm reviewer"], counts["tool reviewer"], counts["agent reviewer"]) == (2, 1, 1)
    assert (counts["llm subagent"], counts["tool subagent"], counts["agent subagent"]) == (4, 2, 2)


def test_a_subagent_that_begins_with_its_parents_history_does_not_take_it(tmp_path: Path) -> None:
    session = long_session(3)
    fork = Session()
    fork.lines = list(session.lines)
    fork.answer("own").write(tmp_path / "s" / "subagents" / "agent-fork.jsonl")
    session.write(tmp_path / "s.jsonl")
    counts = tally(collect(tmp_path))
    assert (counts["llm claude-code"], counts["llm subagent"]) == (3, 1)


@pytest.mark.parametrize("in_place", [True, False])
def test_a_file_that_is_replaced_is_read_anew_and_counted_once(
    tmp_path: Path, clock: FrozenDateTimeFactory, in_place: bool
) -> None:
    path = tmp_path / "s.jsonl"
    session = Session().prompt().answer("m1", tools={"t1": "Bash"})
    session.write(path)
    collector = ClaudeCodeCollector([tmp_path])
    records = list(collector.poll())
    longer = Session()
    longer.lines = [Session().line(type="summary", summary="x").lines[0], *session.lines]
    longer.result("t1").answer("m2", tools={"t2": "Read"}).result("t2")
    if in_place:
        longer.write(path)
    else:
        longer.write(tmp_path / "s.new").replace(path)
    clock.tick(11)
    records += [*collector.poll(), *collector.finish()]
    counts = tally(records)
    assert (counts["llm claude-code"], counts["tool claude-code"]) == (2, 2)


def test_a_file_that_is_truncated_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    long_session(5).write(path)
    collector = ClaudeCodeCollector([tmp_path])
    records = list(collector.poll())
    Session().prompt().answer("after").write(path)
    records += [*collector.poll(), *collector.finish()]
    assert tally(records)["llm claude-code"] == 6


def test_a_file_that_is_gone_ends_what_it_had_open(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    path = long_session(3).write(tmp_path / "s.jsonl")
    collector = ClaudeCodeCollector([tmp_path])
    records = list(collector.poll())
    assert tally(records)["llm claude-code"] == 2
    path.unlink()
    clock.tick(11)
    records += collector.poll()
    assert tally(records)["llm claude-code"] == 3
    assert json.loads(json.dumps(collector.state()))["files"] == {}


def test_a_directory_that_is_away_for_a_while_is_not_read_anew(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    root = tmp_path / "projects"
    long_session(3).write(root / "s.jsonl")
    collector = ClaudeCodeCollector([root])
    list(collector.poll())
    root.rename(tmp_path / "away")
    clock.tick(11)
    assert not list(collector.poll())
    (tmp_path / "away").rename(root)
    clock.tick(11)
    assert not list(collector.poll())


def test_a_call_that_said_why_it_stopped_ends_after_half_a_minute(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    Session().prompt().answer("m1", stop="end_turn").write(tmp_path / "s.jsonl")
    collector = ClaudeCodeCollector([tmp_path])
    assert not list(collector.poll())
    clock.tick(31)
    assert {record.kind for record in collector.poll()} == {"llm", "agent"}
    assert not list(collector.poll())


def test_a_call_that_may_go_on_ends_after_a_quarter_of_an_hour(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    Session().prompt().answer("m1").write(tmp_path / "s.jsonl")
    collector = ClaudeCodeCollector([tmp_path])
    clock.tick(600)
    assert not list(collector.poll())
    clock.tick(301)
    assert {record.kind for record in collector.poll()} == {"llm", "agent"}


def test_a_run_waits_for_its_tool_for_hours(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    session = Session().prompt().answer("m1", tools={"t1": "Bash"}, stop="tool_use")
    path = session.write(tmp_path / "s.jsonl")
    collector = ClaudeCodeCollector([tmp_path])
    clock.tick(3600)
    assert {record.kind for record in collector.poll()} == {"llm"}
    with path.open("a") as file:
        file.write(session.result("t1").lines[-1] + "\n")
    os.utime(path, (time.time(), time.time()))
    clock.tick(11)
    assert {record.kind for record in collector.poll()} == {"tool"}
    clock.tick(3600)
    (run,) = collector.poll()
    assert run.labels["outcome"] == "success"


def test_a_last_line_without_newline_is_read_when_the_file_is_abandoned(
    tmp_path: Path, clock: FrozenDateTimeFactory
) -> None:
    session = Session().prompt().answer("m1")
    path = tmp_path / "s.jsonl"
    path.write_text(session.text().rstrip("\n"))
    collector = ClaudeCodeCollector([tmp_path])
    assert not list(collector.poll())
    clock.tick(1000)
    assert tally(list(collector.poll()))["llm claude-code"] == 1
    with path.open("a") as file:
        file.write("\n" + session.answer("m2").lines[-1] + "\n")
    assert tally([*collector.poll(), *collector.finish()])["llm claude-code"] == 1


def test_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    session = Session().prompt().answer("m1")
    lines = [session.lines[0] + session.lines[1], "no json", session.answer("m2").lines[-1], '{"type": "assist']
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    counts = tally(collect(tmp_path))
    assert (counts["llm claude-code"], counts["read invalid"]) == (2, 2)
    assert not any(record.kind == "read" and record.labels["source"] != "claude_code" for record in collect(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    long_session(2).write(tmp_path / "a.jsonl").chmod(0)
    Session().prompt().answer("b1").write(tmp_path / "b.jsonl")
    counts = tally(collect(tmp_path))
    assert counts["llm claude-code"] == 1
    assert counts["read dropped"] >= 1


def test_a_state_holds_no_path_id_or_text(tmp_path: Path) -> None:
    session = long_session(3).prompt("a secret prompt").answer("msg_secret", tools={"toolu_secret": "Bash"})
    session.write(tmp_path / "secret-name.jsonl")
    collector = ClaudeCodeCollector([tmp_path])
    list(collector.poll())
    state = json.dumps(collector.state())
    assert "secret" not in state
    assert str(tmp_path) not in state


@pytest.mark.parametrize(
    "state", [None, [], {"seen": 5}, {"seen": ["%"], "files": {}}, {"seen": [], "files": {"a": 1}}]
)
def test_a_state_that_is_none_is_refused(tmp_path: Path, state: object) -> None:
    with pytest.raises(SpoolError):
        ClaudeCodeCollector([tmp_path]).restore(state)


def test_a_directory_that_is_missing_is_waited_for(tmp_path: Path, clock: FrozenDateTimeFactory) -> None:
    collector = ClaudeCodeCollector([tmp_path / "later"])
    assert not list(collector.poll())
    long_session(2).write(tmp_path / "later" / "s.jsonl")
    clock.tick(11)
    assert tally(list(collector.poll()))["llm claude-code"] == 1


# --- what other people's sessions say -------------------------------------------------------------------------------


def recordings(folder: str) -> Path:
    root = os.environ.get("AGENTGAUGE_RECORDINGS")
    if not root:
        pytest.skip("AGENTGAUGE_RECORDINGS is not set: no recordings to check against")
    return Path(root) / folder


def usage(records: list[Record]) -> dict[str, int]:
    calls = [record.amounts for record in records if record.kind == "llm" and not record.labels["error_type"]]
    total = {name: sum(int(call[f"{name}_tokens"]) for call in calls) for name in ("input", "output")}
    read = sum(int(call["cache_read_input_tokens"]) for call in calls)
    written = sum(int(call["cache_write_input_tokens"]) for call in calls)
    return {
        "input_tokens": total["input"] - read - written,
        "cache_creation_tokens": written,
        "cache_read_tokens": read,
        "output_tokens": total["output"],
        "api_call_count": len(calls),
    }


def test_token_totals_are_those_of_an_independent_count(tmp_path: Path) -> None:
    """20 of the 22 sessions agree; the other two have no count: their manifest says so, whatever is read."""
    folder = recordings("claude_code")
    agreeing, without_a_count, differing = 0, [], {}
    for session in json.loads((folder / "manifest.json").read_text()):
        start = session["expected"]["applies_from_line"]
        if start is None:
            without_a_count.append(session["file"])
            assert session["expected"]["token_usage"] == {}
            continue
        lines = (folder / session["file"]).read_bytes().splitlines(keepends=True)
        part = tmp_path / session["file"]
        part.write_bytes(b"".join(lines[start:]))
        counted = usage(collect(part))
        # The independent count takes a message of the model <synthetic>, which has no tokens, for a call.
        counted["api_call_count"] += sum(b'"model":"<synthetic>"' in line for line in lines[start:])
        if counted != session["expected"]["token_usage"]:
            differing[session["file"]] = (counted, session["expected"]["token_usage"])
        agreeing += counted == session["expected"]["token_usage"]
    assert differing == {}
    assert agreeing == 20
    assert without_a_count == ["entireio__cli__5a-c45bc32212-0.jsonl", "entireio__cli__ca-fca7ea73ac-0.jsonl"]


def test_calls_and_tools_of_a_session_are_those_of_its_manifest() -> None:
    folder = recordings("claude_code")
    for session in json.loads((folder / "manifest.json").read_text()):
        records = collect(folder / session["file"])
        tools = [record for record in records if record.kind == "tool"]
        assert len(tools) <= session["tool_uses"]
        assert sum(bool(tool.labels["error_type"]) for tool in tools) == session["tool_errors"]
        # A message of the model <synthetic> is one of the manifest's, and no call.
        synthetic = session["models"].count("<synthetic>")
        assert usage(records)["api_call_count"] == session["message_ids"] - synthetic


@pytest.mark.parametrize("folder", ["claude_code_legacy", "claude_code_projects"])
def test_nothing_is_counted_twice_however_subagents_are_written(folder: str) -> None:
    root = recordings(folder)
    last: dict[str, dict[str, Any]] = {}
    for path in sorted(root.rglob("*.jsonl")):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if entry["type"] == "assistant" and entry["message"]["model"] != "<synthetic>":
                last[entry["message"]["id"]] = entry["message"]["usage"]
    records = collect(root)
    counted = usage(records)
    assert counted["api_call_count"] == len(last)
    assert counted["output_tokens"] == sum(one["output_tokens"] for one in last.values())
    assert counted["input_tokens"] == sum(one["input_tokens"] for one in last.values())
    assert any(record.labels.get("gen_ai_agent_name") not in {"claude-code", None} for record in records)
