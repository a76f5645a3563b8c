"""Basic authentication against bcrypt hashes, in front of any ASGI application."""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_BCRYPT_BYTES: Final = 72
_NO_ONE: Final = "$2b$%02d$" + "." * 53


class Users:
    """Names and bcrypt hashes; a password that was right is not hashed again.

    Args:
        hashes: bcrypt hash by user name.
    """

    def __init__(self, hashes: dict[str, str]) -> None:
        self._hashes = hashes
        # An unknown name costs as much as a known one, so that time tells nobody which names exist.
        self._unknown = _NO_ONE % max((int(digest.split("$")[2]) for digest in hashes.values()), default=10)
        self._key = secrets.token_bytes(32)
        self._right: set[bytes] = set()
        self._lock = threading.Lock()

    def known(self, name: str, password: bytes) -> bool:
        """Return whether this name and password were right before."""
        return self._digest(name, password) in self._right

    def check(self, name: str, password: bytes) -> bool:
        """Return whether the password is the user's; takes as long as the hash costs, for any name."""
        import bcrypt

        digest = self._hashes.get(name)
        # One at a time: guesses must not take every core.
        with self._lock:
            try:
                equal = bcrypt.checkpw(password[:_BCRYPT_BYTES], (digest or self._unknown).encode())
            except ValueError:
                equal = False
        if digest is None or not equal:
            return False
        self._right.add(self._digest(name, password))
        return True

    def _digest(self, name: str, password: bytes) -> bytes:
        # Keyed, so that neither the password nor a hash that could be tried elsewhere stays in memory.
        text = name.encode() + b"\0" + password[:_BCRYPT_BYTES]
        return hmac.digest(self._key, text, hashlib.sha256)


class BasicAuth:
    """ASGI middleware that lets in who names a user and the password.

    Args:
        app: what is behind it.
        users: who is let in.
    """

    def __init__(self, app: ASGIApp, users: Users) -> None:
        self._app = app
        self._users = users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the application or answer 401."""
        if scope["type"] != "http" or await self._allows(Headers(scope=scope).get("authorization", "")):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "Unauthorized\n", 401, headers={"WWW-Authenticate": 'Basic realm="agentgauge", charset="UTF-8"'}
        )
        await refusal(scope, receive, send)

    async def _allows(self, header: str) -> bool:
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            name, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
            user = name.decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return False
        if not colon:
            return False
        return self._users.known(user, password) or await run_in_threadpool(self._users.check, user, password)
