"""Invented logs of Codex, Copilot and Gemini CLI for tests, and where other people's are."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agentgauge.record import Record

START = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
SECRET = "please do the secret thing"


def stamp(at: float) -> str:
    return datetime.fromtimestamp(START + at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def counts(tokens: tuple[int, int, int, int]) -> dict[str, int]:
    return {
        "input_tokens": tokens[0],
        "cached_input_tokens": tokens[1],
        "output_tokens": tokens[2],
        "reasoning_output_tokens": tokens[3],
        "total_tokens": tokens[0] + tokens[2],
    }


class Rollout:
    """Builds a Codex CLI rollout; ``at`` is seconds after START."""

    def __init__(self, session: str = "s1", *, model: str = "gpt-5", started: float = 0.0, **meta: Any) -> None:
        self.lines: list[str] = []
        self.total = (0, 0, 0, 0)
        body = {"id": session, "timestamp": stamp(started), "cwd": "/home/someone/secret", "model_provider": "openai"}
        self.line(started, "session_meta", **body, **meta)
        self.line(started, "turn_context", model=model, cwd="/home/someone/secret")

    def line(self, at: float, kind: str, **payload: Any) -> "Rollout":
        body = {"timestamp": stamp(at), "type": kind, "payload": payload}
        self.lines.append(json.dumps(body, separators=(",", ":")))  # as Codex writes it
        return self

    def event(self, at: float, kind: str, **payload: Any) -> "Rollout":
        return self.line(at, "event_msg", type=kind, **payload)

    def item(self, at: float, kind: str, **payload: Any) -> "Rollout":
        return self.line(at, "response_item", type=kind, **payload)

    def prompt(self, at: float, *, turn: str | None = "t1") -> "Rollout":
        if turn is not None:
            self.event(at, "task_started", turn_id=turn, started_at=int(START + at))
        return self.event(at, "user_message", message=SECRET)

    def answer(self, at: float, tokens: tuple[int, int, int, int], *, tools: dict[str, str] | None = None) -> "Rollout":
        """Answer, calling tools by id and name that end a second later, and count the call's tokens."""
        self.item(at, "message", role="assistant", content=[{"type": "output_text", "text": SECRET}])
        for identity, name in (tools or {}).items():
            self.item(at, "function_call", name=name, arguments='{"path": "/secret"}', call_id=identity)
        for identity in tools or {}:
            self.output(at + 1, identity)
        return self.count(at + 1, tokens)

    def output(self, at: float, identity: str, output: Any = "Process exited with code 0\nsecret") -> "Rollout":
        return self.item(at, "function_call_output", call_id=identity, output=output)

    def count(self, at: float, tokens: tuple[int, int, int, int]) -> "Rollout":
        a, b = self.total, tokens
        self.total = (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])
        info = {"total_token_usage": counts(self.total), "last_token_usage": counts(tokens)}
        return self.event(at, "token_count", info=info, rate_limits=None)

    def done(self, at: float, seconds: float) -> "Rollout":
        return self.event(at, "task_complete", turn_id="t1", last_agent_message=SECRET, duration_ms=seconds * 1000)

    def text(self) -> str:
        return "".join(line + "\n" for line in self.lines)

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text())
        return path


class CopilotLog:
    """Builds a Copilot CLI event log."""

    def __init__(self, session: str = "s1", model: str = "claude-sonnet-4.5") -> None:
        self.session = session
        self.lines: list[str] = []
        self.event(0, "session.start", sessionId=session, selectedModel=model, context={"cwd": "/home/someone/secret"})

    def event(self, at: float, kind: str, **data: Any) -> "CopilotLog":
        identity = f"{self.session}-{len(self.lines)}"
        self.lines.append(json.dumps({"type": kind, "data": data, "id": identity, "timestamp": stamp(at)}))
        return self

    def call(self, at: float, output: int = 0, **data: Any) -> "CopilotLog":
        self.event(at, "assistant.turn_start", turnId="0")
        self.event(at + 2, "assistant.message", messageId="m", content=SECRET, outputTokens=output, **data)
        return self

    def tool(self, at: float, identity: str, *, success: bool = True, **data: Any) -> "CopilotLog":
        self.event(at, "tool.execution_start", toolCallId=identity, toolName="view", arguments={"p": "/secret"}, **data)
        return self.event(at + 3, "tool.execution_complete", toolCallId=identity, success=success, result={"c": SECRET})

    def shutdown(self, at: float, **metrics: dict[str, int]) -> "CopilotLog":
        models = {
            name.replace("_", "-"): {"requests": {"count": usage.pop("count"), "cost": 1}, "usage": usage}
            for name, usage in metrics.items()
        }
        return self.event(at, "session.shutdown", shutdownType="routine", modelMetrics=models)

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in self.lines))
        return path


def gemini_user(identity: str, at: float) -> dict[str, Any]:
    return {"id": identity, "timestamp": stamp(at), "type": "user", "content": SECRET}


def gemini_answer(
    identity: str, at: float, tokens: tuple[int, int, int, int] | None, tools: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    body: dict[str, Any] = {"id": identity, "timestamp": stamp(at), "type": "gemini", "content": SECRET}
    body["model"] = "gemini-2.5-flash"
    if tokens is not None:
        names = ("input", "cached", "output", "thoughts")
        body["tokens"] = {**dict(zip(names, tokens, strict=True)), "tool": 0, "total": tokens[0] + sum(tokens[2:])}
    if tools is not None:
        body["toolCalls"] = tools
    return body


def gemini_tool(identity: str, at: float, status: str = "success", name: str = "write_file") -> dict[str, Any]:
    return {"id": identity, "name": name, "args": {"p": "/secret"}, "status": status, "timestamp": stamp(at)}


def gemini_file(path: Path, messages: list[dict[str, Any]], **body: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"sessionId": "s", "projectHash": "p", "messages": messages, **body}, indent=1))
    return path


def summed(records: list[Record], kind: str = "llm") -> dict[str, float]:
    """Add up the amounts of all records of a kind, and how many there are."""
    totals: dict[str, float] = {"records": 0.0}
    for record in records:
        if record.kind == kind:
            totals["records"] += 1
            for name, amount in record.amounts.items():
                totals[name] = totals.get(name, 0.0) + amount
    return totals


def tools(records: list[Record]) -> list[tuple[str, str, float]]:
    return [
        (record.labels["gen_ai_tool_name"], record.labels["error_type"], round(record.amounts["duration_seconds"], 3))
        for record in records
        if record.kind == "tool"
    ]


def runs(records: list[Record]) -> list[tuple[str, str, dict[str, float]]]:
    return [
        (record.labels["gen_ai_agent_name"], record.labels["outcome"], record.amounts)
        for record in records
        if record.kind == "agent"
    ]


def refused(records: list[Record]) -> dict[str, float]:
    return {record.labels["result"]: record.amounts["count"] for record in records if record.kind == "read"}


def recordings(folder: str) -> Path:
    root = os.environ.get("AGENTGAUGE_RECORDINGS")
    if not root:
        pytest.skip("AGENTGAUGE_RECORDINGS is not set: no recordings to check against")
    return Path(root) / folder


def manifest(kind: str) -> list[dict[str, Any]]:
    """Return the entries of other agents' recordings of a kind."""
    entries: list[dict[str, Any]] = json.loads((recordings("other_agents") / "manifest.json").read_text())
    return [entry for entry in entries if entry["kind"] == kind]
