"""Totals are a fold: of a split as of the whole, bounded, born at zero."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.catalogue import METRICS, SIGNAL_LABELS
from agentgauge.errors import SpoolError
from agentgauge.kinds import KINDS
from agentgauge.record import Batch, Delta, Record
from agentgauge.totals import OTHER, Histogram, Totals

CAPPED = "agentgauge_label_values_capped_total"


def by_name(totals: Totals) -> dict[str, dict[Any, Any]]:
    return {family.metric.name: family.samples for family in totals.families()}


@st.composite
def records(draw: st.DrawFn) -> Record:
    kind = KINDS[draw(st.sampled_from(sorted(set(KINDS) - {"process", "probe", "test_run"})))]
    labels = {name: draw(st.sampled_from(["", "a", 'b"\\\n'])) for name in kind.labels}
    # Whole numbers, so that addition is exact in any order.
    amounts = {name: float(draw(st.integers(0, 10**6))) for name in kind.amounts if draw(st.booleans())}
    return Record(kind.name, 1.0, labels, amounts)


@given(st.lists(records(), max_size=30), st.integers(0, 30))
def test_fold_of_a_split_is_the_fold_of_the_whole(everything: list[Record], cut: int) -> None:
    whole, second, restored = Totals(), Totals(), Totals()
    first = Totals()
    for record in everything:
        whole.fold(record)
    for index, record in enumerate(everything):
        (first if index < cut else second).fold(record)
    restored.restore(first.snapshot())
    restored.restore(second.snapshot())
    assert by_name(restored) == by_name(whole)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=200))
def test_many_at_once_is_one_by_one(values: list[float]) -> None:
    one, many = Totals(), Totals()
    for value in values:
        one.fold(Record("workflow", 1.0, {"gen_ai_workflow_name": "w"}, {"duration_seconds": value}))
    many.fold_all("workflow", ("w", ""), {"duration_seconds": values}, len(values))
    metric = "gen_ai_invoke_workflow_duration_seconds"
    (a,), (b,) = by_name(one)[metric].values(), by_name(many)[metric].values()
    assert a.counts == b.counts
    assert a.sum == pytest.approx(b.sum)


def test_an_observation_on_a_bound_is_below_it() -> None:
    totals = Totals()
    totals.observe("gen_ai_invoke_workflow_duration_seconds", ("w", ""), 1.0)
    totals.fold_all("workflow", ("w", ""), {"duration_seconds": [1.0]}, 1)
    (histogram,) = by_name(totals)["gen_ai_invoke_workflow_duration_seconds"].values()
    assert histogram.counts[0] == 2


def test_what_appears_by_itself_is_zero_the_first_time_and_what_was_declared_is_not() -> None:
    totals = Totals()
    totals.declare("agentgauge_tests_total", ("s", "", "passed"))
    for outcome in ("passed", "failed"):
        totals.fold(Record("tests", 1.0, {"suite": "s", "outcome": outcome}, {"count": 3}))
    first, second = ({k[2]: v for k, v in totals.expose()[0].samples.items()} for _ in range(2))
    assert first == {"passed": 3, "failed": 0}
    assert second == {"passed": 3, "failed": 3}
    totals.fold(Record("workflow", 1.0, {"gen_ai_workflow_name": "w"}, {"duration_seconds": 1}))
    duration = "gen_ai_invoke_workflow_duration_seconds"
    exposed = [{f.metric.name: f.samples for f in totals.expose()}[duration]["w", ""] for _ in range(2)]
    zeros = [0] * 12
    assert exposed == [Histogram(zeros), Histogram([1, *zeros[1:]], 1.0)]


def test_label_sets_are_capped_and_nothing_is_lost() -> None:
    totals = Totals(cap=10)
    for number in range(5000):
        totals.fold(Record("cache", 1.0, {"cache": f"c{number}", "result": "hit"}, {"count": 1}))
    samples = by_name(totals)
    requests = samples["agentgauge_cache_requests_total"]
    assert len(requests) == 11
    assert requests[OTHER, "hit"] == 4990
    assert sum(requests.values()) == 5000
    assert samples[CAPPED][("agentgauge_cache_requests_total",)] == 4990


def test_a_flood_of_combinations_stays_bounded() -> None:
    totals = Totals(cap=30)
    for a in range(60):
        for b in range(60):
            totals.increase("agentgauge_workflow_branches_total", (f"w{a % 30}", f"b{b % 30}"))
            totals.increase("agentgauge_workflow_branches_total", (f"w{a}", f"b{b}"))
    branches = by_name(totals)["agentgauge_workflow_branches_total"]
    assert len(branches) <= 131
    assert sum(branches.values()) == 7200


def test_a_delta_is_what_another_process_counted() -> None:
    theirs, ours = Totals(), Totals()
    theirs.fold(Record("probe", 1.0, {"probe": "p"}, {"duration_seconds": 0.02}))
    histogram = by_name(theirs)["agentgauge_probe_duration_seconds"]["p",]
    for _ in range(2):
        ours.add(Delta("agentgauge_probe_duration_seconds", ("p",), histogram.sum, tuple(histogram.counts)))
        ours.add(Delta("agentgauge_tests_total", ("s", "", "passed"), 2.0))
    assert by_name(ours)["agentgauge_probe_duration_seconds"]["p",] == Histogram(
        [n * 2 for n in histogram.counts], 0.04
    )
    assert by_name(ours)["agentgauge_tests_total"] == {("s", "", "passed"): 4.0}


def test_a_kind_that_sets_a_gauge_comes_in_no_batch() -> None:
    with pytest.raises(ValueError, match="kind probe sets a gauge"):
        Totals().fold_batch(Batch({"probe": [("p", 0.1, 1.0)]}))


def test_gauges_are_set_removed_and_not_kept() -> None:
    totals = Totals()
    totals.fold(Record("process", 1.0, {"role": "r"}, {"threads": 4, "cpu_seconds_total": 1.5}))
    totals.fold(Record("process", 2.0, {"role": "r"}, {"threads": 3, "cpu_seconds_total": 0.5}))
    assert by_name(totals) == {
        "agentgauge_process_cpu_seconds_total": {("r",): 2.0},
        "agentgauge_process_threads": {("r",): 3.0},
    }
    restored = Totals()
    restored.restore(totals.snapshot())
    assert by_name(restored) == {"agentgauge_process_cpu_seconds_total": {("r",): 2.0}}
    totals.remove("agentgauge_process_threads", ("r",))
    assert "agentgauge_process_threads" not in by_name(totals)


def test_a_snapshot_survives_metrics_that_changed() -> None:
    totals = Totals()
    totals.restore(
        {
            "series": {
                "a_metric_of_tomorrow_total": [[["x"], 1.0]],
                "agentgauge_tests_total": [[["too", "few"], 1.0], [["s", "", "passed"], 2.0]],
                "agentgauge_probe_duration_seconds": [[["p"], [1.0, [1, 2]]]],
            },
            "unborn": [],
        }
    )
    assert by_name(totals) == {"agentgauge_tests_total": {("s", "", "passed"): 2.0}}


@pytest.mark.parametrize("broken", [{}, {"series": 3}, {"series": {"agentgauge_tests_total": [1]}, "unborn": []}, []])
def test_a_broken_snapshot_says_so(broken: Any) -> None:
    with pytest.raises(SpoolError, match="a snapshot of totals that cannot be read"):
        Totals().restore(broken)


def test_the_catalogue_is_consistent() -> None:
    for metric in METRICS.values():
        assert metric.name.endswith("_total") == (metric.type == "counter"), metric.name
        assert bool(metric.buckets) == (metric.type == "histogram"), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets)), metric.name
        assert metric.help.endswith("."), metric.name
        assert len(set(metric.labels)) == len(metric.labels), metric.name
    for kind in KINDS.values():
        fed = {fold.amount for fold in kind.folds if fold.amount}
        assert fed == set(kind.amounts), kind.name
        for fold in kind.folds:
            known = set(kind.labels) | {name for name, _ in fold.constants} | {SIGNAL_LABELS}
            assert set(METRICS[fold.metric].labels) <= known, (kind.name, fold.metric)
