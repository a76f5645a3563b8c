"""Transcript: the entries of one Claude Code transcript become records of calls, tools and runs.

What is counted, and when:

* A call to a model is all lines with one ``message.id``; the last line's usage counts. It is known to be the last
  once another message, a prompt or the end of the turn follows in the same conversation.
* A call lasts from the last prompt or tool result before it to its last line: the client's own work and its
  retries are part of it. Without a line to start from it has no duration.
* A tool call lasts from its ``tool_use`` to its ``tool_result``: permission prompts and hooks are part of it.
* A run of an agent is a prompt and all that follows until the next: its duration is ``turn_duration`` where Claude
  Code wrote that, else from the prompt to the last line of an answer. A run without a new call is no run.
* A line of progress repeats what the subagent's own file says, and is not read.
"""

import re
from typing import Final

import msgspec
from msgspec import Struct, field

from agentgauge.collectors.conversation import (
    Call,
    Conversation,
    Turn,
    label,
    provider_and_model,
    tool_labels,
    tool_name,
)
from agentgauge.collectors.entry import Block, Entry, Message
from agentgauge.collectors.seen import Seen, digest
from agentgauge.record import Record

MAIN_AGENT: Final = "claude-code"
SUBAGENT: Final = "subagent"
TOOL_ERROR: Final = "tool_error"

_MAX_TOOLS: Final = 256
_MAX_CONVERSATIONS: Final = 32
_TASK_TOOLS: Final = frozenset({"Task", "Agent"})
_INTERRUPTED: Final = "[Request interrupted by user"
_ERROR_NAME: Final = re.compile(r"[a-z_]{1,40}")
_STATUS: Final = re.compile(r"API Error: (?:Request failed with status code )?\(?([45]\d\d)\b")


class OpenTool(Struct, array_like=True):
    """A tool call without its result; ``agent`` and ``prompt`` (hashed) are those of the subagent it starts."""

    name: str
    start: float
    conversation: str
    agent: str = ""
    prompt: str = ""


class _TaskInput(Struct):
    subagent_type: str = ""
    prompt: str = ""


class Transcript(Struct, array_like=True):
    """What must be remembered of one file between two readings.

    Args:
        agent: whose file it is.
        conversations: the main one's key is empty.
        tools: tool calls without result by id, hashed.
    """

    agent: str = MAIN_AGENT
    conversations: dict[str, Conversation] = field(default_factory=dict)
    tools: dict[str, OpenTool] = field(default_factory=dict)

    def read(self, entry: Entry, seen: Seen, records: list[Record]) -> bool:
        """Take the next entry and append the records that are now complete.

        Args:
            entry: the entry.
            seen: messages counted in any file.
            records: what is appended to.

        Returns:
            Whether a message begins that was counted before.
        """
        if entry.type == "assistant" and entry.message is not None:
            return self._assistant(entry, entry.message, seen, records)
        if entry.type == "user" and entry.message is not None:
            self._user(entry, entry.message, records)
        elif entry.type == "system" and entry.subtype == "turn_duration":
            self._end("", records, (entry.duration_ms or 0.0) / 1000)
        elif entry.type == "system" and entry.subtype == "api_error" and seen.add(entry.uuid or entry.timestamp or ""):
            conversation = self._conversation(self._key(entry, ""), records)
            conversation.fail_call(_api_error(entry), entry.time(), records)
        return False

    @property
    def waiting(self) -> bool:
        """Whether a call, a tool or a run has begun and not ended."""
        return bool(self.tools) or any(one.call or one.turn for one in self.conversations.values())

    @property
    def settled(self) -> bool:
        """Whether every call in progress has said why it stopped."""
        return all(one.call is None or one.call.stop for one in self.conversations.values())

    def rest(self, records: list[Record]) -> None:
        """End what has stopped: calls, and runs that wait for no tool."""
        busy = {tool.conversation for tool in self.tools.values()}
        for key, conversation in self.conversations.items():
            conversation.end_call(records)
            turn = conversation.turn
            if turn is not None and turn.stop not in {"", "tool_use"} and key not in busy:
                conversation.end_turn(records)

    def close(self, records: list[Record]) -> None:
        """End everything: nothing will follow. A run that waits for a tool was cancelled."""
        for tool in self.tools.values():
            waiting = self.conversations.get(tool.conversation)
            if waiting is not None and waiting.turn is not None:
                waiting.turn.fail("cancelled", "cancelled")
        for key in list(self.conversations):
            self._end(key, records)

    def _assistant(self, entry: Entry, message: Message, seen: Seen, records: list[Record]) -> bool:
        identity = message.id or entry.request_id or entry.uuid
        failed = entry.is_api_error_message
        if not identity or not (failed or (message.usage is not None and message.model != "<synthetic>")):
            return False
        hashed, time = digest(identity), entry.time()
        key = self._key(entry, hashed)
        conversation = self._conversation(key, records)
        if key:
            conversation.tip = digest(entry.uuid or "")
        if failed:
            if seen.add(identity):
                error = _api_error(entry)
                conversation.fail_call(error, time, records)
                conversation.running().fail("failure", error)
            return False
        if hashed != conversation.message:
            conversation.end_call(records)
            conversation.message, conversation.owned = hashed, seen.add(identity)
            if not conversation.owned:
                return True
            conversation.provider, conversation.model = provider_and_model(message.model or "", identity)
            conversation.running().calls += 1
            assert message.usage is not None
            conversation.call = Call(message.usage, conversation.asked, time)
        if conversation.owned:
            self._answer(conversation, key, message, time)
        return False

    def _answer(self, conversation: Conversation, key: str, message: Message, time: float) -> None:
        """Take one line of the call in progress, or of one taken for ended."""
        call, turn = conversation.call, conversation.running()
        if call is not None and message.usage is not None:
            call.usage, call.stop, call.end = message.usage, message.stop_reason or "", time or call.end
        turn.end, turn.stop = max(turn.end, time), message.stop_reason or ""
        for block in message.content if isinstance(message.content, list) else ():
            if block.type != "tool_use" or not block.id or not block.name:
                continue
            hashed = digest(block.id)
            if hashed in self.tools:
                continue
            if len(self.tools) >= _MAX_TOOLS:
                del self.tools[next(iter(self.tools))]
            tool = OpenTool(tool_name(block.name), time, key)
            if block.name in _TASK_TOOLS:
                task = _task(block)
                tool.agent, tool.prompt = label(task.subagent_type, SUBAGENT), digest(task.prompt)
            self.tools[hashed] = tool
            turn.tools += 1

    def _user(self, entry: Entry, message: Message, records: list[Record]) -> None:
        time = entry.time()
        blocks = message.content if isinstance(message.content, list) else []
        results = [block for block in blocks if block.type == "tool_result"]
        for block in results:
            self._result(block, time, records)
        key = self._key(entry, "")
        conversation = self._conversation(key, records)
        if key:
            conversation.tip = digest(entry.uuid or "")
        conversation.asked = time or conversation.asked
        if results or entry.is_meta or entry.is_compact_summary:
            return
        if _text(message).startswith(_INTERRUPTED):
            if conversation.turn is not None:
                conversation.turn.fail("cancelled", "cancelled")
            self._end(key, records)
        else:
            conversation.end_turn(records)
            conversation.turn = Turn(time)

    def _result(self, block: Block, time: float, records: list[Record]) -> None:
        identity = digest(block.tool_use_id or "")
        tool = self.tools.pop(identity, None)
        if tool is None:
            return
        conversation = self.conversations.get(tool.conversation)
        agent = conversation.agent if conversation is not None else self.agent
        labels = tool_labels(tool.name, agent, TOOL_ERROR if block.is_error else "")
        amounts = {}
        if tool.start and time:
            amounts["duration_seconds"] = max(0.0, time - tool.start)  # lines are not always in the order of time
            if conversation is not None:
                conversation.asked = time
        records.append(Record("tool", time or tool.start, labels, amounts, identity))
        if tool.agent and not any(other.agent for other in self.tools.values()):
            for key in [key for key in self.conversations if key]:
                self._end(key, records)  # no subagent runs any more

    def _end(self, key: str, records: list[Record], duration: float = 0.0) -> None:
        """End a conversation's run; tools without a result never get one, and a subagent does not go on."""
        conversation = self.conversations.get(key)
        if conversation is None:
            return
        conversation.end_turn(records, duration)
        for hashed in [hashed for hashed, tool in self.tools.items() if tool.conversation == key]:
            del self.tools[hashed]
        if key:
            del self.conversations[key]

    def _key(self, entry: Entry, message: str) -> str:
        """Return the conversation of a line: inline subagents are told apart by whose line it answers."""
        if not entry.is_sidechain or self.agent != MAIN_AGENT:
            return ""
        if entry.agent_id:
            return entry.agent_id[:64]
        sides = [key for key in self.conversations if key]
        if message:
            for key in sides:
                if self.conversations[key].message == message:
                    return key
        parent = digest(entry.parent_uuid) if entry.parent_uuid else ""
        if not parent or not sides:
            key = digest(entry.uuid or "")
            prompt = digest(_text(entry.message))
            agents = [tool.agent for tool in self.tools.values() if tool.agent and tool.prompt == prompt]
            self.conversations[key] = Conversation(agents[0] if agents else self._only_subagent())
            return key
        return next((key for key in sides if self.conversations[key].tip == parent), sides[-1])

    def _conversation(self, key: str, records: list[Record]) -> Conversation:
        conversation = self.conversations.get(key)
        if conversation is None:
            conversation = Conversation(self._only_subagent() if key else self.agent)
            self.conversations[key] = conversation
        if len(self.conversations) > _MAX_CONVERSATIONS:
            self._end(next(other for other in self.conversations if other not in {"", key}), records)
        return conversation

    def _only_subagent(self) -> str:
        agents = {tool.agent for tool in self.tools.values() if tool.agent}
        return agents.pop() if len(agents) == 1 else SUBAGENT


def _api_error(entry: Entry) -> str:
    """Return an error's type: the status of the response, the name Claude Code gives it, or "api_error"."""
    status = _STATUS.match(_text(entry.message))
    if status is not None:
        return status[1]
    try:
        body = msgspec.json.decode(entry.error) if entry.error else None
    except msgspec.DecodeError:
        body = None
    if isinstance(body, str) and _ERROR_NAME.fullmatch(body):
        return body
    code = body.get("status") if isinstance(body, dict) else None
    return str(code) if isinstance(code, int) and 400 <= code < 600 else "api_error"


def _text(message: Message | None) -> str:
    """Return the first text of a message."""
    content = message.content if message is not None else None
    if isinstance(content, str):
        return content
    for block in content or ():
        if block.type == "text":
            try:
                return msgspec.json.decode(block.text, type=str)
            except msgspec.DecodeError:
                return ""
    return ""


def _task(block: Block) -> _TaskInput:
    try:
        return msgspec.json.decode(block.input, type=_TaskInput)
    except msgspec.DecodeError:
        return _TaskInput()
