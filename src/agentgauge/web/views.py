"""The addresses of the signals' pages: the list of all series, and a page for each."""

from collections.abc import Callable, Mapping
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentgauge.web.document import document
from agentgauge.web.signal_page import signal_body
from agentgauge.web.signals import signals_body
from agentgauge.web.status import SignalDetail, Status
from agentgauge.web.style import CONTENT_SECURITY_POLICY
from agentgauge.web.tables import card
from agentgauge.web.text import Html

_REFRESH_SECONDS: Final = 15


class SignalViews:
    """Shows what the analyzer of this process sees.

    Args:
        status: returns the process' state, in a worker thread.
        detail: returns one series by its signal and labels, None where there is none now; in a worker thread.
    """

    def __init__(
        self, status: Callable[[], Status], detail: Callable[[str, Mapping[str, str]], SignalDetail | None]
    ) -> None:
        self._status = status
        self._detail = detail

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [Route("/signals", self._list), Route("/signals/{name:path}", self._one)]

    def listed(self, number: int, name: str) -> str:
        """Return a page of the list, as ``signals_body``."""
        status = self._status()
        content = signals_body(status.signals or (), number, name)
        return document(status, content, title="signals", refresh_seconds=_REFRESH_SECONDS)

    def shown(self, name: str, labels: Mapping[str, str]) -> tuple[str, bool]:
        """Return the page of one series, and whether there is such a series now."""
        status, detail = self._status(), self._detail(name, labels)
        if detail is not None:
            content = signal_body(detail, status.now)
            return document(status, content, title=name, refresh_seconds=_REFRESH_SECONDS), True
        words = (
            "<p>No series of this name has a value now. It is here again once it has one; "
            '<a href="/signals">all signals</a>.</p>'
        )
        content = card("No such signal", "", Html(words))
        return document(status, content, title="no such signal", refresh_seconds=_REFRESH_SECONDS), False

    async def _list(self, request: Request) -> Response:
        asked = request.query_params
        number = asked.get("page", "1")
        # More digits are no page of any list, and Python refuses to read very many.
        at = int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 1
        return _page(await run_in_threadpool(self.listed, at, asked.get("name", "")))

    async def _one(self, request: Request) -> Response:
        labels = dict(request.query_params)
        body, found = await run_in_threadpool(self.shown, request.path_params["name"], labels)
        return _page(body, 200 if found else 404)


def _page(body: str, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return Response(body, status, headers=headers, media_type="text/html; charset=utf-8")
