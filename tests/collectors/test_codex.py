"""Codex CLI rollouts: cumulative counts become calls, whatever repeats, falls or is copied."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentgauge.collectors.codex import codex
from agentgauge.collectors.codex_line import decode
from agentgauge.record import Record
from tests.collectors.clients import SECRET, START, Rollout, manifest, recordings, refused, runs, stamp, summed, tools


def collect(*paths: Path) -> list[Record]:
    collector = codex(paths)
    return [*collector.poll(), *collector.finish()]


def session() -> Rollout:
    rollout = Rollout().prompt(10).answer(14, (1000, 0, 50, 20), tools={"c1": "exec_command"})
    return rollout.answer(18, (1200, 900, 30, 0)).done(19, 9.5)


def test_a_task_becomes_its_calls_tools_and_one_run(tmp_path: Path) -> None:
    records = collect(session().write(tmp_path / "r.jsonl"))
    used = summed(records)
    assert (used["records"], used["input_tokens"], used["output_tokens"]) == (2, 2200, 80)
    assert (used["cache_read_input_tokens"], used["reasoning_output_tokens"]) == (900, 20)
    assert used["cost_usd"] == pytest.approx(1300 * 1.25e-6 + 900 * 0.125e-6 + 80 * 10e-6)
    assert [record.amounts["duration_seconds"] for record in records if record.kind == "llm"] == [4, 3]
    assert tools(records) == [("exec_command", "", 1)]
    assert runs(records) == [("codex", "success", {"inference_calls": 2, "tool_calls": 1, "duration_seconds": 9.5})]
    assert {record.labels["gen_ai_request_model"] for record in records if record.kind == "llm"} == {"gpt-5"}
    assert not refused(records)
    assert "secret" not in repr(records)


def test_events_that_repeat_or_say_nothing_are_no_calls(tmp_path: Path) -> None:
    rollout = Rollout().event(1, "token_count", info=None, rate_limits={}).prompt(10).answer(12, (100, 0, 5, 0))
    rollout.lines.append(rollout.lines[-1])
    rollout.event(14, "token_count", info=None)
    rollout.lines.append(rollout.lines[-2])
    used = summed(collect(rollout.write(tmp_path / "r.jsonl")))
    assert (used["records"], used["input_tokens"], used["output_tokens"]) == (1, 100, 5)


def test_a_count_that_falls_began_anew(tmp_path: Path) -> None:
    rollout = Rollout().prompt(10).answer(12, (1000, 0, 50, 0))
    rollout.total = (0, 0, 0, 0)
    rollout.answer(15, (300, 0, 7, 0)).answer(18, (400, 0, 8, 0))
    used = summed(collect(rollout.write(tmp_path / "r.jsonl")))
    assert (used["records"], used["input_tokens"], used["output_tokens"]) == (3, 1700, 65)


@pytest.mark.parametrize(
    ("output", "failed"),
    [
        ("Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nsecret", False),
        ("Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 127\nsecret", True),
        ("Exit code: 1\nWall time: 2 seconds\nsecret", True),
        ('{"output": "secret", "metadata": {"exit_code": 2, "duration_seconds": 0.1}}', True),
        ('{"output": "secret", "metadata": {"exit_code": 0, "duration_seconds": 0.1}}', False),
        ("exec_command failed: no such file", True),
        ("aborted by user after 1.0s", True),
        ("Plan updated", False),
        ("the text exec_command failed: is not at its begin", False),
        ({"content": "secret", "success": False}, True),
        ({"content": "secret", "success": True}, False),
        ([{"type": "input_text", "text": "Exit code: 1"}], False),
        (None, False),
    ],
)
def test_a_tool_failed_where_its_output_says_so(tmp_path: Path, output: Any, failed: bool) -> None:
    rollout = Rollout().prompt(10).item(11, "function_call", name="shell", arguments="{}", call_id="c1")
    rollout.output(13, "c1", output).count(13, (10, 0, 1, 0))
    assert tools(collect(rollout.write(tmp_path / "r.jsonl"))) == [("shell", "tool_error" if failed else "", 2)]


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("exec_command_end", {"exit_code": 1}),
        ("patch_apply_end", {"success": False}),
        ("mcp_tool_call_end", {"result": {"Err": "secret"}}),
    ],
)
def test_a_tool_failed_where_an_event_says_so(tmp_path: Path, event: str, payload: dict[str, Any]) -> None:
    rollout = Rollout().prompt(10).item(11, "custom_tool_call", name="mcp__x__y", input="", call_id="c1")
    rollout.event(12, event, call_id="c1", **payload)
    rollout.item(12, "custom_tool_call_output", call_id="c1", output="").count(13, (10, 0, 1, 0))
    records = collect(rollout.write(tmp_path / "r.jsonl"))
    assert tools(records) == [("mcp__x__y", "tool_error", 1)]
    assert [record.labels["gen_ai_tool_type"] for record in records if record.kind == "tool"] == ["extension"]


def test_tools_that_the_provider_runs_are_counted(tmp_path: Path) -> None:
    rollout = Rollout().prompt(10).item(12, "message", role="assistant", content=[{"text": SECRET}])
    action = {"type": "search", "query": SECRET}
    rollout.item(15, "web_search_call", id="ws1", status="completed", action=action)
    rollout.item(15.5, "web_search_call", status="failed", action=action)
    rollout.item(17, "image_generation_call", id="ig1", status="completed", result=SECRET)
    rollout.item(18, "tool_search_call", call_id="c1", execution="client", arguments={"query": SECRET})
    rollout.item(19, "tool_search_output", call_id="c1", tools=[]).count(20, (10, 0, 1, 0)).done(21, 11)
    rollout.item(22, "function_call", name="nameless", arguments="")  # of no version: it cannot be told when it ends
    records = collect(rollout.write(tmp_path / "r.jsonl"))
    assert tools(records) == [
        ("web_search", "", 3),
        ("web_search", "tool_error", 0.5),
        ("image_generation", "", 1.5),
        ("tool_search", "", 1),
    ]
    types = [record.labels["gen_ai_tool_type"] for record in records if record.kind == "tool"]
    assert types == ["extension", "extension", "extension", "function"]
    assert [amounts["tool_calls"] for _, _, amounts in runs(records)] == [4]
    assert SECRET not in repr(records)
    # A fork that begins with the same lines adds none of them.
    rollout.write(tmp_path / "s.jsonl")
    assert len(tools(collect(tmp_path))) == 4


def test_a_tool_of_a_server_is_an_extension_whatever_its_name(tmp_path: Path) -> None:
    rollout = Rollout().prompt(10).item(11, "function_call", name="lookup", arguments="{}", call_id="c1")
    rollout.event(12, "mcp_tool_call_end", call_id="c1", result={"Ok": SECRET}).output(12, "c1")
    records = collect(rollout.count(13, (10, 0, 1, 0)).write(tmp_path / "r.jsonl"))
    assert [record.labels["gen_ai_tool_type"] for record in records if record.kind == "tool"] == ["extension"]


def test_a_response_ends_with_a_call_to_a_tool_or_stops(tmp_path: Path) -> None:
    records = collect(session().write(tmp_path / "r.jsonl"))
    reasons = [record.labels["finish_reason"] for record in records if record.kind == "llm"]
    assert reasons == ["tool_call", "stop"]
    assert summed(records)["responses"] == 2
    failing = Rollout("b").prompt(1).event(4, "error", message=SECRET, codex_error_info="usage_limit_exceeded")
    assert "responses" not in summed(collect(failing.write(tmp_path / "b" / "r.jsonl")))


def test_lines_that_are_numbered_say_the_same(tmp_path: Path) -> None:
    rollout = session()
    expected = collect(rollout.write(tmp_path / "r.jsonl"))
    rollout.lines = [
        line.replace('Z","type"', f'Z","ordinal":{number},"type"', 1) for number, line in enumerate(rollout.lines)
    ]
    assert rollout.lines[0].count("ordinal") == 1
    assert collect(rollout.write(tmp_path / "numbered" / "r.jsonl")) == expected


def test_a_run_is_aborted_fails_or_exhausts_a_limit(tmp_path: Path) -> None:
    aborted = Rollout("a").prompt(1).answer(2, (1, 0, 1, 0)).event(5, "turn_aborted", reason="interrupted")
    limited = Rollout("b").prompt(1).event(4, "error", message="secret", codex_error_info="usage_limit_exceeded")
    limited.event(5, "task_complete")
    failing = Rollout("c").prompt(1).answer(2, (1, 0, 1, 0))
    failing.event(3, "task_complete", error={"codex_error_info": {"http_connection_failed": {"http_status_code": 503}}})
    waiting = Rollout("d").prompt(1).answer(2, (1, 0, 1, 0))
    waiting.item(4, "function_call", name="shell", arguments="", call_id="never")
    for name, rollout in {"a": aborted, "b": limited, "c": failing, "d": waiting}.items():
        rollout.write(tmp_path / f"{name}.jsonl")
    records = collect(tmp_path)
    assert [outcome for _, outcome, _ in runs(records)] == ["cancelled", "budget", "failure", "cancelled"]
    errors = [record.labels["error_type"] for record in records if record.kind == "agent"]
    assert errors == ["cancelled", "usage_limit_exceeded", "503", "cancelled"]
    failed = [record for record in records if record.kind == "llm" and record.labels["error_type"]]
    assert [record.amounts for record in failed] == [{"duration_seconds": 3}]


def test_versions_without_tasks_begin_a_run_with_the_prompt(tmp_path: Path) -> None:
    rollout = Rollout().prompt(1, turn=None).answer(3, (10, 0, 1, 0)).prompt(50, turn=None).answer(54, (20, 0, 2, 0))
    found = runs(collect(rollout.write(tmp_path / "r.jsonl")))
    assert [amounts["duration_seconds"] for _, _, amounts in found] == [3, 5]


def test_a_prompt_during_a_task_is_not_another_run(tmp_path: Path) -> None:
    rollout = (
        Rollout().prompt(1).answer(3, (10, 0, 1, 0)).event(5, "user_message", message="and").answer(8, (1, 0, 1, 0))
    )
    assert len(runs(collect(rollout.done(9, 8).write(tmp_path / "r.jsonl")))) == 1


# --- forks ----------------------------------------------------------------------------------------------------------


def forked(parent: Rollout, *, at: float, restamped: bool, dated: bool = True, **meta: Any) -> Rollout:
    """Return a session that begins with a copy of another's rollout and then has one call of its own."""
    child = Rollout("child", started=at, **(meta or {"forked_from_id": "s1"}))
    for line in parent.lines:
        body = json.loads(line)
        if restamped:
            body["timestamp"] = stamp(at + 0.5)
        if not dated:
            body["payload"].pop("started_at", None)
        child.lines.append(json.dumps(body))
    child.total = parent.total
    if dated:
        return child.prompt(at + 10).answer(at + 12, (5000, 4000, 70, 0))
    return child.prompt(at + 10, turn=None).answer(at + 12, (5000, 4000, 70, 0))


@pytest.mark.parametrize("restamped", [True, False])
@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("with_parent", [True, False])
def test_what_a_fork_copies_is_not_counted_again(
    tmp_path: Path, restamped: bool, dated: bool, with_parent: bool
) -> None:
    parent = session()
    if with_parent:
        parent.write(tmp_path / "rollout-1.jsonl")
    forked(parent, at=100, restamped=restamped, dated=dated).write(tmp_path / "rollout-2.jsonl")
    records = collect(tmp_path)
    used = summed(records)
    assert (used["records"], used["input_tokens"], used["output_tokens"]) == (
        (3, 7200, 150) if with_parent else (1, 5000, 70)
    )
    assert len(tools(records)) == with_parent
    assert len(runs(records)) == 1 + with_parent


def test_a_subagent_is_one_by_its_role_and_starts_from_nothing(tmp_path: Path) -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "s1", "depth": 1, "agent_role": "reviewer"}}}
    session().write(tmp_path / "rollout-1.jsonl")
    child = Rollout("child", started=100, source=source).prompt(101).answer(104, (300, 0, 9, 0)).done(106, 5)
    child.write(tmp_path / "rollout-2.jsonl")
    records = collect(tmp_path)
    assert [(agent, outcome) for agent, outcome, _ in runs(records)] == [("codex", "success"), ("reviewer", "success")]
    assert summed(records)["input_tokens"] == 2500


def test_a_copied_file_adds_nothing(tmp_path: Path) -> None:
    session().write(tmp_path / "a.jsonl")
    session().write(tmp_path / "copy.jsonl")
    records = collect(tmp_path)
    assert summed(records)["records"] == 2
    assert len(tools(records)) == len(runs(records)) == 1
    assert refused(records)["duplicate"] == 3


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [b"no json", b"5", b'{"note": "hello"}', b'{"type": 3}', b'{"type":"event_msg","payl', b"\xff\xfe", b"[" * 9999],
)
def test_a_line_that_is_none_is_counted_and_skipped(tmp_path: Path, line: bytes) -> None:
    path = session().write(tmp_path / "r.jsonl")
    path.write_bytes(line + b"\n" + path.read_bytes() + line + b"\n")
    records = collect(path)
    assert refused(records) == {"invalid": 2}
    assert summed(records)["input_tokens"] == 2200


def test_lines_are_read_however_they_are_written(tmp_path: Path) -> None:
    usual, unusual = session(), session()
    unusual.lines = [json.dumps(dict(reversed(json.loads(line).items()))) for line in usual.lines]
    expected = collect(usual.write(tmp_path / "a.jsonl"))
    assert collect(unusual.write(tmp_path / "b.jsonl")) == expected


def test_lines_of_other_kinds_may_have_any_shape() -> None:
    assert decode(b'{"type":"compacted","payload":[1]}').known is False
    assert decode(b'{"type":"event_msg","payload":{"type":"agent_message","info":7}}').key == ""
    assert decode(b'{"type":"response_item"}').known


# --- what other people's sessions say -------------------------------------------------------------------------------


def test_token_totals_are_those_of_an_independent_count() -> None:
    """One agrees whole, one does until that count ends, 4 calls before the file; in one the count means other things.

    That one, of an older version, has the cached tokens in its input as well, and the reasoning in its output twice:
    the file's own ``total_tokens`` is input and output without more.
    """
    verdicts = {}
    for entry in manifest("codex"):
        path = recordings("other_agents") / entry["file"]
        records = collect(path)
        calls = [record.amounts for record in records if record.kind == "llm"]
        expected = entry["expected"]["token_usage"]
        counted = calls[: expected["api_call_count"]]
        total = {
            name: sum(call[f"{name}_tokens"] for call in counted)
            for name in ("input", "cache_read_input", "output", "reasoning_output")
        }
        assert total["cache_read_input"] == expected["cache_read_tokens"]
        assert str(int(total["input"] + total["output"])) in path.read_text()  # total_tokens
        verdicts[entry["file"]] = (
            len(calls) - len(counted),
            expected["input_tokens"] - (total["input"] - total["cache_read_input"]) in {0, total["cache_read_input"]},
            expected["output_tokens"] - total["output"] in {0, total["reasoning_output"]},
            expected["input_tokens"] + expected["cache_read_tokens"] == total["input"],
        )
        assert {record.labels["gen_ai_request_model"] for record in records if record.kind == "llm"} == {
            entry["expected"]["model"]
        }
        assert not refused(records)
    assert sorted(verdicts.values()) == [(0, True, True, False), (0, True, True, True), (4, True, True, True)]


def test_times_are_those_of_the_lines(tmp_path: Path) -> None:
    records = collect(session().write(tmp_path / "r.jsonl"))
    assert [record.time - START for record in records if record.kind == "llm"] == [14, 18]
