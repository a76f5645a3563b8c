"""Copilot CLI event logs, ``~/.copilot/session-state/<session>/events.jsonl``, become records of calls, tools and runs.

What is counted, and when:

* A call is one ``assistant.message``; it lasts from the turn's start, and tells its output tokens alone.
* The tokens of a whole lifecycle of the session, by model, are in ``session.shutdown``: they are counted then, each
  call having used its share. Input includes cached tokens. Output tokens told by messages before are not counted
  again. A session that was killed tells no more than its messages did.
* A tool call lasts from ``tool.execution_start`` to ``tool.execution_complete``, and failed where that says so.
* A run is a user's message and what follows until the next, the session's end, or a long rest.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct, field

from agentgauge.collectors.call import Caller, Tokens, run_records, tool_record
from agentgauge.collectors.conversation import OTHER, Turn, finished, label
from agentgauge.collectors.log import LogCollector, split_lines, unix
from agentgauge.collectors.seen import Seen, digest
from agentgauge.record import Record

AGENT: Final = "copilot"
PROVIDER: Final = "github_copilot"

_MAX_TOOLS: Final = 256
_MAX_MODELS: Final = 64
_NOTHING: Final = msgspec.Raw()
_TOOL_NAME: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_ERROR_NAME: Final = re.compile(r"[a-z_]{1,40}")
_Count = Annotated[int, Meta(ge=0, le=10**12)] | None


class _Requests(Struct, gc=False):
    count: _Count = None


class _Usage(Struct, gc=False, rename="camel"):
    input_tokens: _Count = None
    output_tokens: _Count = None
    cache_read_tokens: _Count = None
    cache_write_tokens: _Count = None
    reasoning_tokens: _Count = None


class _Metrics(Struct, gc=False):
    requests: _Requests | None = None
    usage: _Usage | None = None


class Data(Struct, gc=False, rename="camel"):
    """What is read of any event's data."""

    model: str | None = None
    selected_model: str | None = None
    new_model: str | None = None
    output_tokens: _Count = None
    tool_requests: list[msgspec.Raw] | None = None
    tool_call_id: str | None = None
    parent_tool_call_id: str | None = None
    tool_name: str | None = None
    mcp_server_name: str | None = None
    agent_name: str | None = None
    success: bool | None = None
    error_type: str | None = None
    status_code: int | None = None
    model_metrics: dict[str, _Metrics] | None = None


class _Event(Struct, gc=False):
    type: str
    id: str | None = None
    timestamp: str | None = None
    data: msgspec.Raw = _NOTHING


class Event(Struct, gc=False):
    """One event as it is worked with."""

    known: bool
    key: str
    id: str
    time: float
    data: Data


_READ: Final = frozenset(
    {
        "session.start",
        "session.resume",
        "session.model_change",
        "session.error",
        "session.shutdown",
        "user.message",
        "assistant.turn_start",
        "assistant.turn_end",
        "assistant.message",
        "tool.execution_start",
        "tool.execution_complete",
        "subagent.started",
        "subagent.completed",
        "subagent.failed",
        "abort",
    }
)
_event = msgspec.json.Decoder(_Event).decode
_data = msgspec.json.Decoder(Data).decode
_EMPTY: Final = Data()


def decode(body: bytes) -> Event:
    """Return what one line says.

    Raises:
        msgspec.DecodeError: it is no event.
    """
    event = _event(body)
    read = event.type in _READ
    known = read or event.type.startswith(("session.", "assistant.", "tool.", "hook.", "system."))
    data = _data(event.data) if read and event.data else _EMPTY
    key = event.type if read else ""
    return Event(known and event.timestamp is not None, key, event.id or "", unix(event.timestamp), data)


class OpenTool(Struct, array_like=True):
    """A tool call without its end."""

    name: str
    start: float
    agent: str
    extension: bool


class OpenAgent(Struct, array_like=True):
    """A subagent at work."""

    agent: str
    turn: Turn


class Log(Struct, omit_defaults=True):
    """What must be remembered of one log between two readings.

    Args:
        model: the last one used or chosen.
        asked: when the model was last given something to answer.
        turn: the run in progress.
        tools: calls without end, by id, hashed.
        subagents: by the id of the tool call that started them, hashed.
        told: calls and output tokens by model since the session's begin or last end.
    """

    model: str = ""
    asked: float = 0.0
    turn: Turn | None = None
    tools: dict[str, OpenTool] = field(default_factory=dict)
    subagents: dict[str, OpenAgent] = field(default_factory=dict)
    told: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def waiting(self) -> bool:
        """Whether something has begun and not ended."""
        return self.turn is not None or bool(self.tools)

    @property
    def busy(self) -> bool:
        """Whether a tool is at work."""
        return bool(self.tools)

    def read(self, line: Event, seen: Seen, records: list[Record]) -> bool:
        """Take the next event, append the records now complete, and return whether it was counted before."""
        key, data, time = line.key, line.data, line.time
        if key in {"session.start", "session.resume", "session.model_change"}:
            self.model = label(data.new_model or data.selected_model or "", self.model)
        elif key == "user.message":
            self._end(records)
            self.turn, self.asked = Turn(time), time
        elif key == "assistant.turn_start":
            self.asked = time or self.asked
        elif key == "assistant.turn_end" and self.turn is not None:
            self.turn.end = max(self.turn.end, time)
        elif key == "tool.execution_start":
            self._start(data, time)
        elif key == "abort" and self.turn is not None:
            self.turn.fail("cancelled", "cancelled")
            self._end(records, time)
        elif key in {"assistant.message", "tool.execution_complete", "session.error", "session.shutdown"}:
            if line.id and not seen.add(line.id):
                return True
            self._counted(line, records)
        elif key.startswith("subagent."):
            self._subagent(key, data, time, records)
        return False

    def rest(self, records: list[Record]) -> None:
        """End the run in progress; one that waits for a tool was cancelled."""
        if self.turn is not None and self.tools:
            self.turn.fail("cancelled", "cancelled")
        self._end(records)

    def close(self, records: list[Record]) -> None:
        """End everything: the calls of a session that did not say its tokens have no price."""
        self.rest(records)
        for model, (calls, _) in self.told.items():
            caller = Caller(AGENT, PROVIDER, model)
            records.append(caller.record(self.asked, {"unpriced": calls}, cost_source="unpriced"))
        self.told = {}

    def _counted(self, line: Event, records: list[Record]) -> None:
        if line.key == "assistant.message":
            self._message(line.data, line.time, records)
        elif line.key == "tool.execution_complete":
            self._complete(line.data, line.time, records)
        elif line.key == "session.error":
            self._error(line.data, line.time, records)
        else:
            self._end(records, line.time if self.turn is not None and not self.turn.end else 0.0)
            self._shutdown(line.data, line.time, records)

    def _message(self, data: Data, time: float, records: list[Record]) -> None:
        self.model = label(data.model or "", self.model)
        subagent = self.subagents.get(digest(data.parent_tool_call_id)) if data.parent_tool_call_id else None
        output = data.output_tokens or 0
        amounts: dict[str, float] = {"output_tokens": output} if output else {}
        if 0 < self.asked <= time:
            amounts["duration_seconds"] = time - self.asked
        agent, turn = (subagent.agent, subagent.turn) if subagent is not None else (AGENT, self._running())
        record = Caller(agent, PROVIDER, self.model).record(time, amounts)
        if data.tool_requests is not None:
            finished(record, "tool_call" if data.tool_requests else "stop")
        records.append(record)
        turn.calls += 1
        turn.end = max(turn.end, time)
        if self.model in self.told or len(self.told) < _MAX_MODELS:
            calls, tokens = self.told.get(self.model, (0, 0))
            self.told[self.model] = (calls + 1, tokens + output)

    def _start(self, data: Data, time: float) -> None:
        if not data.tool_call_id:
            return
        if len(self.tools) >= _MAX_TOOLS:
            del self.tools[next(iter(self.tools))]
        subagent = self.subagents.get(digest(data.parent_tool_call_id)) if data.parent_tool_call_id else None
        agent, turn = (subagent.agent, subagent.turn) if subagent is not None else (AGENT, self._running())
        turn.tools += 1
        name = data.tool_name or ""
        name = name if _TOOL_NAME.fullmatch(name) else OTHER
        self.tools[digest(data.tool_call_id)] = OpenTool(name, time, agent, data.mcp_server_name is not None)

    def _complete(self, data: Data, time: float, records: list[Record]) -> None:
        tool = self.tools.pop(digest(data.tool_call_id or ""), None)
        self.asked = time or self.asked
        if tool is not None:
            failed, duration = data.success is False, time - (tool.start or time)
            records.append(tool_record(tool.name, tool.agent, time, duration, failed=failed, extension=tool.extension))

    def _error(self, data: Data, time: float, records: list[Record]) -> None:
        name = data.error_type or ""
        error = str(data.status_code) if data.status_code and 400 <= data.status_code < 600 else name
        error = error if error.isdigit() or _ERROR_NAME.fullmatch(error) else "error"
        duration = time - self.asked if 0 < self.asked <= time else 0.0
        records.append(
            Caller(AGENT, PROVIDER, self.model).record(time, {"duration_seconds": duration}, error_type=error)
        )
        turn = self._running()
        turn.calls += 1
        turn.end = max(turn.end, time)
        turn.fail("budget" if error == "quota" else "failure", error)

    def _subagent(self, key: str, data: Data, time: float, records: list[Record]) -> None:
        identity = digest(data.tool_call_id or "")
        if key == "subagent.started":
            if len(self.subagents) < _MAX_TOOLS:
                self.subagents[identity] = OpenAgent(label(data.agent_name or "", "subagent"), Turn(time))
            return
        subagent = self.subagents.pop(identity, None)
        if subagent is not None:
            if key == "subagent.failed":
                subagent.turn.fail("failure", "error")
            subagent.turn.end = max(subagent.turn.end, time)
            records += run_records(subagent.turn, subagent.agent)

    def _shutdown(self, data: Data, time: float, records: list[Record]) -> None:
        told, self.told = self.told, {}
        for name, metrics in (data.model_metrics or {}).items():
            model = label(name, "")
            calls = (metrics.requests.count if metrics.requests is not None else None) or 0
            usage = metrics.usage or _Usage()
            tokens = Tokens(
                usage.input_tokens or 0,
                usage.output_tokens or 0,
                usage.cache_read_tokens or 0,
                usage.cache_write_tokens or 0,
                usage.reasoning_tokens or 0,
            )
            caller = Caller(AGENT, PROVIDER, model)
            if not any(tokens):  # a provider that tells no tokens
                records += [caller.record(time, {"unpriced": calls}, cost_source="unpriced")] if calls else []
                continue
            rest = max(0, tokens.output - told.get(model, (0, 0))[1])
            shares = caller.used_together(time, calls, tokens)
            for part, record in enumerate(shares):
                record.amounts["output_tokens"] = Tokens(output=rest).share(part, len(shares)).output
                if not rest:
                    del record.amounts["output_tokens"]
            records += shares

    def _end(self, records: list[Record], time: float = 0.0) -> None:
        if self.turn is not None:
            self.turn.end = max(self.turn.end, time)
        records += run_records(self.turn, AGENT)
        self.turn = None
        self.tools.clear()
        self.subagents.clear()

    def _running(self) -> Turn:
        if self.turn is None:
            self.turn = Turn(0.0)
        return self.turn


def copilot(paths: Iterable[str | Path]) -> LogCollector[Event]:
    """Return the collector of the event logs in directories, and of files named themselves."""
    return LogCollector("copilot", paths, Log, split_lines(decode))
