"""The collector of Claude Code's hooks of type http: payloads in, records out at the next poll.

A session that is also read from its transcript is told twice. A call to a tool is counted by whoever tells of it
first, under its ``tool_use_id``, and the transcript is given time to be the first: its duration, with permission
prompts and other hooks, is then the one that counts. Events and permissions are in no transcript.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from agentgauge.collectors.hook_payload import Event, read_payload
from agentgauge.collectors.saved import read_state
from agentgauge.collectors.seen import Seen
from agentgauge.collectors.tool_calls import ToolCalls
from agentgauge.errors import InvalidRecordError, SpoolError
from agentgauge.record import Record
from agentgauge.spool.journal import Journal, Place

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
    journal: Place = Place()


class ClaudeCodeHooksCollector:
    """Takes payloads from any thread; implements the exporter's Collector.

    State and journal hold hashes, times and label values.

    Args:
        tool_calls: calls to tools counted by anyone; its state is kept here.
        transcripts: whether sessions are read from their transcripts too.
        journal: where payloads are kept until a state is saved that covers them; without one, those taken since are
            lost with the process.
    """

    name = "claude_code_hooks"

    def __init__(self, tool_calls: Seen, *, transcripts: bool, journal: Journal | None = None) -> None:
        self._counted = tool_calls
        self._transcripts = transcripts
        self._journal = journal
        self._refused = {"invalid": 0, "duplicate": 0, "dropped": 0}
        self._events = deque(self._kept(Place()))
        self._calls = ToolCalls()
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def take(self, body: bytes | bytearray) -> None:
        """Take a payload.

        Raises:
            InvalidRecordError: it is none.
            SpoolError: it cannot be kept.
        """
        try:
            event = read_payload(body, time.time())
        except InvalidRecordError:
            self.refuse("invalid")
            raise
        with self._lock:
            try:
                self._keep(event)
            except SpoolError:
                self._refused["dropped"] += 1
                raise

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
            events, journal = list(self._events), Place() if self._journal is None else self._journal.place
        return msgspec.to_builtins(_State(events, self._calls, self._held, self._counted.state(), journal))

    def restore(self, state: object) -> None:
        """Go on from a state.

        Raises:
            SpoolError: it is not one.
        """
        saved = read_state(self.name, state, _State)
        self._counted.restore(saved.counted)
        self._calls, self._held = saved.calls, saved.held
        self._refused = dict.fromkeys(self._refused, 0)
        self._events = deque([*saved.events, *self._kept(saved.journal)])

    def saved(self, state: dict[str, Any]) -> None:
        """Take note that a state is on disk: what it covers is kept no longer."""
        if self._journal is not None:
            with self._lock:
                self._journal.saved(Place(*state["journal"]))

    def _keep(self, event: Event) -> None:
        if len(self._events) >= _MAX_WAITING:
            raise SpoolError("too many payloads wait to be counted")
        if self._journal is not None:
            self._journal.append(msgspec.json.encode(event) + b"\n")
        self._events.append(event)

    def _kept(self, place: Place) -> list[Event]:
        """Return the events that the journal has behind a place."""
        events = []
        for line in [] if self._journal is None else self._journal.since(place):
            try:
                events.append(msgspec.json.decode(line, type=Event))
            except msgspec.DecodeError:
                self._refused["invalid"] += 1
        return events

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
