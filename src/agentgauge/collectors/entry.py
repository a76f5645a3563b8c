"""Entry: what is read of one line of a Claude Code transcript, and how bytes become entries.

The content of prompts, answers and tool calls is skipped while decoding; it never becomes a Python object.
"""

import json
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

MAX_LINE_BYTES: Final = 16 << 20
"""A longer line is dropped: the largest real ones are prompts with images, of at most 5 MB each."""

_NOTHING: Final = msgspec.Raw()
_Count = Annotated[int, Meta(ge=0, le=10**10)] | None


class CacheCreation(Struct, gc=False):
    ephemeral_1h_input_tokens: _Count = None


class ServerToolUse(Struct, gc=False):
    web_search_requests: _Count = None


class Usage(Struct, gc=False):
    """Tokens as Anthropic counts them: ``input_tokens`` excludes those read from and written to the cache."""

    input_tokens: _Count = None
    cache_creation_input_tokens: _Count = None
    cache_read_input_tokens: _Count = None
    output_tokens: _Count = None
    cache_creation: CacheCreation | None = None
    server_tool_use: ServerToolUse | None = None
    service_tier: str | None = None
    speed: str | None = None


class Block(Struct, gc=False):
    """One block of a message's content; ``input`` is left undecoded."""

    type: str = ""
    id: str | None = None
    name: str | None = None
    tool_use_id: str | None = None
    is_error: bool | None = None
    text: msgspec.Raw = _NOTHING
    input: msgspec.Raw = _NOTHING


class Message(Struct, gc=False):
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: Usage | None = None
    content: str | list[Block] | None = None


class Entry(Struct, gc=False, rename="camel"):
    """One line: a message, a system event, or something of no interest here."""

    type: str = ""
    subtype: str | None = None
    uuid: str | None = None
    parent_uuid: str | None = None
    timestamp: str | None = None
    is_sidechain: bool | None = None
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    is_api_error_message: bool | None = None
    agent_id: str | None = None
    request_id: str | None = None
    duration_ms: Annotated[float, Meta(ge=0, le=1e12)] | None = None
    error: msgspec.Raw = _NOTHING
    message: Message | None = None

    def time(self) -> float:
        """Return the line's unix seconds, or 0 where it has none."""
        try:
            return datetime.fromisoformat(self.timestamp).timestamp() if self.timestamp else 0.0
        except (ValueError, OverflowError, OSError):
            return 0.0


class _Other(Struct, gc=False):
    type: str


READ_TYPES: Final = frozenset({"assistant", "user", "system"})
"""Types of entries that records are made of."""

TRANSCRIPT_TYPES: Final = READ_TYPES | {
    "agent-name",
    "attachment",
    "custom-title",
    "file-history-snapshot",
    "last-prompt",
    "permission-mode",
    "progress",
    "queue-operation",
    "summary",
}
"""Types by which a transcript is known to be one."""

_decode = msgspec.json.Decoder(Entry).decode
_decode_other = msgspec.json.Decoder(_Other).decode
_JSON: Final = json.JSONDecoder()


def entries(buffer: bytes, *, final: bool = False) -> tuple[list[Entry], int, int]:
    """Turn bytes that begin at a line's start into entries.

    Two objects on a line are two entries; an object printed over several lines is one. A last line without its
    newline waits, as does an object whose end has not come.

    Args:
        buffer: the bytes.
        final: nothing will follow, so that a last line without newline is read as well.

    Returns:
        The entries, the number of lines that are no JSON object, and how many bytes are done with.
    """
    found: list[Entry] = []
    invalid = start = 0
    while start < len(buffer):
        end = buffer.find(b"\n", start)
        if end < 0:
            if not final:
                break
            end = len(buffer)
        line = buffer[start:end]
        try:
            found.append(_decode(line))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            stripped = line.strip()
            if stripped == b"{":
                closing = _closing(buffer, start, end)
                if closing < 0 and not final and len(buffer) - start <= MAX_LINE_BYTES:
                    break
                end = closing if closing >= 0 else len(buffer)
                invalid += _salvage(buffer[start:end].rstrip(b" \t\r\n,"), found)
            elif stripped not in {b"", b"[", b"]"}:
                invalid += _salvage(stripped, found)
        start = end + 1
    return found, invalid, min(start, len(buffer))


def _closing(buffer: bytes, start: int, end: int) -> int:
    """Return where the line ends that closes the object opened on its own line at ``start``, or -1."""
    indent = buffer[start : buffer.index(b"{", start)]
    brace = buffer.find(b"\n" + indent + b"}", end)
    return buffer.find(b"\n", brace + 1) if brace >= 0 else -1


def _salvage(line: bytes, found: list[Entry]) -> int:
    """Append the objects of a line the fast way could not read; return 1 if there is anything else on it."""
    text = line.decode("utf-8", "replace").lstrip("\ufeff \t")
    position = 0
    while position < len(text):
        try:
            _, end = _JSON.raw_decode(text, position)
            found.append(_lenient(text[position:end].encode("utf-8", "replace")))
        except (ValueError, RecursionError, msgspec.DecodeError):
            return 1
        position = end
        while position < len(text) and text[position] in " \t\r\n":
            position += 1
    return 0


def _lenient(body: bytes) -> Entry:
    """Return the entry a JSON object is; one of a type not read here may have any shape.

    Raises:
        msgspec.ValidationError: it is not an entry.
    """
    try:
        return _decode(body)
    except msgspec.ValidationError:
        other = _decode_other(body)
        if other.type in READ_TYPES:
            raise
        return Entry(type=other.type)
