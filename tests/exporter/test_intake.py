import copy
import logging
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.exporter.budgets import Budgets
from agentgauge.exporter.intake import Intake
from agentgauge.record import Delta, Record
from agentgauge.totals import Family, Histogram, Totals
from tests.exporter.conftest import FakeCheckpoint, Machine, tool

TOOL_SECONDS = "gen_ai_execute_tool_duration_seconds"


def sample(families: list[Family], metric: str, *labels: str) -> float | None:
    """Return a counter's value or a histogram's count."""
    for family in families:
        if family.metric.name == metric and labels in family.samples:
            value = family.samples[labels]
            return sum(value.counts) if isinstance(value, Histogram) else value
    return None


def calls(families: list[Family], name: str = "search") -> float | None:
    return sample(families, TOOL_SECONDS, name, "", "", "")


def records(families: list[Family], result: str = "accepted") -> float | None:
    return sample(families, "agentgauge_records_total", "spool", result)


def test_what_is_read_is_counted_once(machine: Machine) -> None:
    intake, _, totals = machine.start()
    machine.entries += [tool(), tool()]
    intake.fold()
    intake.fold()
    assert calls(totals.families()) == 2
    assert records(totals.families()) == 2


def test_a_delta_counts_as_one_record(machine: Machine) -> None:
    intake, _, totals = machine.start()
    machine.entries.append(Delta("agentgauge_cache_requests_total", ("prompts", "hit"), 7.0))
    intake.fold()
    assert sample(totals.families(), "agentgauge_cache_requests_total", "prompts", "hit") == 7
    assert records(totals.families()) == 1


def test_what_was_refused_is_counted_as_such(machine: Machine) -> None:
    intake, _, totals = machine.start()
    machine.entries += [tool(), Record("read", 1.0, {"source": "spool", "result": "invalid"}, {"count": 3})]
    intake.fold()
    assert records(totals.families(), "invalid") == 3
    assert records(totals.families()) == 1


def test_every_result_is_shown_from_the_start(machine: Machine) -> None:
    intake, _, _ = machine.start()
    families = intake.scrape()
    for result in ("accepted", "duplicate", "invalid", "dropped"):
        assert records(families, result) == 0
    assert sample(families, "agentgauge_checkpoint_errors_total") == 0


def test_what_was_there_before_the_first_start_is_history_not_a_burst(machine: Machine) -> None:
    machine.entries += [tool(), tool()]
    intake, _, _ = machine.start()
    assert calls(intake.scrape()) == 2


def test_a_series_is_seen_at_zero_first(machine: Machine) -> None:
    intake, _, _ = machine.start()
    intake.fold()
    machine.entries += [tool(), tool()]
    assert calls(intake.scrape()) == 0
    assert calls(intake.scrape()) == 2


def test_ready_after_the_first_fold(machine: Machine) -> None:
    intake, _, _ = machine.start()
    assert not intake.ready
    intake.fold()
    assert intake.ready


def test_a_kill_after_a_scrape_loses_nothing_and_shows_no_zero_again(machine: Machine) -> None:
    intake, _, _ = machine.start()
    intake.fold()
    machine.entries.append(tool())
    assert calls(intake.scrape()) == 0
    assert calls(intake.scrape()) == 1
    killed, _, _ = machine.start()
    assert calls(killed.scrape()) == 1


def test_a_kill_between_a_save_and_the_first_sight_still_shows_zero(machine: Machine) -> None:
    intake, _, _ = machine.start()
    intake.fold()
    machine.entries.append(tool())
    intake.fold()
    intake.save()
    killed, _, _ = machine.start()
    assert calls(killed.scrape()) == 0
    assert calls(killed.scrape()) == 1


def test_nothing_new_is_not_saved_again(machine: Machine) -> None:
    intake, _, _ = machine.start()
    machine.entries.append(tool())
    intake.scrape()
    saves = machine.checkpoint.saves
    intake.scrape()
    intake.save()
    assert machine.checkpoint.saves == saves


def test_a_checkpoint_that_cannot_be_saved_is_counted_said_once_and_tried_again(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    intake, _, _ = machine.start()
    intake.scrape()
    machine.checkpoint.full = True
    machine.entries.append(tool())
    intake.scrape()
    families = intake.scrape()
    assert calls(families) == 1
    assert sample(families, "agentgauge_checkpoint_errors_total") == 1
    intake.scrape()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "No space left on device" in intake.problem()
    machine.checkpoint.full = False
    intake.scrape()
    assert intake.problem() == ""
    killed, _, _ = machine.start()
    assert calls(killed.scrape()) == 1


def test_a_collector_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    machine, totals = Machine(), Totals()
    _, failing, _ = machine.start()
    failing.name, failing.error = "transcripts", PermissionError(13, "Permission denied")
    other = Machine()
    other.entries.append(tool())
    _, working, _ = other.start()
    intake = Intake([failing, working], totals, Budgets([]), FakeCheckpoint())
    intake.fold()
    intake.fold()
    assert calls(totals.families()) == 1
    assert intake.ready
    assert len(caplog.records) == 1
    assert "Permission denied" in intake.problem()
    failing.error = None
    intake.fold()
    assert intake.problem() == ""


def test_close_saves_what_is_left(machine: Machine) -> None:
    intake, _, _ = machine.start()
    machine.entries.append(tool())
    assert intake.close(timeout=10)
    _, collector, totals = machine.start()
    assert calls(totals.families()) == 1
    assert collector.state() == 1


class SlowCollector:
    """Reads something without end."""

    name = "spool"

    def __init__(self) -> None:
        self.reading = threading.Event()

    def poll(self) -> Iterator[Record]:
        while True:
            self.reading.set()
            yield tool()

    def state(self) -> object:
        return None

    def restore(self, state: object) -> None:
        raise AssertionError


def test_close_stops_a_fold_that_is_under_way_and_saves_nothing_of_it() -> None:
    checkpoint, collector = FakeCheckpoint(), SlowCollector()
    intake = Intake([collector], Totals(), Budgets([]), checkpoint)
    thread = threading.Thread(target=intake.fold)
    thread.start()
    assert collector.reading.wait(10)
    started = time.monotonic()
    assert not intake.close(timeout=0.1)
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - started < 10
    assert checkpoint.saves == 0
    assert not intake.ready


@given(st.lists(st.sampled_from(["record", "fold", "scrape", "save", "kill", "full", "space"]), max_size=40))
def test_what_was_seen_never_falls_whenever_it_is_killed(events: list[str]) -> None:
    machine = Machine()
    intake, _, totals = machine.start()
    seen = -1.0
    for event in events:
        if event == "record":
            machine.entries.append(tool())
        elif event == "fold":
            intake.fold()
        elif event == "save":
            intake.save()
        elif event == "kill":
            if machine.checkpoint.full:
                continue  # what cannot be saved is lost; that is said in a metric and on the page
            machine.checkpoint.sections = copy.deepcopy(machine.checkpoint.sections)
            intake, _, totals = machine.start()
        elif event == "scrape":
            value = calls(intake.scrape())
            if value is not None:
                assert value >= seen
                seen = value
        elif event == "full":
            machine.checkpoint.full = True
        else:
            machine.checkpoint.full = False
            intake.scrape()
            value = calls(intake.scrape())
            seen = max(seen, -1.0 if value is None else value)
    intake.fold()
    assert (calls(totals.families()) or 0) == len(machine.entries)
