import pytest

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.analyzer.series import series
from agentgauge.analyzer.source.embedded import EmbeddedSource
from agentgauge.configuration import Signal
from agentgauge.record import Record
from agentgauge.totals import Totals

NOW = 1_700_000_000.0
RATIO = Signal("errors", "ratio", "agentgauge_agent_runs_total", {"outcome": "failure"}, by=("gen_ai_agent_name",))


class Process:
    """Totals, and a source that samples them every five seconds."""

    def __init__(self, *signals: Signal) -> None:
        self.totals = Totals()
        self.source = EmbeddedSource(self.totals.families)
        self.signals = signals
        self.now = NOW

    def run(self, outcome: str, agent: str = "a", count: int = 1) -> None:
        for _ in range(count):
            self.totals.fold(Record("agent", 0, {"gen_ai_agent_name": agent, "outcome": outcome}))

    def read(self) -> dict[str, float]:
        """Return the values by the signal's name and the first label's value."""
        self.now += 5
        reading = self.source.read(self.signals, self.now)
        assert reading.answered
        assert not reading.failed
        return {"/".join([one.signal, *(value for _, value in one.labels)]): v for one, v in reading.values.items()}


def test_no_events_are_no_value() -> None:
    process = Process(*BUILTIN)
    assert process.read() == {}
    process.run("success")
    process.totals.fold(Record("tool", 0, {"gen_ai_tool_name": "t"}, {"duration_seconds": 1.0}))
    assert process.read()
    for _ in range(400):
        last = process.read()
    assert last == {}


def test_a_gauge_is_divided_by_another_where_that_is_not_0() -> None:
    process = Process(Signal("free", "value", "agentgauge_disk_free_bytes", per="agentgauge_disk_size_bytes"))
    process.totals.set("agentgauge_disk_free_bytes", (), 3.0)
    assert process.read() == {}
    process.totals.set("agentgauge_disk_size_bytes", (), 0.0)
    assert process.read() == {}
    process.totals.set("agentgauge_disk_size_bytes", (), 4.0)
    assert process.read() == {"free": 0.75}


def test_ratio_is_0_before_the_first_failure_and_counts_it_at_once() -> None:
    process = Process(RATIO)
    process.read()
    process.run("success", count=8)
    assert process.read() == {"errors/a": 0.0}
    process.run("failure", count=2)
    assert process.read() == {"errors/a": pytest.approx(0.2)}


def test_ratio_needs_its_least_number_of_events() -> None:
    least = Signal(RATIO.name, RATIO.measure, RATIO.metric, RATIO.where, by=RATIO.by, minimum_events=3)
    process = Process(least)
    process.read()
    process.run("failure", count=2)
    assert process.read() == {}
    process.run("failure")
    assert process.read() == {"errors/a": 1.0}


def test_events_leave_the_window() -> None:
    process = Process(RATIO)
    process.read()
    process.run("failure", count=4)
    seen = [process.read()]
    for _ in range(15):
        process.run("success")
        seen.append(process.read())
    assert seen[0] == {"errors/a": 1.0}
    assert 0 < seen[5]["errors/a"] < 1
    assert seen[-1] == {"errors/a": 0.0}


def test_each_label_set_is_a_series_and_empty_labels_are_none() -> None:
    process = Process(RATIO)
    process.read()
    for agent in ("a", "b", ""):
        process.run("success", agent)
    process.read()
    reading = process.source.read(process.signals, process.now)
    assert set(reading.values) == {
        series("errors", [("gen_ai_agent_name", "a")]),
        series("errors", [("gen_ai_agent_name", "b")]),
        series("errors", []),
    }


def test_rate_sum_mean_and_scale() -> None:
    usage = "gen_ai_client_token_usage"
    process = Process(
        Signal("tokens", "rate", f"{usage}_sum"),
        Signal("hourly", "rate", f"{usage}_sum", scale=3600.0),
        Signal("calls", "rate", usage),
        Signal("mean", "mean", usage),
    )
    process.run("success")
    process.totals.declare(usage, ("chat", "p", "m", "", "input"))
    for _ in range(20):
        process.totals.observe(usage, ("chat", "p", "m", "", "input"), 100.0)
        process.totals.observe(usage, ("chat", "p", "m", "", "input"), 300.0)
        values = process.read()
    assert values == {
        "tokens": pytest.approx(80.0),
        "hourly": pytest.approx(80.0 * 3600),
        "calls": pytest.approx(0.4),
        "mean": pytest.approx(200.0),
    }


def test_gauges_are_summed_over_the_labels_not_kept() -> None:
    process = Process(
        Signal("all", "value", "agentgauge_processes"),
        Signal("some", "value", "agentgauge_processes", {"role": "!c"}, by=("role",)),
    )
    for role, count in (("a", 1.0), ("b", 2.0), ("c", 4.0)):
        process.totals.set("agentgauge_processes", (role,), count)
    assert process.read() == {"all": 7.0, "some/a": 1.0, "some/b": 2.0}
    process.totals.remove("agentgauge_processes", ("a",))
    assert process.read() == {"all": 6.0, "some/b": 2.0}


def test_cost_per_run_divides_two_metrics() -> None:
    (signal,) = [signal for signal in BUILTIN if signal.name == "cost_per_run"]
    process = Process(signal)
    process.read()
    process.run("success", count=2)
    process.run("success", agent="free")
    labels = {"gen_ai_agent_name": "a", "gen_ai_request_model": "m"}
    process.totals.fold(Record("llm", 0, labels, {"cost_usd": 0.5, "duration_seconds": 1.0}))
    assert process.read() == {"cost_per_run/a": pytest.approx(0.25), "cost_per_run/free": 0.0}


def test_totals_have_no_past() -> None:
    assert list(EmbeddedSource(Totals().families).history(BUILTIN, 0, 100, 5)) == []
