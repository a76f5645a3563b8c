"""The HTTP application: /metrics, /-/healthy, /-/ready and the status page."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentgauge.exposition import CONTENT_TYPE_OPENMETRICS, CONTENT_TYPE_TEXT, render
from agentgauge.totals import Family
from agentgauge.web.config import WebConfig
from agentgauge.web.hooks import HookEndpoint, HookSink
from agentgauge.web.negotiation import accepts_gzip, wants_openmetrics
from agentgauge.web.style import CONTENT_SECURITY_POLICY
from agentgauge.web.users import BasicAuth, Users
from agentgauge.web.views import SignalViews

_GZIP_BYTES: Final = 4096
"""A smaller body costs more time to compress than to send."""

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "deny",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True, slots=True)
class Surface:
    """What a process serves.

    Args:
        families: called for each scrape, in a worker thread.
        page: returns the status page's HTML, in a worker thread.
        ready: whether the process has something to expose yet; until then /-/ready is 503, and so is /metrics.
        unready: what /metrics shows until then instead, called in a worker thread.
        hooks: takes the payloads of agents' hooks; without it there is no place to send them.
        signals: the pages of the analyzer's signals, where it runs in this process.
        report: returns what the analyzer found, for /api/v1/findings; in a worker thread.
    """

    families: Callable[[], list[Family]]
    page: Callable[[], str]
    ready: Callable[[], bool]
    unready: Callable[[], list[Family]] | None = field(default=None, kw_only=True)
    hooks: HookSink | None = None
    signals: SignalViews | None = None
    report: Callable[[], msgspec.Struct] | None = None


def make_app(surface: Surface, config: WebConfig | None = None) -> Starlette:
    """Return the application.

    Args:
        surface: what it serves.
        config: users and headers; TLS is the server's.
    """
    config = config or WebConfig()
    middleware = [Middleware(_Headers, headers=config.http_server_config.headers)]
    if config.basic_auth_users:
        middleware.append(Middleware(BasicAuth, users=Users(config.basic_auth_users)))

    async def metrics(request: Request) -> Response:
        families = surface.families if surface.ready() else surface.unready
        if families is None:
            return _plain("Not ready: the first reading is not complete.", 503)
        openmetrics = wants_openmetrics(request.headers.get("accept", ""))
        headers = {"Vary": "Accept, Accept-Encoding"}
        content_type = CONTENT_TYPE_OPENMETRICS if openmetrics else CONTENT_TYPE_TEXT
        if request.method == "HEAD":
            # Not a scrape: a series shown at 0 before its first increment must be shown so to one who reads it.
            response = Response(headers=headers, media_type=content_type)
            del response.headers["content-length"]
            return response
        body = await run_in_threadpool(lambda: render(families(), openmetrics=openmetrics))
        if len(body) >= _GZIP_BYTES and accepts_gzip(request.headers.get("accept-encoding", "")):
            body = await run_in_threadpool(gzip.compress, body, 1)
            headers["Content-Encoding"] = "gzip"
        return Response(body, headers=headers, media_type=content_type)

    async def page(_: Request) -> Response:
        body = await run_in_threadpool(surface.page)
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return Response(body, headers=headers, media_type="text/html; charset=utf-8")

    async def findings(_: Request) -> Response:
        assert surface.report is not None
        body = msgspec.json.encode(await run_in_threadpool(surface.report))
        return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")

    async def healthy(_: Request) -> Response:
        return _plain("Healthy.")

    async def ready(_: Request) -> Response:
        return _plain("Ready.") if surface.ready() else _plain("Not ready.", 503)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/metrics", metrics),
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
            *([Route("/api/v1/findings", findings)] if surface.report is not None else []),
            *(surface.signals.routes() if surface.signals is not None else []),
            *([HookEndpoint(surface.hooks).route()] if surface.hooks is not None else []),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: _refusal},
    )


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers=error.headers)


def _plain(text: str, status: int = 200) -> Response:
    return PlainTextResponse(f"{text}\n", status, headers={"Cache-Control": "no-store"})


class _Headers:
    """ASGI middleware that adds the configured headers to each response, and safe ones where it has none."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
