import socket
from collections.abc import Iterator

import numpy as np
import pytest

from agentgauge.analyzer.promql import expression
from agentgauge.analyzer.series import series
from agentgauge.analyzer.source import QueryError, Reason
from agentgauge.analyzer.source.prometheus import POINTS_PER_QUERY, PrometheusSource
from agentgauge.configuration import Signal
from agentgauge.errors import ConfigurationError
from tests.analyzer import fake_prometheus
from tests.analyzer.fake_prometheus import Answer, Fake, error, matrix, success, vector

NOW = 1_700_000_000.0
SIGNAL = Signal("runs", "rate", "agentgauge_agent_runs_total", by=("gen_ai_agent_name",))
OTHER = Signal("up", "promql", expression="up")


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_prometheus.serving() as server:
        yield server


def test_one_instant_query_a_signal(fake: Fake) -> None:
    fake.answer = lambda path, form: (
        vector(({"gen_ai_agent_name": "a"}, "1.5"), ({"gen_ai_agent_name": "b"}, "2e-3"))
        if form["query"] == expression(SIGNAL)
        else vector(({"__name__": "up", "job": "j", "signal": "s"}, "1"))
    )
    reading = PrometheusSource(fake.url, 5).read([SIGNAL, OTHER], NOW)
    assert reading.answered
    assert not reading.failed
    assert reading.values == {
        series("runs", [("gen_ai_agent_name", "a")]): 1.5,
        series("runs", [("gen_ai_agent_name", "b")]): 0.002,
        series("up", [("job", "j"), ("exported_signal", "s")]): 1.0,
    }
    assert [(path, form["time"]) for path, form in fake.asked] == [("/api/v1/query", "1700000000.000")] * 2


def test_no_data_and_what_is_no_number_are_no_values(fake: Fake) -> None:
    fake.answer = lambda path, form: vector(({"a": "1"}, "NaN"), ({"a": "2"}, "+Inf"), ({"a": "3"}, "-Inf"))
    reading = PrometheusSource(fake.url, 5).read([SIGNAL], NOW)
    assert (reading.answered, reading.failed, reading.values) == (True, {}, {})
    fake.answer = lambda path, form: vector()
    reading = PrometheusSource(fake.url, 5).read([SIGNAL], NOW)
    assert (reading.answered, reading.failed, reading.values) == (True, {}, {})


HTML = (200, "text/html", b"<!doctype html><title>Log in</title>")


@pytest.mark.parametrize(
    ("answer", "reason", "text"),
    [
        ((500, "text/plain", b"oops"), "http", "HTTP status 500"),
        (error(500, "internal", "it\nbroke"), "http", "it broke"),
        (error(400, "bad_data", "parse error"), "http", "parse error"),
        (error(503, "timeout", "query timed out"), "timeout", "query timed out"),
        (error(200, "bad_data", "odd"), "invalid", "odd"),
        (HTML, "invalid", "not a PromQL answer but text/html"),
        ((200, "application/json", b"[]"), "invalid", "not a PromQL answer"),
        ((200, "application/json", b'{"status":"success"}'), "invalid", "HTTP status 200"),
        ((200, "application/json", b""), "invalid", "not a PromQL answer"),
        ((200, "application/json", b'{"status":"success","data":\xff}'), "invalid", "not a PromQL answer"),
        (success("scalar", [NOW, "1"]), "invalid", "runs: answered with a scalar, not a vector"),
        (success("vector", {"a": 1}), "invalid", "runs: samples that cannot be read"),
        (success("vector", [{"metric": {}, "value": [NOW, 1]}]), "invalid", "samples that cannot be read"),
        (success("vector", [{"metric": {}, "value": [NOW, "x"]}]), "invalid", "a sample whose value is 'x'"),
        (matrix(), "invalid", "answered with a matrix, not a vector"),
    ],
)
def test_nonsense_is_told_and_not_raised(fake: Fake, answer: Answer, reason: Reason, text: str) -> None:
    fake.answer = lambda path, form: answer
    reading = PrometheusSource(fake.url, 5).read([SIGNAL], NOW)
    problem = reading.failed["runs"]
    assert (reading.answered, reading.values, problem.reason) == (False, {}, reason)
    assert text in str(problem)
    assert "\n" not in str(problem)


def test_signal_that_is_refused_does_not_take_the_others_with_it(fake: Fake) -> None:
    bad = Signal("bad", "promql", expression="up{")
    fake.answer = lambda path, form: error(400, "bad_data", "x") if "{" in form["query"] else vector(({}, "1"))
    reading = PrometheusSource(fake.url, 5).read([bad, OTHER], NOW)
    assert reading.answered
    assert set(reading.failed) == {"bad"}
    assert reading.values == {series("up", []): 1.0}


def test_slow_answer_is_given_up_and_the_rest_not_asked(fake: Fake) -> None:
    def slow(path: str, form: dict[str, str]) -> Answer:
        fake.release.wait(30)
        return vector()

    fake.answer = slow
    reading = PrometheusSource(fake.url, 0.1).read([SIGNAL, OTHER], NOW)
    fake.release.set()
    assert not reading.answered
    assert {name: problem.reason for name, problem in reading.failed.items()} == {"runs": "timeout", "up": "timeout"}
    assert len(fake.asked) == 1


def test_unreachable_is_one_line_without_the_password() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    source = PrometheusSource(f"http://user:secret@127.0.0.1:{port}/prefix/", 5)
    reading = source.read([SIGNAL, OTHER], NOW)
    assert {problem.reason for problem in reading.failed.values()} == {"unreachable"}
    text = str(reading.failed["runs"])
    assert text.startswith(f"http://127.0.0.1:{port}/prefix: cannot be reached: ")
    assert "Connection refused" in text
    assert "secret" not in text
    assert source.url == f"http://127.0.0.1:{port}/prefix"


def test_server_that_dies_and_comes_back_is_read_again(fake: Fake) -> None:
    source = PrometheusSource(fake.url, 5)
    fake.answer = lambda path, form: (500, "text/plain", b"")
    assert not source.read([SIGNAL], NOW).answered
    fake.answer = lambda path, form: vector(({}, "1"))
    assert source.read([SIGNAL], NOW).answered


@pytest.mark.parametrize("url", ["", "127.0.0.1:9090", "ftp://host", "http://", "http:///path"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"prometheus_url: .* is no URL"):
        PrometheusSource(url, 5)


def test_past_is_read_in_chunks(fake: Fake) -> None:
    def answer(path: str, form: dict[str, str]) -> Answer:
        assert path == "/api/v1/query_range"
        start, end, step = (float(form[name]) for name in ("start", "end", "step"))
        times = np.arange(start, end + step / 2, step)
        assert len(times) <= POINTS_PER_QUERY
        return matrix(({"gen_ai_agent_name": "a"}, [(time, str(time % 7)) for time in times]))

    fake.answer = answer
    start, end, step = NOW, NOW + 5 * 1999, 5.0
    parts = list(PrometheusSource(fake.url, 5).history([SIGNAL], start, end, step))
    assert {one for one, _, _ in parts} == {series("runs", [("gen_ai_agent_name", "a")])}
    times = np.concatenate([times for _, times, _ in parts])
    assert times.tolist() == (start + 5 * np.arange(2000)).tolist()
    assert np.concatenate([values for _, _, values in parts]) == pytest.approx(times % 7)
    assert len(fake.asked) == 3


def test_past_of_a_signal_that_is_refused_is_left_out(fake: Fake) -> None:
    bad = Signal("bad", "promql", expression="up{")
    fake.answer = lambda path, form: (
        error(400, "bad_data", "x") if "{" in form["query"] else matrix(({}, [(NOW, "1"), (NOW + 5, "NaN")]))
    )
    ((one, _, values),) = PrometheusSource(fake.url, 5).history([bad, OTHER], NOW, NOW + 5, 5)
    assert one == series("up", [])
    assert values.tolist() == pytest.approx([1.0, np.nan], nan_ok=True)


def test_past_of_an_engine_that_cannot_be_reached_is_an_error() -> None:
    with pytest.raises(QueryError):
        list(PrometheusSource("http://127.0.0.1:9", 5).history([SIGNAL], NOW, NOW + 5, 5))
