"""Hook payload: the JSON object Claude Code gives its hooks becomes an event; nothing else of it is kept."""

from typing import Final

import msgspec
from msgspec import Struct

from agentgauge.collectors.conversation import OTHER, label, tool_name
from agentgauge.collectors.seen import digest
from agentgauge.collectors.transcript import MAIN_AGENT, SUBAGENT
from agentgauge.errors import InvalidRecordError

EVENTS: Final = frozenset(
    {
        "ConfigChange",
        "CwdChanged",
        "DirectoryAdded",
        "Elicitation",
        "ElicitationResult",
        "FileChanged",
        "InstructionsLoaded",
        "MessageDisplay",
        "Notification",
        "PermissionDenied",
        "PermissionRequest",
        "PostCompact",
        "PostModelSwitch",
        "PostToolBatch",
        "PostToolUse",
        "PostToolUseFailure",
        "PreCompact",
        "PreModelSwitch",
        "PreToolUse",
        "SessionEnd",
        "SessionStart",
        "Setup",
        "Stop",
        "StopFailure",
        "SubagentStart",
        "SubagentStop",
        "TaskCompleted",
        "TaskCreated",
        "TeammateIdle",
        "UserPromptExpansion",
        "UserPromptSubmit",
        "WorktreeCreate",
        "WorktreeRemove",
    }
)
"""The events of Claude Code's hooks reference; any other is counted as "other"."""

_MAX_DURATION_MS: Final = 86_400_000.0 * 7


class Event(Struct, array_like=True):
    """What is kept of a payload.

    Args:
        time: unix seconds of its arrival: a payload has no time of its own.
        name: one of ``EVENTS``, or "other".
        session: hashed, and so is ``subagent``, empty for the session's own agent.
        agent: the label value.
        tool: the label value; empty where the event is about none.
        call: ``tool_use_id``, hashed; empty where there is none.
        seconds: what the call took, None where it is not said.
        interrupted: whether the user stopped the call.
    """

    time: float
    name: str
    session: str
    subagent: str = ""
    agent: str = MAIN_AGENT
    tool: str = ""
    call: str = ""
    seconds: float | None = None
    interrupted: bool = False


class _Payload(Struct, rename={"event": "hook_event_name"}):
    event: str
    session_id: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    tool_name: str | None = None
    tool_use_id: str | None = None
    duration_ms: float | None = None
    is_interrupt: bool | None = None


class _CamelPayload(Struct, rename="camel"):
    """The same as other clients of Claude Code's hooks write it, their events in snake_case."""

    hook_event_name: str
    session_id: str | None = None
    tool_name: str | None = None
    tool_use_id: str | None = None


def read_payload(body: bytes | bytearray, time: float) -> Event:
    """Read a payload.

    Args:
        body: a JSON object.
        time: unix seconds of its arrival.

    Raises:
        InvalidRecordError: it is no JSON object with an event's name, or a field that is read has another type.
    """
    try:
        payload = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # msgspec names the field and its type, never a value.
        raise InvalidRecordError(f"not a hook's payload: {error}") from None
    duration = payload.duration_ms
    return Event(
        time,
        payload.event if payload.event in EVENTS else OTHER,
        digest(payload.session_id or ""),
        digest(payload.agent_id) if payload.agent_id else "",
        label(payload.agent_type or "", SUBAGENT) if payload.agent_id else MAIN_AGENT,
        tool_name(payload.tool_name) if payload.tool_name else "",
        digest(payload.tool_use_id) if payload.tool_use_id else "",
        duration / 1000 if duration is not None and 0 <= duration <= _MAX_DURATION_MS else None,
        bool(payload.is_interrupt),
    )


def _decode(body: bytes | bytearray) -> _Payload:
    try:
        return msgspec.json.decode(body, type=_Payload)
    except msgspec.ValidationError as error:
        if "missing required field" not in str(error):
            raise
        try:
            other = msgspec.json.decode(body, type=_CamelPayload)
        except msgspec.ValidationError:
            raise error from None
    name = "".join(word.capitalize() for word in other.hook_event_name.split("_"))
    return _Payload(name, other.session_id, tool_name=other.tool_name, tool_use_id=other.tool_use_id)
