"""The HTTP server: uvicorn on sockets bound beforehand, stopped within a second or two."""

import asyncio
import errno
import ipaddress
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from agentgauge.errors import UsageError

_GRACE_SECONDS: Final = 1
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Address(NamedTuple):
    """Where to listen; an empty host is every address of the machine."""

    host: str
    port: int

    @classmethod
    def parse(cls, address: str) -> "Address":
        """Parse ``host:port``, ``[ipv6]:port`` or ``:port``.

        Raises:
            UsageError: it is none of these.
        """
        host, colon, port = address.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        if (
            not colon
            or not port.isascii()
            or not port.isdigit()
            or int(port) > 65535
            or (":" in host and not bracketed)
        ):
            raise UsageError(f"--web.listen-address: {address!r} is not host:port, like 127.0.0.1:10420")
        return cls(host[1:-1] if bracketed else host, int(port))

    @property
    def loopback(self) -> bool:
        """Return whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class WebServer:
    """Serves an application; the sockets are bound here, so a taken port is known before anything else starts.

    Args:
        app: the ASGI application.
        addresses: where to listen; port 0 takes a free one.
        tls: the TLS context; None serves plain HTTP.

    Raises:
        UsageError: an address is taken, not this machine's, or not allowed.
    """

    def __init__(self, app: ASGIApp, addresses: Sequence[Address], tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._sockets: list[socket.socket] = []
        try:
            self._sockets += [_listen(address) for address in addresses]
        except UsageError:
            self.close()
            raise
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        config.load()
        config.ssl = tls
        self._server = _Server(config)

    @property
    def urls(self) -> list[str]:
        """Return the addresses as URLs, the ports as bound."""
        scheme = "https" if self._tls else "http"
        names = [sock.getsockname() for sock in self._sockets]
        return [f"{scheme}://{Address(_reachable(name[0]), name[1])}" for name in names]

    def run(self) -> None:
        """Serve until ``stop`` is called, or in the main thread until SIGINT or SIGTERM."""
        try:
            asyncio.run(self._server.serve(self._sockets))
        finally:
            self.close()

    def stop(self) -> None:
        """Make ``run`` return; safe from any thread and from a signal handler."""
        self._server.exit()

    def close(self) -> None:
        """Close the sockets of a server that does not run."""
        for sock in self._sockets:
            sock.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which wakes once a second rather than ten times and leaves signals to its caller."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._wake: Callable[[], object] = lambda: None

    def exit(self) -> None:
        self.should_exit = True
        # The loop may end between the two lines, and then there is nothing to wake.
        with suppress(RuntimeError):
            self._wake()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.exit()

    async def main_loop(self) -> None:
        woken = asyncio.Event()
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, woken.set)
        tenths = 0
        while not self.should_exit and not await self.on_tick(tenths):
            tenths = (tenths + 10) % 864_000
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), 1.0)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while serving; uvicorn would raise them again afterwards, but our caller has more to stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _listen(address: Address) -> socket.socket:
    host = address.host or "::"
    try:
        family, kind, protocol, _, where = _resolve(host, address.port)
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refused(address, error) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if not address.host else 1)
        sock.bind(where)
        sock.listen(128)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise _refused(address, error) from error
    return sock


_Resolved = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def _resolve(host: str, port: int) -> _Resolved:
    if host == "::" and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"  # noqa: S104 - asked for with an empty host, and warned of
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]


def _refused(address: Address, error: OSError) -> UsageError:
    reasons = {
        errno.EADDRINUSE: "is taken by another process; stop it or choose another port",
        errno.EADDRNOTAVAIL: "is not an address of this machine",
        errno.EACCES: "needs more rights; choose a port above 1023",
    }
    if isinstance(error, socket.gaierror):
        reason = "is not a known host"
    else:
        reason = reasons.get(error.errno or 0, f"cannot be used: {os.strerror(error.errno or 0)}")
    return UsageError(f"--web.listen-address: {address} {reason}")


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(host, host)  # noqa: S104 - nothing is bound here
