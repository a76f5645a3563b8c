import gzip
from collections.abc import Callable, Iterator

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from agentgauge.catalogue import METRICS
from agentgauge.totals import Family, Totals
from agentgauge.web.app import Surface, make_app
from agentgauge.web.config import HTTPServer, WebConfig
from tests.web.conftest import Serve

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}


def families(tools: int = 1) -> list[Family]:
    totals = Totals()
    for number in range(tools):
        labels = (f"tool{number}", "function", "agent", "")
        totals.observe("gen_ai_execute_tool_duration_seconds", labels, 0.25)
    totals.increase("agentgauge_cache_requests_total", ("prompts", "hit"), 3)
    return totals.families()


def surface(tools: int = 1, ready: bool = True) -> Surface:
    return Surface(lambda: families(tools), lambda: "<!doctype html><p>page", lambda: ready)


def test_text_by_default(serve: Serve) -> None:
    with serve(make_app(surface())) as client:
        answer = client.ask("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    parsed = {metric.name: metric for metric in parse_text(answer.body.decode())}
    (hits,) = parsed["agentgauge_cache_requests"].samples
    assert (hits.labels, hits.value) == ({"cache": "prompts", "result": "hit"}, 3)
    assert b"_created" not in answer.body


def test_openmetrics_to_who_asks(serve: Serve) -> None:
    with serve(make_app(surface())) as client:
        answer = client.ask("/metrics", OPENMETRICS)
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    parsed = {metric.name: metric for metric in parse_openmetrics(answer.body.decode())}
    assert parsed["gen_ai_execute_tool_duration_seconds"].type == "histogram"
    assert b"_created" not in answer.body


@pytest.mark.parametrize("accept", [{}, OPENMETRICS])
def test_gzip_holds_what_identity_holds(serve: Serve, accept: dict[str, str]) -> None:
    with serve(make_app(surface(tools=50))) as client:
        plain = client.ask("/metrics", accept)
        packed = client.ask("/metrics", {**accept, "Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body)
    assert gzip.decompress(packed.body) == plain.body


def test_a_head_request_is_no_scrape(serve: Serve) -> None:
    scrapes = []

    def scrape() -> list[Family]:
        scrapes.append(1)
        return families()

    with serve(make_app(Surface(scrape, lambda: "page", lambda: True))) as client:
        for path in ("/", "/metrics", "/-/healthy", "/-/ready"):
            answer = client.ask(path, method="HEAD")
            assert answer.status == 200
            assert answer.body == b""
    assert not scrapes


def test_not_ready_is_503_and_healthy_still(serve: Serve) -> None:
    with serve(make_app(surface(ready=False))) as client:
        assert client.ask("/-/ready").status == 503
        assert client.ask("/metrics").status == 503
        assert client.ask("/-/healthy").status == 200
        assert client.ask("/").status == 200


def test_until_it_is_ready_a_process_may_show_what_it_says_of_itself(serve: Serve) -> None:
    scraped: list[str] = []

    def families_of(name: str) -> Callable[[], list[Family]]:
        return lambda: scraped.append(name) or []  # type: ignore[func-returns-value]

    ready: list[int] = []
    told = Surface(families_of("all"), lambda: "", lambda: bool(ready), unready=families_of("own"))
    with serve(make_app(told)) as client:
        assert (client.ask("/metrics").status, client.ask("/-/ready").status) == (200, 503)
        ready.append(1)
        assert (client.ask("/metrics").status, client.ask("/-/ready").status) == (200, 200)
    assert scraped == ["own", "all"]


def test_ready(serve: Serve) -> None:
    with serve(make_app(surface())) as client:
        assert client.ask("/-/ready").body == b"Ready.\n"
        assert client.ask("/-/healthy").body == b"Healthy.\n"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/metrics", 405)])
def test_refusals_are_plain_text(serve: Serve, method: str, path: str, status: int) -> None:
    with serve(make_app(surface())) as client:
        answer = client.ask(path, method=method)
    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.body.count(b"\n") == 1


def test_the_page_allows_no_script(serve: Serve) -> None:
    with serve(make_app(surface())) as client:
        answer = client.ask("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_configured_headers_are_sent_with_every_answer(serve: Serve) -> None:
    config = WebConfig(http_server_config=HTTPServer(headers={"X-Frame-Options": "sameorigin"}))
    with serve(make_app(surface(), config)) as client:
        for path in ("/", "/metrics", "/nothing"):
            assert client.ask(path).headers["x-frame-options"] == "sameorigin"


def test_a_failing_scrape_is_a_500_and_the_next_one_works(serve: Serve) -> None:
    outcomes: Iterator[Exception | list[Family]] = iter([RuntimeError("once"), families()])

    def scrape() -> list[Family]:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with serve(make_app(Surface(scrape, lambda: "page", lambda: True))) as client:
        failed = client.ask("/metrics")
        assert failed.status == 500
        assert b"Traceback" not in failed.body
        assert client.ask("/metrics").status == 200


def test_every_metric_of_the_catalogue_can_be_asked_for(serve: Serve) -> None:
    totals = Totals()
    for metric in METRICS.values():
        if "*" not in metric.labels:
            labels = tuple("x" for _ in metric.labels)
            if metric.type == "gauge":
                totals.set(metric.name, labels, 1.0)
            else:
                totals.declare(metric.name, labels)
    with serve(make_app(Surface(totals.expose, lambda: "", lambda: True))) as client:
        text, openmetrics = client.ask("/metrics"), client.ask("/metrics", OPENMETRICS)
    names = {family.metric.name.removesuffix("_total") for family in totals.families()}
    assert {metric.name for metric in parse_text(text.body.decode())} == names
    assert {metric.name for metric in parse_openmetrics(openmetrics.body.decode())} == names


class Told(msgspec.Struct):
    version: int


def test_findings_are_json_where_there_is_an_analyzer(serve: Serve) -> None:
    told = Surface(lambda: families(), lambda: "", lambda: True, report=lambda: Told(1))
    with serve(make_app(told)) as client:
        answer = client.ask("/api/v1/findings")
        assert answer.headers["content-type"] == "application/json"
        assert answer.body == b'{"version":1}'
    with serve(make_app(surface())) as client:
        assert client.ask("/api/v1/findings").status == 404
