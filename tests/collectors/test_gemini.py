"""Gemini CLI sessions: a file written whole again and again, or a line for every change, is counted once."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agentgauge.collectors.gemini import gemini
from agentgauge.record import Record
from tests.collectors.clients import (
    gemini_answer,
    gemini_file,
    gemini_tool,
    gemini_user,
    manifest,
    recordings,
    refused,
    runs,
    summed,
    tools,
)

MESSAGES = [
    gemini_user("u1", 0),
    gemini_answer("g1", 4, (1000, 0, 40, 60), [gemini_tool("t1", 7), gemini_tool("t2", 8, "error")]),
    gemini_answer("g2", 10, (1200, 900, 30, 0)),
    gemini_user("u2", 100),
    gemini_answer("g3", 103, (1300, 1000, 10, 0), [gemini_tool("t3", 104, "cancelled", "srv__search")]),
]


def collect(*paths: Path) -> list[Record]:
    collector = gemini(paths)
    return [*collector.poll(), *collector.finish()]


def check(records: list[Record]) -> None:
    used = summed(records)
    assert (used["records"], used["input_tokens"], used["cache_read_input_tokens"]) == (3, 3500, 1900)
    assert (used["output_tokens"], used["reasoning_output_tokens"]) == (140, 60)
    assert used["cost_usd"] == pytest.approx(1600 * 0.3e-6 + 1900 * 0.03e-6 + 140 * 2.5e-6)
    assert [record.amounts["duration_seconds"] for record in records if record.kind == "llm"] == [4, 2, 3]
    assert tools(records) == [("write_file", "", 3), ("write_file", "tool_error", 4), ("srv__search", "cancelled", 1)]
    assert runs(records) == [
        ("gemini", "success", {"inference_calls": 2, "tool_calls": 2, "duration_seconds": 10}),
        ("gemini", "success", {"inference_calls": 1, "tool_calls": 1, "duration_seconds": 4}),
    ]
    assert "secret" not in repr(records)


def test_a_file_becomes_its_calls_tools_and_runs(tmp_path: Path) -> None:
    check(collect(gemini_file(tmp_path / "session-1.json", MESSAGES)))


def test_a_file_written_whole_again_and_again_is_counted_once(tmp_path: Path) -> None:
    path, records = tmp_path / "p" / "chats" / "session-1.json", list[Record]()
    gemini_file(path, [])
    collector = gemini([tmp_path])
    for number in range(1, len(MESSAGES) + 1):
        gemini_file(path, MESSAGES[:number])
        records += collector.poll()
        restarted = gemini([tmp_path])
        restarted.restore(json.loads(json.dumps(collector.state())))
        collector = restarted
    check([*records, *collector.finish()])
    assert not refused(records)


def test_after_a_restart_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    path = gemini_file(tmp_path / "session-1.json", MESSAGES)
    collector = gemini([path])
    list(collector.poll())
    forgetful = json.loads(json.dumps(collector.state()))
    forgetful["seen"] = [""]  # as after a great many other messages
    restarted = gemini([path])
    restarted.restore(forgetful)
    assert not summed(list(restarted.poll()))["records"]


def lines(*bodies: dict[str, Any]) -> str:
    return "".join(json.dumps(body) + "\n" for body in bodies)


def test_a_line_for_every_change_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "p" / "chats" / "session-1.jsonl"
    path.parent.mkdir(parents=True)
    running = gemini_answer(
        "g1", 4, (1000, 0, 40, 60), [gemini_tool("t1", 4, "executing"), gemini_tool("t2", 8, "error")]
    )
    path.write_text(
        lines(
            {"sessionId": "s", "projectHash": "p", "kind": "main"}, MESSAGES[0], gemini_answer("g1", 4, None), running
        )
    )
    collector = gemini([tmp_path])
    records = list(collector.poll())
    assert tools(records) == [("write_file", "tool_error", 4)]
    with path.open("a") as file:
        file.write(lines(*MESSAGES[1:3], {"$set": {"summary": "secret"}}, {"$rewindTo": "g2"}, *MESSAGES[2:]))
    records += [*collector.poll(), *collector.finish()]
    assert sorted(tools(records)) == [
        ("srv__search", "cancelled", 1),
        ("write_file", "", 3),
        ("write_file", "tool_error", 4),
    ]
    assert summed(records)["input_tokens"] == 3500
    assert not refused(records)


def test_a_session_resumed_into_a_new_file_adds_only_what_is_new(tmp_path: Path) -> None:
    gemini_file(tmp_path / "chats" / "session-1.json", MESSAGES[:3])
    resumed = tmp_path / "chats" / "session-1.jsonl"
    resumed.write_text(lines({"sessionId": "s", "projectHash": "p"}, *MESSAGES))
    used = summed(collect(tmp_path))
    assert (used["records"], used["input_tokens"]) == (3, 3500)


def test_a_subagents_session_and_an_api_error(tmp_path: Path) -> None:
    error = {
        "id": "e1",
        "timestamp": gemini_user("", 5)["timestamp"],
        "type": "error",
        "content": "[API Error: secret]",
    }
    notice = {**error, "id": "e2", "content": "Unknown command: /secret"}
    path = gemini_file(tmp_path / "session-1.json", [gemini_user("u", 0), error, notice], kind="subagent")
    records = collect(path)
    assert [(agent, outcome) for agent, outcome, _ in runs(records)] == [("subagent", "failure")]
    assert [record.labels["error_type"] for record in records if record.kind == "llm"] == ["api_error"]


def test_only_sessions_are_read_of_a_directory(tmp_path: Path) -> None:
    for name in ("logs.json", "checkpoint-a.json", "shell.jsonl"):
        (tmp_path / name).write_text("no json")
    gemini_file(tmp_path / "h" / "chats" / "parent" / "sub.json", MESSAGES)
    records = collect(tmp_path)
    assert summed(records)["records"] == 3
    assert not refused(records)


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    path = gemini_file(tmp_path / "chats" / "session-1.json", MESSAGES)
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    collector = gemini([tmp_path])
    assert not list(collector.poll())
    path.write_text(whole)
    assert summed(list(collector.poll()))["records"] == 3


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b'{"note": "hello"}', b"\xff\xfe", b'{"sessionId": "s", "mess']
)
def test_a_file_that_is_none_is_counted_once_it_rests(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "chats" / "session-1.json"
    path.parent.mkdir()
    path.write_bytes(body)
    long_ago = time.time() - 60
    os.utime(path, (long_ago, long_ago))
    collector = gemini([tmp_path])
    assert refused(list(collector.poll())) == {"invalid": 1}
    assert not list(collector.poll())


@pytest.mark.parametrize("line", [b"no json", b"[]", b'{"note": "hello"}', b"\xff\xfe", b'{"id": "g1"}'])
def test_a_line_that_is_none_is_counted_and_skipped(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "session-1.jsonl"
    path.write_bytes(lines({"sessionId": "s", "projectHash": "p"}, *MESSAGES).encode() + line + b"\n")
    records = collect(path)
    assert refused(records) == {"invalid": 1}
    assert summed(records)["records"] == 3


def test_token_totals_are_the_files_own() -> None:
    """The manifest has no count for these; each message's total is input, output and thoughts."""
    for entry in manifest("gemini"):
        assert entry["expected"]["token_usage"] is None
        path = recordings("other_agents") / entry["file"]
        told = [message["tokens"] for message in json.loads(path.read_text())["messages"] if "tokens" in message]
        used = summed(collect(path))
        assert used["records"] == len(told) > 0
        assert used["input_tokens"] + used["output_tokens"] == sum(tokens["total"] for tokens in told)
        assert used["cache_read_input_tokens"] == sum(tokens["cached"] for tokens in told)
