import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentgauge.errors import InvalidRecordError, SpoolError
from agentgauge.web.app import Surface, make_app
from agentgauge.web.config import WebConfig
from agentgauge.web.hooks import MAX_BODY_BYTES, PATH
from tests.web.conftest import Client, Serve

JSON = {"Content-Type": "application/json"}


class Sink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.refused: list[str] = []
        self.full = False

    def take(self, body: bytes | bytearray) -> None:
        if not body.startswith(b"{"):
            raise InvalidRecordError("not a hook's payload: it is broken")
        if self.full:
            raise SpoolError("the journal cannot be written: No space left on device")
        self.taken.append(bytes(body))

    def refuse(self, result: str) -> None:
        self.refused.append(result)


@pytest.fixture
def sink() -> Sink:
    return Sink()


def surface(sink: Sink | None) -> Surface:
    return Surface(list, str, lambda: False, sink)


def post(client: Client, body: bytes, headers: dict[str, str] = JSON, *, chunked: bool = False) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    try:
        content = iter([body]) if chunked else body
        connection.request("POST", PATH, body=content, headers=headers, encode_chunked=chunked)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_payload_is_answered_without_a_decision(serve: Serve, sink: Sink) -> None:
    with serve(make_app(surface(sink))) as client:
        assert post(client, b'{"hook_event_name":"Stop"}') == (200, b"{}")
        assert post(client, b'{"a":1}', {"Content-Type": "Application/JSON; charset=utf-8"}) == (200, b"{}")
    assert sink.taken == [b'{"hook_event_name":"Stop"}', b'{"a":1}']


def test_what_is_no_payload_is_a_bad_request_in_one_line(serve: Serve, sink: Sink) -> None:
    with serve(make_app(surface(sink))) as client:
        assert post(client, b"nonsense") == (400, b"not a hook's payload: it is broken\n")


def test_what_cannot_be_kept_is_not_answered_as_if_it_were(serve: Serve, sink: Sink) -> None:
    sink.full = True
    with serve(make_app(surface(sink))) as client:
        assert post(client, b"{}") == (503, b"the journal cannot be written: No space left on device\n")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_payload_as_large_as_allowed_is_taken_and_a_larger_one_refused(
    serve: Serve, sink: Sink, *, chunked: bool
) -> None:
    headers = {**JSON, "Transfer-Encoding": "chunked"} if chunked else JSON
    largest = b"{" + b" " * (MAX_BODY_BYTES - 1)
    with serve(make_app(surface(sink))) as client:
        assert post(client, largest, headers, chunked=chunked)[0] == 200
        assert post(client, largest + b" ", headers, chunked=chunked)[0] == 413
        assert post(client, b"{}") == (200, b"{}")
    assert [len(body) for body in sink.taken] == [MAX_BODY_BYTES, 2]
    assert sink.refused == ["dropped"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_a_web_page_cannot_send_one_unasked(serve: Serve, sink: Sink, content_type: str) -> None:
    with serve(make_app(surface(sink))) as client:
        status, line = post(client, b"{}", {"Content-Type": content_type} if content_type else {})
        assert status == 415
        assert line.count(b"\n") == 1
        preflight = {"Origin": "http://a.example", "Access-Control-Request-Method": "POST"}
        answer = client.ask(PATH, preflight, method="OPTIONS")
    assert answer.status == 405
    assert "access-control-allow-origin" not in answer.headers
    assert sink.refused == ["invalid"]


def test_only_post_is_answered_and_only_where_there_is_a_sink(serve: Serve, sink: Sink) -> None:
    with serve(make_app(surface(sink))) as client:
        assert client.ask(PATH).status == 405
    with serve(make_app(surface(None))) as client:
        assert post(client, b"{}")[0] == 404


def test_a_user_is_asked_for_as_everywhere(serve: Serve, sink: Sink) -> None:
    users = {"a": "$2b$04$8GBbcpSIxlRQuyUCC6ckFeJz04SMkQC5ueJsaELHPJ5Y2hQBjwAUW"}
    with serve(make_app(surface(sink), WebConfig(basic_auth_users=users))) as client:
        assert post(client, b"{}")[0] == 401
    assert sink.taken == []


def test_a_sender_that_goes_away_is_counted_and_others_are_served(serve: Serve, sink: Sink) -> None:
    with serve(make_app(surface(sink))) as client:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
        connection.putrequest("POST", PATH)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", "100")
        connection.endheaders()
        connection.send(b"{")
        connection.close()
        assert post(client, b"{}") == (200, b"{}")
    assert sink.taken == [b"{}"]
    assert sink.refused == ["dropped"]


def test_many_at_once_are_all_taken(serve: Serve, sink: Sink) -> None:
    with serve(make_app(surface(sink))) as client, ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda number: post(client, b'{"n":%d}' % number)[0], range(200)))
    assert statuses == [200] * 200
    assert sorted(sink.taken) == sorted(b'{"n":%d}' % number for number in range(200))


def test_memory_is_bounded_and_given_back(serve: Serve, sink: Sink) -> None:
    largest = b"{" + b" " * (MAX_BODY_BYTES - 1)
    with serve(make_app(surface(sink))) as client:
        with ThreadPoolExecutor(10) as pool:
            statuses = list(pool.map(lambda _: post(client, largest)[0], range(10)))
        assert set(statuses) <= {200, 503}
        assert statuses.count(200) == len(sink.taken) > 0
        assert sink.refused == ["dropped"] * statuses.count(503)
        assert [post(client, largest)[0] for _ in range(7)] == [200] * 7
