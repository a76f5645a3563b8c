"""The collector of Claude Code's hooks of type http: payloads in, records out at the next poll.

A session that is also read from its transcript is told twice. A call to a tool is counted by whoever tells of it
first, under its ``tool_use_id``, and the transcript is given time to be the first: its duration, with permission
prompts and other hooks, is then the one that counts. Events and permissions are in no transcript.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from agentgauge.collectors.hook_payload import Event, read_payload
from agentgauge.collectors.saved import read_state
from agentgauge.collectors.seen import Seen
from agentgauge.collectors.tool_calls import ToolCalls
from agentgauge.errors import InvalidRecordError
from agentgauge.record import Record

HOLD_SECONDS: Final = 60.0
"""How long a transcript has to tell of a call first: a new one is found within 10 s, and may be read late."""

_MAX_WAITING: Final = 50_000


class _Held(Struct, array_like=True):
    """A call to a tool that the transcript may yet tell of; ``until`` is unix seconds."""

    until: float
    time: float
    labels: dict[str, str]
    amounts: dict[str, float]


class _State(Struct):
    events: list[Event]
    calls: ToolCalls
    held: dict[str, _Held]
    counted: list[str]


class ClaudeCodeHooksCollector:
    """Takes payloads from any thread; implements the exporter's Collector.

    The state holds hashes, times and label values. A payload that was taken and not yet polled when the process is
    killed is lost: whoever sends it does not wait for a disk.

    Args:
        tool_calls: calls to tools counted by anyone; its state is kept here.
        transcripts: whether sessions are read from their transcripts too.
    """

    name = "claude_code_hooks"

    def __init__(self, tool_calls: Seen, *, transcripts: bool) -> None:
        self._counted = tool_calls
        self._transcripts = transcripts
        self._events: deque[Event] = deque()
        self._calls = ToolCalls()
        self._held: dict[str, _Held] = {}
        self._refused = {"invalid": 0, "duplicate": 0, "dropped": 0}
        self._lock = threading.Lock()

    def take(self, body: bytes | bytearray) -> None:
        """Take a payload.

        Raises:
            InvalidRecordError: it is none.
        """
        try:
            event = read_payload(body, time.time())
        except InvalidRecordError:
            self.refuse("invalid")
            raise
        with self._lock:
            if len(self._events) < _MAX_WAITING:
                self._events.append(event)
            else:
                self._refused["dropped"] += 1

    def refuse(self, result: str) -> None:
        """Count a payload that was not read: "invalid", or "dropped" for one that is too large."""
        with self._lock:
            self._refused[result] += 1

    def poll(self) -> Iterator[Record]:
        """Yield the records of what was taken since the last poll."""
        now = time.time()
        with self._lock:
            events, self._events = self._events, deque()
        for event in events:
            yield Record("hook_event", event.time, {"hook_system": "claude_code", "hook_event": event.name})
            records: list[Record] = []
            self._calls.take(event, records)
            for record in records:
                yield from self._hold(record)
        yield from self._release(now)
        with self._lock:
            refused, self._refused = self._refused, dict.fromkeys(self._refused, 0)
        for result, count in refused.items():
            if count:
                yield Record("read", now, {"source": self.name, "result": result}, {"count": count})

    def state(self) -> object:
        """Return what ``restore`` needs."""
        with self._lock:
            events = list(self._events)
        return msgspec.to_builtins(_State(events, self._calls, self._held, self._counted.state()))

    def restore(self, state: object) -> None:
        """Go on from a state.

        Raises:
            SpoolError: it is not one.
        """
        saved = read_state(self.name, state, _State)
        self._counted.restore(saved.counted)
        self._events, self._calls, self._held = deque(saved.events), saved.calls, saved.held

    def _hold(self, record: Record) -> Iterator[Record]:
        """Yield a record, unless it is a call that the transcript should tell of."""
        if record.kind != "tool":
            yield record
        elif not record.id:
            # Nothing says which call of the transcript it is.
            if self._transcripts:
                self._refused["duplicate"] += 1
            else:
                yield record
        elif record.id in self._held:
            self._refused["duplicate"] += 1
        else:
            until = record.time + (HOLD_SECONDS if self._transcripts else 0.0)
            self._held[record.id] = _Held(until, record.time, record.labels, record.amounts)

    def _release(self, now: float) -> Iterator[Record]:
        # In the order of their arrival. A clock that was set back must not hold them for longer than its step.
        while self._held:
            identity = next(iter(self._held))
            held = self._held[identity]
            if now < held.until <= now + HOLD_SECONDS and len(self._held) <= _MAX_WAITING:
                return
            del self._held[identity]
            if self._counted.add(identity):
                yield Record("tool", held.time, held.labels, held.amounts, identity)
            else:
                self._refused["duplicate"] += 1
