"""Gemini CLI sessions, ``~/.gemini/tmp/<project>/chats/session-*.json`` and ``.jsonl``, become records.

What is counted, and when:

* A message of the model is one call, counted once it has its tokens: older versions write the whole file again and
  again, newer ones append a message anew whenever it changes. Input includes cached tokens and those of tools;
  output here includes the thoughts, which the file counts apart.
* A call lasts from the prompt or the last tool's end to the message, a tool call from the message to its own end.
* A run is a user's message and what follows until the next, or until a long rest.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from agentgauge.collectors.call import Caller, Tokens, run_records, tool_record
from agentgauge.collectors.conversation import OTHER, Turn, label
from agentgauge.collectors.log import LogCollector, split_lines, unix
from agentgauge.collectors.seen import Seen
from agentgauge.record import Record

AGENT: Final = "gemini"
PROVIDER: Final = "gcp.gen_ai"

_NOTHING: Final = msgspec.Raw()
_TOOL_NAME: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_HEAD: Final = 200
_ENDED: Final = frozenset({"success", "error", "cancelled"})
_Count = Annotated[int, Meta(ge=0, le=10**12)] | None


class _Tokens(Struct, gc=False):
    input: _Count = None
    output: _Count = None
    cached: _Count = None
    thoughts: _Count = None
    tool: _Count = None


class _Tool(Struct, gc=False):
    id: str | None = None
    name: str | None = None
    status: str | None = None
    timestamp: str | None = None


class Line(Struct, gc=False, rename="camel"):
    """A message, or a line of a newer version that says something of the session; ``content`` is left undecoded."""

    id: str = ""
    type: str = ""
    timestamp: str | None = None
    model: str | None = None
    tokens: _Tokens | None = None
    tool_calls: list[_Tool] | None = None
    content: msgspec.Raw = _NOTHING
    session_id: str | None = None
    kind: str | None = None
    rewind_to: str | None = msgspec.field(default=None, name="$rewindTo")
    update: "_Update | None" = msgspec.field(default=None, name="$set")

    @property
    def known(self) -> bool:
        """Whether it is one of a session."""
        return True


class _Update(Struct, gc=False):
    """What changes in a session."""

    messages: list[Line] | None = None
    kind: str | None = None


class _Session(Struct, gc=False, rename="camel"):
    """A whole file of an older version."""

    session_id: str
    messages: list[Line]
    kind: str | None = None


_session = msgspec.json.Decoder(_Session).decode
_line = msgspec.json.Decoder(Line).decode


def decode(body: bytes) -> Line:
    """Return what one line says.

    Raises:
        msgspec.DecodeError: it is not a line of a session.
    """
    line = _line(body)
    if line.rewind_to is not None:
        return Line()  # what is taken back was called all the same
    if line.id:
        _check([line])
    elif line.update is not None:
        _check(line.update.messages or [])
    elif line.session_id is None:
        raise msgspec.ValidationError("neither a message nor a session")
    return line


def whole(body: bytes) -> list[Line]:
    """Return what a file of an older version says.

    Raises:
        msgspec.DecodeError: it is not a session.
    """
    session = _session(body)
    _check(session.messages)
    return [Line(kind=session.kind), *session.messages]


def _check(messages: list[Line]) -> None:
    for message in messages:
        if not message.id or not message.type:
            raise msgspec.ValidationError("a message without id or type")


class Chat(Struct, omit_defaults=True):
    """What must be remembered of one file between two readings.

    Args:
        agent: whose it is.
        asked: when the model was last given something to answer.
        turn: the run in progress.
    """

    agent: str = AGENT
    asked: float = 0.0
    turn: Turn | None = None

    @property
    def waiting(self) -> bool:
        """Whether something has begun and not ended."""
        return self.turn is not None

    @property
    def busy(self) -> bool:
        """Whether a tool is at work; the files do not say."""
        return False

    def read(self, line: Line, seen: Seen, records: list[Record]) -> bool:
        """Take the next line and append the records now complete; what is written anew is no duplicate."""
        if line.id:
            self._message(line, seen, records)
            return False
        update = line.update or _Update(kind=line.kind)
        if update.kind == "subagent":
            self.agent = "subagent"
        for message in update.messages or ():
            self._message(message, seen, records)
        return False

    def rest(self, records: list[Record]) -> None:
        """End the run in progress."""
        records += run_records(self.turn, self.agent)
        self.turn = None

    close = rest

    def _message(self, message: Line, seen: Seen, records: list[Record]) -> None:
        if message.type == "gemini":
            self._answer(message, unix(message.timestamp), seen, records)
        elif message.type == "user":
            if seen.add(f"{message.id}:user"):
                self.rest(records)
                self.asked = unix(message.timestamp)
                self.turn = Turn(self.asked)
        elif message.type == "error" and b"API Error" in bytes(message.content)[:_HEAD]:
            self._error(message, unix(message.timestamp), seen, records)

    def _answer(self, message: Line, time: float, seen: Seen, records: list[Record]) -> None:
        counts = message.tokens
        if counts is not None and seen.add(f"{message.id}:call"):
            thoughts = counts.thoughts or 0
            tokens = Tokens(
                (counts.input or 0) + (counts.tool or 0),
                (counts.output or 0) + thoughts,
                counts.cached or 0,
                0,
                thoughts,
            )
            duration = time - self.asked if 0 < self.asked <= time else None
            caller = Caller(self.agent, PROVIDER, label(message.model or "", ""))
            records.append(caller.used(time, tokens, duration=duration))
            turn = self._running()
            turn.calls += 1
            turn.end = max(turn.end, time)
        for tool in message.tool_calls or ():
            if tool.status in _ENDED and seen.add(f"{message.id}:{tool.id}"):
                self._tool(tool, time, records)

    def _tool(self, tool: _Tool, start: float, records: list[Record]) -> None:
        end = unix(tool.timestamp) or start
        name = tool.name if tool.name and _TOOL_NAME.fullmatch(tool.name) else OTHER
        extension = "__" in name
        record = tool_record(name, self.agent, end, end - start, failed=tool.status == "error", extension=extension)
        if tool.status == "cancelled":
            record.labels["error_type"] = "cancelled"
        records.append(record)
        turn = self._running()
        turn.tools += 1
        turn.end = max(turn.end, end)
        self.asked = max(self.asked, end)

    def _error(self, message: Line, time: float, seen: Seen, records: list[Record]) -> None:
        if not seen.add(f"{message.id}:error"):
            return
        duration = time - self.asked if 0 < self.asked <= time else 0.0
        caller = Caller(self.agent, PROVIDER, "")
        records.append(caller.record(time, {"duration_seconds": duration}, error_type="api_error"))
        turn = self._running()
        turn.calls += 1
        turn.end = max(turn.end, time)
        turn.fail("failure", "api_error")

    def _running(self) -> Turn:
        if self.turn is None:
            self.turn = Turn(0.0)
        return self.turn


def gemini(paths: Iterable[str | Path]) -> LogCollector[Line]:
    """Return the collector of the sessions in directories, and of files named themselves."""
    return LogCollector("gemini", paths, Chat, split_lines(decode), whole=whole, accepts=_is_session)


def _is_session(path: str) -> bool:
    # Other files of these names' endings lie beside them: logs, checkpoints, what tools wrote.
    name = path.rpartition("/")[2]
    return (name.startswith("session-") or "/chats/" in path) and name.endswith((".json", ".jsonl"))
