import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as ClientMetric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from agentgauge.catalogue import METRICS
from agentgauge.exposition import collect, render
from agentgauge.totals import Family, Histogram, Totals

CACHE = METRICS["agentgauge_cache_requests_total"]
MEMORY = METRICS["agentgauge_process_resident_memory_bytes"]
QUERY = METRICS["agentgauge_db_query_duration_seconds"]
BACKLOG = METRICS["agentgauge_spool_backlog_bytes"]
VALUE = METRICS["agentgauge_signal_value"]

# Prometheus' own client refuses what is not UTF-8, and \r would end a line for some parsers.
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"))
counts = st.integers(0, 2**53)
amounts = st.floats(0, allow_nan=False, allow_infinity=False)
gauges = st.floats(allow_nan=False)


@st.composite
def families(draw: st.DrawFn) -> list[Family]:
    histogram = st.builds(
        Histogram, st.lists(st.integers(0, 2**30), min_size=14, max_size=14), st.floats(0, 1e12, allow_nan=False)
    )
    return [
        Family(CACHE, draw(st.dictionaries(st.tuples(values, values), amounts, max_size=4))),
        Family(MEMORY, draw(st.dictionaries(st.tuples(values), gauges, max_size=4))),
        Family(QUERY, draw(st.dictionaries(st.tuples(values, values), histogram, max_size=3))),
        Family(BACKLOG, {(): draw(gauges)}),
        Family(VALUE, {(("signal", draw(values)), ("gen_ai_agent_name", draw(values))): draw(gauges)}),
    ]


class Exposed:
    """Families as a collector in prometheus_client's registry."""

    def __init__(self, exposed: list[Family]) -> None:
        self._exposed = exposed

    def collect(self) -> Iterator[ClientMetric]:
        return collect(self._exposed)


def registry(exposed: list[Family]) -> CollectorRegistry:
    made = CollectorRegistry()
    made.register(Exposed(exposed))
    return made


def samples(parsed: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample, its ``le`` as a number, whatever the order."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for metric in parsed:
        for sample in metric.samples:
            labels = {name: str(float(v)) if name == "le" else v for name, v in sample.labels.items()}
            key = (sample.name, frozenset(labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


@given(families())
def test_the_text_says_what_prometheus_client_says(exposed: list[Family]) -> None:
    own = render(exposed).decode()
    theirs = generate_latest(registry(exposed)).decode()
    assert samples(parse_text(own)) == samples(parse_text(theirs))


@given(families())
def test_openmetrics_says_what_prometheus_client_says(exposed: list[Family]) -> None:
    own = render(exposed, openmetrics=True).decode()
    theirs = generate_openmetrics(registry(exposed)).decode()
    assert samples(parse_openmetrics(own)) == samples(parse_openmetrics(theirs))


@given(families())
def test_types_and_helps_are_prometheus_clients(exposed: list[Family]) -> None:
    def described(parsed: Any) -> set[tuple[str, str, str]]:
        return {(metric.name, metric.type, metric.documentation) for metric in parsed}

    assert described(parse_text(render(exposed).decode())) == described(
        parse_text(generate_latest(registry(exposed)).decode())
    )
    assert described(parse_openmetrics(render(exposed, openmetrics=True).decode())) == described(
        parse_openmetrics(generate_openmetrics(registry(exposed)).decode())
    )


def test_buckets_are_cumulative_and_end_with_infinity() -> None:
    exposed = [Family(QUERY, {("d", "o"): Histogram([1, 0, 2, *[0] * 10, 4], 9.5)})]
    text = render(exposed).decode()
    buckets = [float(n) for n in re.findall(r'_bucket\{database="d",operation="o",le="[^"]+"\} (\S+)', text)]
    assert buckets == [1, 1, 3, *[3] * 10, 7]
    assert 'le="+Inf"} 7.0' in text
    assert 'agentgauge_db_query_duration_seconds_count{database="d",operation="o"} 7.0' in text
    assert 'agentgauge_db_query_duration_seconds_sum{database="d",operation="o"} 9.5' in text


@pytest.mark.parametrize("openmetrics", [False, True])
def test_no_created_and_one_end(openmetrics: bool) -> None:
    totals = Totals()
    totals.increase(CACHE.name, ("a", "hit"))
    totals.observe(QUERY.name, ("d", "o"), 0.1)
    text = render(totals.families(), openmetrics=openmetrics).decode()
    assert "_created" not in text
    assert text.count("# EOF") == int(openmetrics)
    assert text.endswith("# EOF\n") is openmetrics
    assert "# EOF" not in render(totals.families(), openmetrics=True, end=False).decode()


def test_families_of_one_metric_are_one_family_and_shared_series_add_up() -> None:
    one = Family(QUERY, {("d", "o"): Histogram([1] * 14, 2.0)})
    other = Family(QUERY, {("d", "o"): Histogram([2] * 14, 3.0), ("e", "o"): Histogram([0] * 14)})
    text = render([one, Family(BACKLOG, {(): 1.0}), other]).decode()
    assert text.count("# TYPE agentgauge_db_query_duration_seconds ") == 1
    assert (
        samples(parse_text(text))[
            ("agentgauge_db_query_duration_seconds_count", frozenset({("database", "d"), ("operation", "o")}))
        ]
        == 42.0
    )
    assert 'agentgauge_db_query_duration_seconds_sum{database="d",operation="o"} 5.0' in text


@pytest.mark.parametrize(
    ("value", "text"), [(math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (0.1, "0.1"), (1e20, "1e+20")]
)
def test_numbers_are_written_as_go_does(value: float, text: str) -> None:
    assert render([Family(BACKLOG, {(): value})]).decode().splitlines()[-1] == f"agentgauge_spool_backlog_bytes {text}"


def test_nothing_is_an_empty_exposition() -> None:
    assert render([]) == b""
    assert render([], openmetrics=True) == b"# EOF\n"
