"""Where agents send their hooks' payloads: POST /hooks/claude-code."""

from typing import Final, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agentgauge.errors import InvalidRecordError, SpoolError

PATH: Final = "/hooks/claude-code"

MAX_BODY_BYTES: Final = 10 << 20
"""A larger payload is refused: it may hold a whole file that a tool read."""

_MAX_READING_BYTES: Final = 64 << 20
"""Of all payloads that are being received at once."""

_MAX_DISCARDED_BYTES: Final = 256 << 20
"""So much is read of a payload that is refused: its sender hears an answer only once it is through."""


class HookSink(Protocol):
    """Takes payloads: it keeps them at once, and counts them later."""

    def take(self, body: bytes | bytearray) -> None:
        """Keep a payload; raises InvalidRecordError, one line, where it is none, SpoolError where it cannot."""

    def refuse(self, result: str) -> None:
        """Count a payload that was not read, as "invalid" or "dropped"."""


class HookEndpoint:
    """Receives payloads for a sink.

    Args:
        sink: what takes them.
    """

    def __init__(self, sink: HookSink) -> None:
        self._sink = sink
        self._reading = 0

    def route(self) -> Route:
        """Return the route."""
        return Route(PATH, self._receive, methods=["POST"])

    async def _receive(self, request: Request) -> Response:
        # A page in a browser can send any other type to this machine without asking.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return self._refused("invalid", "The payload is application/json; say so in Content-Type.", 415)
        body, size, kept = bytearray(), 0, True
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > _MAX_DISCARDED_BYTES:
                    break
                kept = kept and size <= MAX_BODY_BYTES and self._reading + len(chunk) <= _MAX_READING_BYTES
                self._reading += len(chunk) if kept else -len(body)
                if kept:
                    body += chunk
                else:
                    body.clear()
            if size > MAX_BODY_BYTES:
                return self._refused("dropped", f"A payload has at most {MAX_BODY_BYTES} bytes.", 413)
            if not kept:
                return self._refused("dropped", "Too many payloads at once.", 503)
            self._sink.take(body)
        except InvalidRecordError as error:
            return PlainTextResponse(f"{error}\n", 400)
        except SpoolError as error:
            return PlainTextResponse(f"{error}\n", 503)
        except ClientDisconnect:
            return self._refused("dropped", "The payload is incomplete.", 400)
        finally:
            self._reading -= len(body)
        # An object without a decision: Claude Code goes on as if there were no hook.
        return Response(b"{}", media_type="application/json")

    def _refused(self, result: str, line: str, status: int) -> Response:
        self._sink.refuse(result)
        return PlainTextResponse(f"{line}\n", status)
