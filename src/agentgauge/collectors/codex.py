"""Codex CLI rollouts, ``~/.codex/sessions/**/rollout-*.jsonl``, become records of calls, tools and runs.

What is counted, and when:

* ``token_count.info.total_token_usage`` is the sum of the session so far: what it grew by is one call. An event
  that repeats a sum is none, and one whose ``info`` is null says nothing. Input includes what was read from the
  cache, output the reasoning. Where the sum falls, the counter began anew, and ``last_token_usage`` counts.
* A call lasts from the prompt or the last tool's output to the model's last item.
* A tool call lasts from its call to its output, approval included; it failed where its command did. One that the
  provider runs (a web search) is a single line, and lasts from the line of the model before it.
* A run is a task; versions that write no ``task_started`` begin it with the user's message.
* A forked session and a subagent's may begin with a copy of their parent's rollout: nothing of it is counted. It
  ends with the first task that began after the session did; where tasks do not say when, some seconds into it.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from agentgauge.collectors.call import Caller, Tokens, run_records, tool_record
from agentgauge.collectors.codex_line import CALLS, ITEMS, Line, Payload, decode, error_type, failed, spawned_role
from agentgauge.collectors.conversation import OTHER, Turn, label
from agentgauge.collectors.log import LogCollector, split_lines, unix
from agentgauge.collectors.seen import Seen, digest
from agentgauge.record import Record

AGENT: Final = "codex"

_COPY_SECONDS: Final = 2.5
_MAX_TOOLS: Final = 256
_TOOL_NAME: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)


class OpenTool(Struct, array_like=True):
    """A tool call without its output."""

    name: str
    start: float
    failed: bool = False
    extension: bool = False


class Rollout(Struct, omit_defaults=True):
    """What must be remembered of one rollout between two readings.

    Args:
        session: its id, hashed.
        agent: whose it is, its ``provider`` and its ``model``.
        started: unix seconds.
        forked: whether it goes on from another one's.
        copied: whether what is read is a copy of the parent's rollout, and ``dated`` whether its tasks say when.
        total: the last sum of tokens.
        asked: when the model was last given something to answer; the call in progress ``began`` and ``answered``,
            and ``called`` a tool.
        turn: the run in progress, and ``task`` whether it is a task.
        tools: calls without output by id, hashed.
    """

    session: str = ""
    agent: str = AGENT
    provider: str = "openai"
    model: str = ""
    started: float = 0.0
    forked: bool = False
    copied: bool = False
    dated: bool = False
    total: Tokens | None = None
    asked: float = 0.0
    began: float = 0.0
    answered: float = 0.0
    called: bool = False
    turn: Turn | None = None
    task: bool = False
    tools: dict[str, OpenTool] = field(default_factory=dict)

    @property
    def waiting(self) -> bool:
        """Whether something has begun and not ended."""
        return self.turn is not None or bool(self.tools)

    @property
    def busy(self) -> bool:
        """Whether a tool is at work."""
        return bool(self.tools)

    def read(self, line: Line, seen: Seen, records: list[Record]) -> bool:
        """Take the next line, append the records now complete, and return whether it was counted before."""
        key, payload = line.key, line.payload
        if key == "session_meta":
            self._begin(payload, line.time)
        elif key == "turn_context":
            self.model = label(payload.model or "", self.model)
        elif self.copied and self._is_copy(line):
            if key == "token_count" and payload.info is not None and payload.info.total_token_usage is not None:
                self.total = payload.info.total_token_usage.tokens()
        elif key == "token_count":
            return self._count(payload, line.time, seen, records)
        elif key in ITEMS:
            return self._item(line, seen, records)
        elif key:
            self._event(line, seen, records)
        return False

    def rest(self, records: list[Record]) -> None:
        """End the run in progress; one that waits for a tool was cancelled."""
        if self.turn is not None and self.tools:
            self.turn.fail("cancelled", "cancelled")
        self._end(records)

    close = rest

    def _begin(self, payload: Payload, time: float) -> None:
        if self.session:
            return  # the parent's, copied
        self.session = digest(payload.id or str(time))
        self.started = unix(payload.timestamp) or time
        self.provider = label(payload.model_provider or "", "openai")
        spawned = spawned_role(payload.source)
        if payload.forked_from_id or payload.parent_thread_id or spawned is not None:
            self.forked = self.copied = True
        if spawned is not None:
            self.agent = label(spawned, "subagent")

    def _is_copy(self, line: Line) -> bool:
        """Return whether a line belongs to the parent's rollout, at the beginning of a forked one."""
        if line.key in {"task_started", "turn_started"} and line.payload.started_at is not None:
            self.dated = True
            self.copied = line.payload.started_at < int(self.started)
        elif not self.dated and line.time > self.started + _COPY_SECONDS:
            self.copied = False
        return self.copied

    def _count(self, payload: Payload, time: float, seen: Seen, records: list[Record]) -> bool:
        info = payload.info
        if info is None or info.total_token_usage is None:
            return False
        total, before = info.total_token_usage.tokens(), self.total
        if total == before:
            return False
        self.total = total
        began, self.began = self.began, 0.0
        called, self.called = self.called, False
        if not seen.add(f"{self.session}:{','.join(map(str, total))}"):
            return True
        used = total if before is None else Tokens(*(now - then for now, then in zip(total, before, strict=True)))
        if (min(used) < 0 or (before is None and self.forked)) and info.last_token_usage is not None:
            used = info.last_token_usage.tokens()
        used = Tokens(*(max(0, count) for count in used))
        duration = self.answered - began if 0 < began <= self.answered else None
        # What was not finished is an error event. Tokens counted without a line of the model are those of no response.
        reason = "" if not began else "tool_call" if called else "stop"
        ended = self.answered if duration is not None else time
        records.append(self._caller().used(ended, used, duration=duration, finish_reason=reason))
        turn = self._running()
        turn.calls += 1
        turn.end = max(turn.end, self.answered, time)
        return False

    def _item(self, line: Line, seen: Seen, records: list[Record]) -> bool:
        payload, time = line.payload, line.time
        if line.key.endswith("_output"):
            tool = self.tools.pop(digest(payload.call_id or ""), None)
            self.asked = time or self.asked
            if tool is None:
                return False
            if not seen.add(f"tool:{payload.call_id}"):
                return True
            failure = tool.failed or failed(payload.output)
            extension = tool.extension or tool.name.startswith("mcp__")
            start = tool.start or time
            records.append(tool_record(tool.name, self.agent, time, time - start, failed=failure, extension=extension))
        elif line.key != "message" or payload.role == "assistant":
            before = max(self.answered, self.asked)
            self.began = self.began or self.asked or time
            self.answered = max(self.answered, time)
            if line.key in CALLS:
                return self._call(line, before, seen, records)
        return False

    def _call(self, line: Line, before: float, seen: Seen, records: list[Record]) -> bool:
        """Begin a call to a tool; one that the provider ran has ended, and began after what was ``before``."""
        payload, time = line.payload, line.time
        name = payload.name or CALLS[line.key]
        name = name if _TOOL_NAME.fullmatch(name) else OTHER
        self._running().tools += 1
        if payload.call_id:
            self.called = True
            if len(self.tools) >= _MAX_TOOLS:
                del self.tools[next(iter(self.tools))]
            self.tools[digest(payload.call_id)] = OpenTool(name, time)
        elif CALLS[line.key]:
            if not seen.add(f"tool:{self.session}:{payload.id or time}:{line.key}"):
                return True
            failure = payload.status in {"failed", "incomplete"}
            duration = time - (before or time)
            records.append(tool_record(name, self.agent, time, duration, failed=failure, extension=True))
        return False

    def _event(self, line: Line, seen: Seen, records: list[Record]) -> None:
        key, payload, time = line.key, line.payload, line.time
        if key in {"task_started", "turn_started"} or (key == "user_message" and not self.task):
            self._end(records)
            self.turn, self.task, self.asked = Turn(time), key != "user_message", time
        elif key in {"task_complete", "turn_complete"}:
            if payload.error and payload.error != b"null":
                self._running().fail("failure", error_type(payload.error))
            self._end(records, (payload.duration_ms or 0.0) / 1000, time)
        elif key == "turn_aborted":
            outcome = "budget" if payload.reason == "budget_limited" else "cancelled"
            self._running().fail(outcome, outcome)
            self._end(records, (payload.duration_ms or 0.0) / 1000, time)
        elif key == "error" and seen.add(f"{self.session}:error:{time}"):
            error = error_type(payload.codex_error_info)
            # Errors are counted by their durations, so that one without a beginning has 0.
            duration = time - self.asked if 0 < self.asked <= time else 0.0
            records.append(self._caller().record(time, {"duration_seconds": duration}, error_type=error))
            turn = self._running()
            turn.calls += 1
            turn.end = max(turn.end, time)
            turn.fail("budget" if error == "usage_limit_exceeded" else "failure", error)
        elif key.endswith("_end"):
            tool = self.tools.get(digest(payload.call_id or ""))
            if tool is not None:
                tool.extension |= key == "mcp_tool_call_end"
                tool.failed |= payload.exit_code not in {None, 0} or payload.success is False
                tool.failed |= bytes(payload.result).startswith(b'{"Err"')

    def _end(self, records: list[Record], duration: float = 0.0, time: float = 0.0) -> None:
        if self.turn is not None:
            self.turn.end = max(self.turn.end, time)
        records += run_records(self.turn, self.agent, duration)
        self.turn, self.task, self.began, self.called = None, False, 0.0, False
        self.tools.clear()  # what has no output by now gets none

    def _running(self) -> Turn:
        if self.turn is None:
            self.turn = Turn(0.0)
        return self.turn

    def _caller(self) -> Caller:
        return Caller(self.agent, self.provider, self.model)


def codex(paths: Iterable[str | Path]) -> LogCollector[Line]:
    """Return the collector of the rollouts in directories, and of files named themselves."""
    return LogCollector("codex", paths, Rollout, split_lines(decode))
