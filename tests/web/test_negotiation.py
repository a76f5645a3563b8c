import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.web.negotiation import accepts_gzip, wants_openmetrics

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROMETHEUS_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6," + PROMETHEUS_3
)
CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        (CHROME, False),
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        (PROMETHEUS_PROTOBUF, True),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text; Version=1.0.0", True),
        ('application/openmetrics-text; version="1.0.0"', True),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;version=0.0.1", True),
        ("application/*;q=0.9,text/*;q=0.8", True),
        ("application/openmetrics-text;q=0.4,text/plain;q=0.5", False),
        ("text/plain;q=0.4,application/openmetrics-text;q=0.5", True),
        ("application/openmetrics-text;q=0,*/*", False),
        ("text/plain;q=0,*/*", True),
        ("text/plain;version=0.0.4;q=0.3,application/openmetrics-text;q=0.2,*/*;q=0.9", False),
        ("application/openmetrics-text,text/plain", True),
        ("text/plain,application/openmetrics-text", False),
        ("application/openmetrics-text;q=abc", False),
        ("application/openmetrics-text;q=7", False),
        (",,;;=,", False),
    ],
)
def test_the_format_with_the_highest_quality_is_chosen(accept: str, openmetrics: bool) -> None:
    assert wants_openmetrics(accept) is openmetrics


@given(st.integers(0, 1000), st.integers(0, 1000), st.booleans())
def test_quality_decides_whatever_the_order(text: int, openmetrics: int, reverse: bool) -> None:
    parts = [f"text/plain;q={text / 1000}", f"application/openmetrics-text;q={openmetrics / 1000}"]
    if reverse:
        parts.reverse()
    if text != openmetrics:
        assert wants_openmetrics(",".join(parts)) is (openmetrics > text)


@given(st.text())
def test_any_header_is_answered(header: str) -> None:
    wants_openmetrics(header)
    accepts_gzip(header)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_sent_only_to_who_accepts_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
