"""pytest plugin: ``pytest --agentgauge`` records tests by outcome, the run's duration, and what selection saved.

Everything goes through the spool, so that no exporter need run. With pytest-xdist the controller alone records. The
durations of tests are kept in pytest's own cache, by which the tests a run leaves out are known; no test's name
becomes a label. Nothing that fails here fails a test run.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from agentgauge_spool import append

_DURATIONS: Final = "agentgauge/durations"
_LAST_FAILED: Final = "cache/lastfailed"
_SLOWEST: Final = 5
_Hook = TypeVar("_Hook", bound=Callable[..., None])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("agentgauge")
    group.addoption("--agentgauge", action="store_true", help="Record the run for agentgauge.")
    group.addoption("--agentgauge-suite", metavar="NAME", default="default", help="The suite label [default].")
    group.addoption(
        "--agentgauge-stage", metavar="STAGE", default=None, help="The stage label [ci where CI is set, else local]."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to record, where that is asked for."""
    if not config.getoption("--agentgauge") or config.getoption("--collect-only"):
        return
    recorder = _Worker if hasattr(config, "workerinput") else _Recorder
    config.pluginmanager.register(recorder(config), "agentgauge-recorder")


def _harmless(hook: _Hook) -> _Hook:
    """Keep an error of ours from failing the tests; AGENTGAUGE_DEBUG shows it."""

    @wraps(hook)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            hook(*args, **kwargs)
        except Exception:
            if os.environ.get("AGENTGAUGE_DEBUG"):
                raise

    return guarded  # type: ignore[return-value]


class _Worker:
    """What a worker of pytest-xdist alone knows: which tests it left out."""

    def __init__(self, config: pytest.Config) -> None:
        self._deselected: set[str] = set()
        self._output: dict[str, Any] = config.workeroutput  # type: ignore[attr-defined]

    @_harmless
    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        self._deselected.update(item.nodeid for item in items)

    @_harmless
    def pytest_sessionfinish(self) -> None:
        self._output["agentgauge_deselected"] = sorted(self._deselected)


class _Recorder:
    """Collects what happens in one run, and records it at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._suite = config.getoption("--agentgauge-suite")
        stage = config.getoption("--agentgauge-stage")
        self._stage = stage if stage is not None else "ci" if os.environ.get("CI") else "local"
        self._started = time.perf_counter()
        self._selected: set[str] = set()
        self._deselected: set[str] = set()
        self._outcomes: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._collection_errors = 0
        self._summary: list[str] = []
        self._last_failed = bool(config.getoption("lf", default=False))
        self._cache: pytest.Cache | None = getattr(config, "cache", None)  # its plugin may be switched off
        self._had_failures = bool(self._cache and self._cache.get(_LAST_FAILED, {}))

    @_harmless
    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        self._deselected.update(item.nodeid for item in items)

    @_harmless
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._selected.update(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    @_harmless
    def pytest_xdist_node_collection_finished(self, node: object, ids: Iterable[str]) -> None:
        self._selected.update(ids)

    @pytest.hookimpl(optionalhook=True)
    @_harmless
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        self._deselected.update(getattr(node, "workeroutput", {}).get("agentgauge_deselected", ()))

    @_harmless
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._collection_errors += report.failed

    @_harmless
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome not in {"passed", "failed", "skipped"}:
            return  # a rerun, of which the last report tells
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        outcome = _outcome(report)
        if outcome and (outcome in {"error", "failed"} or self._outcomes.get(report.nodeid) != "error"):
            self._outcomes[report.nodeid] = outcome

    @pytest.hookimpl(trylast=True)
    @_harmless
    def pytest_sessionfinish(self) -> None:
        seconds = time.perf_counter() - self._started
        # A test that sets the clock may seem to take years, or less than nothing.
        self._seconds = {nodeid: took for nodeid, took in self._seconds.items() if 0 <= took <= seconds}
        known = self._known()
        left_out = (set(known) | self._deselected) - self._selected
        saved = sum(known.get(nodeid, 0.0) for nodeid in left_out)
        labels = {"suite": self._suite, "stage": self._stage}
        counts = Counter(self._outcomes.values())
        counts["error"] += self._collection_errors
        for outcome, count in sorted(counts.items()):
            if count:
                append("tests", **labels, outcome=outcome, count=count)
        total = len(self._selected) + len(left_out)
        amounts = {
            "duration_seconds": seconds,
            "selected": len(self._selected),
            "deselected": len(left_out),
            "seconds_saved": saved,
        }
        if total:
            amounts["selection_ratio"] = len(self._selected) / total
        written = append("test_run", **labels, **amounts)
        if self._last_failed:
            result = "hit" if self._had_failures else "miss"
            append("cache", cache="pytest_lastfailed", result=result, count=1)
        self._remember(known)
        self._summary = [
            f"{len(self._selected)} of {total} tests selected; {seconds:.1f} s, {saved:.1f} s saved by selection"
            + ("" if written else "; not recorded: the spool cannot be written")
        ]
        slowest = sorted(self._seconds.items(), key=lambda item: -item[1])[:_SLOWEST]
        self._summary += [f"{duration:8.2f} s  {nodeid}" for nodeid, duration in slowest if duration >= 0.005]

    @_harmless
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._summary:
            terminalreporter.section("agentgauge")
            for line in self._summary:
                terminalreporter.write_line(line)

    def _known(self) -> dict[str, float]:
        """Return the durations of this suite's tests in earlier runs, but for tests that are no more."""
        suite = self._cached().get(self._suite)
        suite = suite if isinstance(suite, dict) else {}
        # A file collected whole tells which of its tests are no more; one of which tests were named does not.
        narrowed = self._last_failed or any("::" in argument for argument in self._config.args)
        collected = self._selected | self._deselected
        whole = set() if narrowed else {_file(nodeid) for nodeid in collected}
        gone = {file for file in {_file(nodeid) for nodeid in suite} if not (self._config.rootpath / file).exists()}
        return {
            nodeid: seconds
            for nodeid, seconds in suite.items()
            if isinstance(seconds, float | int) and (nodeid in collected or _file(nodeid) not in whole | gone)
        }

    def _remember(self, known: dict[str, float]) -> None:
        if self._cache is None:
            return
        ran = {nodeid: round(self._seconds[nodeid], 4) for nodeid in self._outcomes if nodeid in self._seconds}
        self._cache.set(_DURATIONS, {**self._cached(), self._suite: {**known, **ran}})

    def _cached(self) -> dict[str, Any]:
        """Return the durations of tests by suite as they were kept, by whatever wrote them."""
        cached = self._cache.get(_DURATIONS, {}) if self._cache else {}
        return cached if isinstance(cached, dict) else {}


def _outcome(report: pytest.TestReport) -> str:
    """Return the outcome a report tells, or nothing: error, failed, skipped, xfailed, xpassed, passed."""
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if report.skipped:
        return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    if report.when != "call":
        return ""
    return "xpassed" if hasattr(report, "wasxfail") else "passed"


def _file(nodeid: str) -> str:
    return str(Path(nodeid.partition("::")[0]))
