"""Invented Claude Code transcripts for tests."""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

START = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
OPUS = "claude-opus-4-6"


class Session:
    """Builds lines; ``at`` is seconds after START, and each line comes one second after the one before."""

    _numbers = itertools.count(1)

    def __init__(self, *, sidechain: bool = False, agent_id: str | None = None) -> None:
        self.lines: list[str] = []
        self._base = {"isSidechain": sidechain, "sessionId": "s", "cwd": "/home/someone/secret-project"}
        if agent_id:
            self._base["agentId"] = agent_id
        self._clock = 0.0
        self._last: str | None = None

    def line(self, at: float | None = None, **body: Any) -> "Session":
        self._clock = self._clock + 1 if at is None else at
        uuid = f"uuid-{next(self._numbers)}"
        stamp = datetime.fromtimestamp(START + self._clock, UTC).isoformat().replace("+00:00", "Z")
        whole = {"parentUuid": self._last, **self._base, "uuid": uuid, "timestamp": stamp, **body}
        self._last = uuid
        self.lines.append(json.dumps(whole))
        return self

    def prompt(self, text: str = "please do the secret thing", at: float | None = None, **body: Any) -> "Session":
        return self.line(at, type="user", message={"role": "user", "content": text}, **body)

    def answer(
        self,
        message: str,
        *,
        at: float | None = None,
        tools: dict[str, str] | None = None,
        inputs: dict[str, Any] | None = None,
        stop: str | None = None,
        model: str = OPUS,
        usage: dict[str, Any] | None = None,
        **body: Any,
    ) -> "Session":
        content: list[dict[str, Any]] = [{"type": "text", "text": "a secret answer"}]
        for identity, name in (tools or {}).items():
            content.append({"type": "tool_use", "id": identity, "name": name, "input": inputs or {"path": "/secret"}})
        counts = {"input_tokens": 3, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 5}
        whole = {"id": message, "role": "assistant", "model": model, "content": content, "stop_reason": stop}
        return self.line(at, type="assistant", message={**whole, "usage": {**counts, **(usage or {})}}, **body)

    def result(self, tool: str, *, at: float | None = None, error: bool = False, **body: Any) -> "Session":
        block = {"type": "tool_result", "tool_use_id": tool, "content": "secret output", "is_error": error}
        return self.line(at, type="user", message={"role": "user", "content": [block]}, toolUseResult="x", **body)

    def duration(self, seconds: float) -> "Session":
        return self.line(type="system", subtype="turn_duration", durationMs=seconds * 1000)

    def text(self) -> str:
        return "".join(line + "\n" for line in self.lines)

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text())
        return path
