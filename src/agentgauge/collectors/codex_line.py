"""A line of a Codex CLI rollout: what is read of it, and how bytes become it.

The content of prompts, answers and tool calls is skipped while decoding, but for the head of a tool's output.
"""

import re
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from agentgauge.collectors.call import Tokens
from agentgauge.collectors.log import unix

_NOTHING: Final = msgspec.Raw()
_ERROR_NAME: Final = re.compile(r"[a-z_]{1,40}")
_EXIT_CODE: Final = re.compile(r"(?:exited with code|Exit code:) (-?\d+)")
_FAILED: Final = re.compile(
    r"(?i)(?:exec_command |apply_patch verification )?failed\b|execution error|unsupported (?:custom )?(?:tool )?call"
    r"|aborted by user|tool call error"
)
_USUAL: Final = re.compile(
    rb'\{"timestamp":"[^"]*",(?:"ordinal":\d+,)?"type":"(event_msg|response_item)","payload":\{"type":"(\w+)"'
)
_HEAD: Final = 400
_Count = Annotated[int, Meta(ge=0, le=10**12)] | None
_Seconds = Annotated[float, Meta(ge=0, le=1e12)] | None


class Usage(Struct, gc=False):
    input_tokens: _Count = None
    cached_input_tokens: _Count = None
    cache_write_input_tokens: _Count = None
    output_tokens: _Count = None
    reasoning_output_tokens: _Count = None

    def tokens(self) -> Tokens:
        return Tokens(
            self.input_tokens or 0,
            self.output_tokens or 0,
            self.cached_input_tokens or 0,
            self.cache_write_input_tokens or 0,
            self.reasoning_output_tokens or 0,
        )


class Info(Struct, gc=False):
    total_token_usage: Usage | None = None
    last_token_usage: Usage | None = None


class Payload(Struct, gc=False):
    """What is read of any payload; texts are left undecoded."""

    type: str = ""
    id: str | None = None
    timestamp: str | None = None
    role: str | None = None
    name: str | None = None
    call_id: str | None = None
    status: str | None = None
    model: str | None = None
    model_provider: str | None = None
    forked_from_id: str | None = None
    parent_thread_id: str | None = None
    source: msgspec.Raw = _NOTHING
    started_at: _Seconds = None
    duration_ms: _Seconds = None
    reason: str | None = None
    exit_code: int | None = None
    success: bool | None = None
    info: Info | None = None
    output: msgspec.Raw = _NOTHING
    result: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING
    codex_error_info: msgspec.Raw = _NOTHING


class _Line(Struct, gc=False):
    """One line as it is written."""

    type: str
    timestamp: str | None = None
    payload: msgspec.Raw = _NOTHING


class _Usual(Struct, gc=False):
    timestamp: str | None
    payload: Payload


class Line(Struct, gc=False):
    """One line.

    Args:
        known: whether it is one of a rollout.
        key: what it says, where that is read: its type, or its payload's.
        time: unix seconds, or 0.
        payload: of what is read.
    """

    known: bool
    key: str
    time: float
    payload: Payload


class _Type(Struct, gc=False):
    type: str = ""


_EVENTS: Final = frozenset(
    {
        "task_started",
        "turn_started",
        "task_complete",
        "turn_complete",
        "turn_aborted",
        "user_message",
        "token_count",
        "error",
        "exec_command_end",
        "patch_apply_end",
        "mcp_tool_call_end",
    }
)
CALLS: Final = {
    "function_call": "",
    "custom_tool_call": "",
    "local_shell_call": "shell",
    "tool_search_call": "tool_search",
    "web_search_call": "web_search",
    "image_generation_call": "image_generation",
}
"""Items that are calls to tools, and the tool's name where an item does not say it."""

ITEMS: Final = frozenset(
    {*CALLS, "function_call_output", "custom_tool_call_output", "tool_search_output", "message", "reasoning"}
)
_TYPES: Final = frozenset({"session_meta", "turn_context", "event_msg", "response_item"})
_WANTED: Final = {"event_msg": _EVENTS, "response_item": ITEMS}
_line = msgspec.json.Decoder(_Line).decode
_type = msgspec.json.Decoder(_Type).decode
_payload = msgspec.json.Decoder(Payload).decode
_usual = msgspec.json.Decoder(_Usual).decode
_EMPTY: Final = Payload()


def decode(body: bytes) -> Line:
    """Return what one line says.

    Raises:
        msgspec.DecodeError: it is not a line of a rollout.
    """
    usual = _USUAL.match(body)
    if usual is not None and body.endswith(b"}}"):
        # Most of a rollout is of no interest here, and the rest need not be looked at twice.
        if usual[2].decode() not in _WANTED[usual[1].decode()]:
            return Line(True, "", 0.0, _EMPTY)
        whole = _usual(body)
        return Line(True, whole.payload.type, unix(whole.timestamp), whole.payload)
    line = _line(body)
    kind = "" if not line.payload or line.type not in _WANTED else _type(line.payload).type
    if kind in _WANTED.get(line.type, ()):
        return Line(True, kind, unix(line.timestamp), _payload(line.payload))
    if line.payload and line.type in {"session_meta", "turn_context"}:
        return Line(True, line.type, unix(line.timestamp), _payload(line.payload))
    return Line(line.type in _TYPES, "", unix(line.timestamp), _EMPTY)


def spawned_role(source: msgspec.Raw) -> str | None:
    """Return the role of a subagent, or None where a session is none."""
    body = _decoded(source)
    if not isinstance(body, dict) or "subagent" not in body:
        return None
    spawn = body["subagent"].get("thread_spawn") if isinstance(body["subagent"], dict) else None
    role = spawn.get("agent_role") if isinstance(spawn, dict) else None
    return role if isinstance(role, str) else ""


def failed(output: msgspec.Raw) -> bool:
    """Return whether a tool's output says that it failed."""
    body = _decoded(output)
    if isinstance(body, dict):
        return body.get("success") is False
    if not isinstance(body, str):
        return False
    head = body[:_HEAD]
    code = _EXIT_CODE.search(head)
    if code is None and head.startswith("{"):
        inner = _decoded(body.encode("utf-8", "replace"))
        metadata = inner.get("metadata") if isinstance(inner, dict) else None
        return isinstance(metadata, dict) and metadata.get("exit_code") not in {None, 0}
    return int(code[1]) != 0 if code is not None else _FAILED.match(head) is not None


def error_type(body: msgspec.Raw) -> str:
    """Return an error's type: a status, the name Codex gives it, or "error"."""
    found = _decoded(body)
    if isinstance(found, dict):
        inner = found.get("codex_error_info", found)
        if isinstance(inner, dict) and inner:
            name, details = next(iter(inner.items()))
            status = details.get("http_status_code") if isinstance(details, dict) else None
            found = str(status) if isinstance(status, int) and 400 <= status < 600 else name
            if found.isdigit():
                return found
        else:
            found = inner
    return found if isinstance(found, str) and _ERROR_NAME.fullmatch(found) else "error"


def _decoded(body: bytes | msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
