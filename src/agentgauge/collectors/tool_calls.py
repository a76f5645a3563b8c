"""Tool calls as a session's hooks tell of them: begun, asked about, ended, or never run."""

from typing import Final

from msgspec import Struct, field

from agentgauge.collectors.conversation import tool_labels
from agentgauge.collectors.hook_payload import Event
from agentgauge.collectors.transcript import TOOL_ERROR
from agentgauge.record import Record

_MAX_OPEN: Final = 4096
_ENDS: Final = {"PostToolUse": "", "PostToolUseFailure": TOOL_ERROR}
_ENDS_OF_TURNS: Final = frozenset({"Stop", "StopFailure", "SubagentStop"})


class OpenCall(Struct, array_like=True):
    """A call that has begun; ``asked`` is whether the user was asked for permission."""

    session: str
    subagent: str
    tool: str
    start: float
    asked: bool = False


class ToolCalls(Struct, array_like=True):
    """The calls of all sessions that have begun and not ended.

    Args:
        calls: by ``tool_use_id``, hashed, or by a number where there was none.
        number: the last one given.
    """

    calls: dict[str, OpenCall] = field(default_factory=dict)
    number: int = 0

    def take(self, event: Event, records: list[Record]) -> None:
        """Take the next event and append the records that are now complete: ``tool`` and ``tool_permission``."""
        if event.name in _ENDS_OF_TURNS or event.name == "SessionEnd":
            self._end(event, records)
        elif not event.tool:
            return
        elif event.name == "PreToolUse":
            self._begin(event)
        elif event.name == "PermissionRequest":
            # It has no tool_use_id: the last call of that tool is the one asked about.
            key = self._find(event, newest=True)
            if key is not None:
                self.calls[key].asked = True
        elif event.name == "PermissionDenied":
            self.calls.pop(self._find(event) or "", None)
            records.append(_decision(event.tool, "denied", event.time))
        elif event.name in _ENDS:
            call = self.calls.pop(self._find(event) or "", None)
            if call is not None and call.asked:
                records.append(_decision(event.tool, "granted", event.time))
            records.append(_tool(event, call))

    def _begin(self, event: Event) -> None:
        key = event.call
        if not key:
            self.number += 1
            key = str(self.number)
        if key not in self.calls:
            if len(self.calls) >= _MAX_OPEN:
                del self.calls[next(iter(self.calls))]
            self.calls[key] = OpenCall(event.session, event.subagent, event.tool, event.time)

    def _find(self, event: Event, *, newest: bool = False) -> str | None:
        """Return the key of the call an event is about: by its id, else the oldest of that tool, or the newest."""
        if event.call:
            return event.call if event.call in self.calls else None
        about = (event.session, event.subagent, event.tool)
        keys = reversed(self.calls) if newest else iter(self.calls)
        for key in keys:
            call = self.calls[key]
            if (call.session, call.subagent, call.tool) == about and not (newest and call.asked):
                return key
        return None

    def _end(self, event: Event, records: list[Record]) -> None:
        """End what is open: a turn is not over before its calls are, so that these never ran."""
        for key, call in list(self.calls.items()):
            whole = event.name == "SessionEnd"
            if call.session == event.session and (whole or call.subagent == event.subagent):
                del self.calls[key]
                records.append(_decision(call.tool, "refused" if call.asked else "blocked", event.time))


def _decision(tool: str, decision: str, time: float) -> Record:
    return Record("tool_permission", time, {"gen_ai_tool_name": tool, "decision": decision})


def _tool(event: Event, call: OpenCall | None) -> Record:
    error = "cancelled" if event.interrupted else _ENDS[event.name]
    seconds = event.seconds
    if seconds is None and call is not None:
        seconds = max(0.0, event.time - call.start)
    if seconds is None and error:
        seconds = 0.0  # errors are counted by their durations
    amounts = {} if seconds is None else {"duration_seconds": seconds}
    return Record("tool", event.time, tool_labels(event.tool, event.agent, error), amounts, event.call)
