"""The exporter: spool, transcripts and processes folded into one set of families."""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from agentgauge import __version__
from agentgauge.collectors.claude_code import ClaudeCodeCollector
from agentgauge.collectors.claude_code_hooks import ClaudeCodeHooksCollector
from agentgauge.collectors.codex import codex
from agentgauge.collectors.copilot import copilot
from agentgauge.collectors.gemini import gemini
from agentgauge.collectors.probes import ProbesCollector
from agentgauge.collectors.processes import ProcessesCollector
from agentgauge.collectors.seen import Seen
from agentgauge.configuration import Configuration
from agentgauge.exporter.budgets import Budgets
from agentgauge.exporter.intake import Collector, Intake
from agentgauge.exporter.quality import weight_family
from agentgauge.exporter.self_metrics import build_info, disk_families, gauge, process_families
from agentgauge.exporter.watched import (
    hooks_row,
    logs_row,
    process_rows,
    processes_row,
    record_counts,
    spool_row,
    transcripts_row,
)
from agentgauge.spool.checkpoint import Checkpoint
from agentgauge.spool.journal import Journal
from agentgauge.spool.notice import Notice
from agentgauge.spool.reader import SpoolReader
from agentgauge.totals import Family, Totals
from agentgauge.web.activity import Activity, tally
from agentgauge.web.status import BudgetRow, ProcessRow, SignalRow, Status, Watched

_log: Final = logging.getLogger(__name__)
_SAVE_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 0.7
_NOTICE_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 0.25
"""Between two folds of what is appended all the time, so that each takes many lines."""
_BACKLOG_ENTRIES: Final = 10_000
"""After a poll of so many there are likely more: the next one does not wait."""


class Exporter:
    """Folds what happens on this machine; one per state directory.

    Args:
        configuration: collectors, budgets and pace.
        directory: the state directory, made where it is missing.

    Raises:
        SpoolError: the directory or its checkpoint cannot be used, or another exporter uses it.
    """

    def __init__(self, configuration: Configuration, directory: Path) -> None:
        self._started = time.time()
        self._interval = configuration.exporter.interval_seconds
        self._spool_directory = directory / "spool"
        self._sources = configuration.collectors
        self.totals = Totals(configuration.exporter.label_sets_per_metric)
        self._budgets = Budgets(configuration.budgets)
        self._quality = configuration.quality
        self._spool = SpoolReader(self._spool_directory, batches=True)
        tool_calls, transcripts = Seen(), self._sources.claude_code
        self._transcripts = ClaudeCodeCollector(transcripts.directories, tool_calls)
        self._journal = Journal(directory / "exporter", "claude_code_hooks")
        self.hooks = ClaudeCodeHooksCollector(tool_calls, transcripts=transcripts.enabled, journal=self._journal)
        collectors: list[Collector] = [self._spool]
        if self._sources.claude_code.enabled:
            collectors.append(self._transcripts)
        collectors.append(self.hooks)  # after the transcripts, which are to tell of a call first
        clients = ((self._sources.codex, codex), (self._sources.copilot, copilot), (self._sources.gemini, gemini))
        self._logs = [(of.directories, follow(of.directories)) for of, follow in clients if of.enabled]
        collectors += [log for _, log in self._logs]
        collectors.append(ProcessesCollector(self._sources.processes, self._sources.processes_interval_seconds))
        self._probes = ProbesCollector(configuration.probes)
        if configuration.probes:
            collectors.append(self._probes)
        checkpoint = Checkpoint(directory / "exporter" / "checkpoint.json", self._saved)
        self._intake = Intake(collectors, self.totals, self._budgets, checkpoint)
        self._activity = Activity()
        self._caught_up = False
        try:
            self._intake.restore()
        except BaseException:
            self._spool.close()
            raise

    @property
    def ready(self) -> bool:
        """Return whether everything was read once, a backlog in the spool included."""
        self._caught_up = self._caught_up or (self._intake.ready and not self._spool.behind)
        return self._caught_up

    def families(self) -> list[Family]:
        """Fold, save, and return all there is to expose."""
        families = self._intake.scrape()
        return [
            *families,
            *self._budgets.families(time.time()),
            weight_family(self._quality.weights),
            *self.own_families(),
        ]

    def known_families(self) -> list[Family]:
        """Return what is counted, of budgets and of the exporter itself, without waiting for a fold."""
        return [*self.totals.families(), *self._budgets.families(time.time()), *self.own_families()]

    def own_families(self) -> list[Family]:
        """Return what the exporter says of itself, without waiting for a fold.

        Until it is ready nothing else is exposed: half of what was told would be neither then's number nor now's.
        """
        return [
            gauge("agentgauge_exporter_ready", float(self.ready)),
            gauge("agentgauge_spool_backlog_bytes", float(self._spool.backlog_bytes)),
            gauge("agentgauge_spool_oldest_seconds", self._spool.oldest_seconds),
            gauge("agentgauge_spool_size_bytes", float(self._spool.size_bytes)),
            gauge("agentgauge_spool_limit_bytes", float(self._spool.limit_bytes)),
            gauge("agentgauge_fold_duration_seconds", self._intake.fold_seconds),
            *disk_families(self._spool_directory),
            build_info(),
            *process_families(),
        ]

    def run(self, stop: threading.Event) -> None:
        """Fold at the configured pace until the event is set, and save now and then."""
        saved = time.monotonic()
        while True:
            entries = self._intake.fold()
            self._activity.observe(time.time(), self.totals.families)
            if time.monotonic() - saved >= _SAVE_SECONDS:
                self._intake.save()
                saved = time.monotonic()
            if stop.wait(0.0 if entries >= _BACKLOG_ENTRIES else self._interval):
                return

    def follow_spool(self, stop: threading.Event) -> None:
        """Fold what is appended to the spool soon after it is, where the system tells of it, until the event is set."""
        notice = Notice(self._spool_directory)
        while notice.works and not stop.is_set():
            if notice.wait(_NOTICE_SECONDS):
                self._intake.fold_one(self._spool.name)
                stop.wait(_PAUSE_SECONDS)
        notice.close()

    def close(self) -> None:
        """Fold and save a last time, and let another exporter use the directory."""
        self._probes.close()
        if not self._intake.close(_CLOSE_SECONDS):
            _log.warning("stopped while reading; the next start goes on from the last checkpoint")
        self._journal.close()
        self._spool.close()

    def status(
        self,
        signals: Sequence[SignalRow] | None = None,
        links: Sequence[tuple[str, str]] = (),
        *,
        sample: bool = False,
        problem: str = "",
    ) -> Status:
        """Return what the status page shows; never waits for a fold.

        Args:
            signals: what an analyzer in this process found.
            links: (text, URL) of other servers.
            sample: whether a sample agent runs.
            problem: one line on what else is wrong.
        """
        now = time.time()
        families = self.totals.families()
        totals = tally(families)
        seconds, recent = self._activity.recent(now, totals)
        processes = process_rows(families)
        return Status(
            version=__version__,
            now=now,
            started=self._started,
            ready=self.ready,
            watched=self._watched(families, processes),
            processes=processes,
            budgets=[BudgetRow(b.name, b.period, b.limit_usd, share) for b, share in self._budgets.used(now)],
            totals=totals,
            recent=recent,
            recent_seconds=seconds,
            signals=signals,
            links=links,
            sample=sample,
            problem="; ".join(line for line in (self._intake.problem(), problem) if line),
        )

    def _saved(self, sections: dict[str, Any]) -> None:
        self._spool.saved(sections)
        self.hooks.saved(sections[self.hooks.name])

    def _watched(self, families: Sequence[Family], processes: Sequence[ProcessRow]) -> list[Watched]:
        counts = record_counts(families)
        rows = [
            spool_row(
                self._spool_directory, self._spool.backlog_bytes, self._spool.oldest_seconds, counts.get("spool", {})
            )
        ]
        if self._sources.claude_code.enabled:
            directories = self._sources.claude_code.directories
            rows.append(transcripts_row(directories, self._transcripts.files, counts.get("claude_code", {})))
        rows.append(hooks_row(counts.get("claude_code_hooks", {})))
        rows += [
            logs_row(log.name, where, log.files, counts.get(log.name, {})) for where, log in self._logs if log.files
        ]
        roles = [group.role for group in self._sources.processes]
        rows.append(processes_row(roles, processes, counts.get("processes", {})))
        return rows
