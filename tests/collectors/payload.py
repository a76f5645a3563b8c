"""Invented payloads of Claude Code's hooks for tests; what is private in them says so."""

import json
from typing import Any

SECRET = "kept-to-oneself"


def payload(event: str, tool: str | None = None, call: str | None = None, **fields: Any) -> bytes:
    """Return a payload as Claude Code writes it."""
    body: dict[str, Any] = {
        "session_id": f"session-{SECRET}",
        "transcript_path": f"/home/{SECRET}/.claude/projects/p/s.jsonl",
        "cwd": f"/home/{SECRET}",
        "permission_mode": "default",
        "hook_event_name": event,
    }
    if tool is not None:
        body |= {"tool_name": tool, "tool_input": {"command": f"cat {SECRET}"}}
    if call is not None:
        body["tool_use_id"] = call
    return json.dumps({**body, **fields}).encode()
