"""The collector of processes: CPU, memory, I/O, descriptors and threads of groups declared in the configuration."""

import math
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec import Struct

from agentgauge.collectors.saved import read_state
from agentgauge.configuration import ProcessGroup
from agentgauge.record import Record

if TYPE_CHECKING:
    import psutil

_RESCAN_SECONDS: Final = 10.0
# A poll in time with the interval may come a little before it.
_EARLY_SECONDS: Final = 0.1
# The boot time, from which creation times count, is known to a second and moves when the clock is set.
_CREATED_SECONDS: Final = 1.5
# A process is first seen under its parent's name where it has not yet called exec.
_YOUNG_SECONDS: Final = 60.0
_COUNTERS: Final = ("cpu_seconds_total", "read_bytes_total", "write_bytes_total", "ended_total")
_GAUGES: Final = ("resident_memory_bytes", "open_fds", "threads", "processes")


class _Counted(Struct, array_like=True):
    """What a process had used when it was last looked at; ``created`` tells it from another with its id."""

    created: float
    cpu: float
    read: float
    write: float


class _Judgement(NamedTuple):
    """Which groups' patterns a process fulfils, by index; its name and creation time when that was found."""

    created: float
    name: str
    groups: set[int]


class _State(Struct):
    since: float
    roles: dict[str, dict[str, _Counted]]


class _Group:
    """One role: its patterns and the processes that are in it now."""

    def __init__(self, group: ProcessGroup) -> None:
        self.role = group.role
        self.pidfile = Path(group.pidfile).expanduser() if group.pidfile is not None else None
        self._name = re.compile(group.name) if group.name is not None else None
        self._command_line = re.compile(group.command_line) if group.command_line is not None else None
        self.members: dict[int, psutil.Process] = {}

    def matches(self, process: "psutil.Process") -> bool:
        """Return whether a process fulfils both patterns; its command line is read only if its name fits."""
        if self._name is not None and not self._name.search(process.name()):
            return False
        return self._command_line is None or bool(self._command_line.search(" ".join(process.cmdline())))


class ProcessesCollector:
    """Yields what each role's processes use; implements the exporter's Collector.

    CPU time and bytes are increases since the last look. A process that ran before the collector first did counts
    from then on; one that began later counts whole. What a child used after the last look before its end is not seen.
    Members are looked for, and memory that is theirs alone is measured, every ten seconds: the system walks all of a
    process's memory for it.

    Args:
        groups: the roles; several groups may share one.
        interval_seconds: polls that come sooner after the last look yield nothing.
    """

    name = "processes"

    def __init__(self, groups: Sequence[ProcessGroup], interval_seconds: float = 0.0) -> None:
        self._interval = interval_seconds
        self._looked = -math.inf
        self._groups = [_Group(group) for group in groups]
        self._roles = list(dict.fromkeys(group.role for group in groups))
        self._counted: dict[str, dict[str, _Counted]] = {}
        self._since = 0.0
        self._scanned = -_RESCAN_SECONDS
        self._judged: dict[int, _Judgement] = {}
        self._unique: dict[int, int] = {}
        self._denied: set[int] = set()
        self._dropped = 0

    def poll(self) -> Iterator[Record]:
        """Yield one record a role; a role without processes has zeros."""
        now, monotonic = time.time(), time.monotonic()
        if monotonic - self._looked < self._interval - _EARLY_SECONDS:
            return
        self._looked = monotonic
        if monotonic - self._scanned >= _RESCAN_SECONDS:
            self._scanned = monotonic
            self._scan(now)
        for role in self._roles:
            members: dict[int, psutil.Process] = {}
            for group in self._groups:
                if group.role == role:
                    members |= group.members
            yield self._measure(role, members, now)
        if self._dropped:
            yield Record("read", now, {"source": self.name, "result": "dropped"}, {"count": self._dropped})
            self._dropped = 0

    def state(self) -> object:
        """Return what ``restore`` needs: four numbers a process."""
        return msgspec.to_builtins(_State(self._since, self._counted))

    def restore(self, state: object) -> None:
        """Go on from a state.

        Raises:
            SpoolError: it is not one.
        """
        saved = read_state(self.name, state, _State)
        self._since, self._counted = saved.since, saved.roles

    def _scan(self, now: float) -> None:
        """Find the members of every group: the processes that match, and all that descend from them."""
        import psutil

        pids = [_read_pid(group.pidfile) for group in self._groups]
        children: dict[int, list[psutil.Process]] = {}
        matching: list[list[psutil.Process]] = [[] for _ in self._groups]
        judged: dict[int, _Judgement] = {}
        for process in psutil.process_iter():
            try:
                with process.oneshot():
                    children.setdefault(process.ppid(), []).append(process)
                    judged[process.pid] = self._judge(process, now)
                    for index, group in enumerate(self._groups):
                        if group.pidfile is None:
                            matches = index in judged[process.pid].groups
                        else:
                            matches = process.pid == pids[index] and group.matches(process)
                        if matches:
                            matching[index].append(process)
            except psutil.AccessDenied:
                self._deny(process.pid)
            except psutil.Error:
                continue
        self._judged = judged
        # The newest process there was at the first scan: by the same clock as others' creation times.
        self._since = self._since or max((one.created for one in judged.values()), default=now)
        self._denied &= {process.pid for siblings in children.values() for process in siblings}
        for group, pending in zip(self._groups, matching, strict=True):
            group.members = {}
            while pending:
                process = pending.pop()
                if process.pid not in group.members:
                    group.members[process.pid] = process
                    pending += children.get(process.pid, [])
        self._weigh()

    def _judge(self, process: "psutil.Process", now: float) -> _Judgement:
        created, name = process.create_time(), process.name()
        before = self._judged.get(process.pid)
        if before is not None and before[:2] == (created, name) and now - created > _YOUNG_SECONDS:
            return before
        patterns = enumerate(self._groups)
        return _Judgement(created, name, {i for i, one in patterns if one.pidfile is None and one.matches(process)})

    def _weigh(self) -> None:
        """Measure the memory that each member shares with no other process."""
        import psutil

        self._unique = {}
        for pid, process in {pid: one for group in self._groups for pid, one in group.members.items()}.items():
            try:
                self._unique[pid] = process.memory_full_info().uss
            except psutil.AccessDenied:
                self._deny(pid)
            except psutil.Error:
                continue

    def _deny(self, pid: int) -> None:
        self._dropped += pid not in self._denied
        self._denied.add(pid)

    def _measure(self, role: str, members: "dict[int, psutil.Process]", now: float) -> Record:
        import psutil

        before, after = self._counted.get(role, {}), dict[str, _Counted]()
        amounts = dict.fromkeys((*_COUNTERS, *_GAUGES), 0.0)
        for pid, process in members.items():
            try:
                used = self._use(process, amounts)
            except psutil.NoSuchProcess:
                continue
            except psutil.AccessDenied:
                self._deny(pid)
                continue
            last = before.get(str(pid))
            if last is None or abs(last.created - used.created) > _CREATED_SECONDS:
                last = _Counted(used.created, 0, 0, 0) if used.created > self._since else used
            amounts["cpu_seconds_total"] += max(0.0, used.cpu - last.cpu)
            amounts["read_bytes_total"] += max(0.0, used.read - last.read)
            amounts["write_bytes_total"] += max(0.0, used.write - last.write)
            after[str(pid)] = used
        amounts["ended_total"] = sum(_ended(int(pid), used, after.get(pid)) for pid, used in before.items())
        self._counted[role] = after
        unique = [self._unique[int(pid)] for pid in after if int(pid) in self._unique]
        if unique or not after:  # of others' processes it is not known
            amounts["unique_memory_bytes"] = sum(unique)
        return Record("process", now, {"role": role}, amounts)

    def _use(self, process: "psutil.Process", amounts: dict[str, float]) -> _Counted:
        """Add what a process holds now to the gauges and return what it has used; others' details may be secret."""
        import psutil

        if not process.is_running():
            raise psutil.NoSuchProcess(process.pid)
        with process.oneshot():
            times = process.cpu_times()
            memory, threads = process.memory_info().rss, process.num_threads()
            used = _Counted(process.create_time(), times.user + times.system, 0.0, 0.0)
        descriptors = 0
        try:
            descriptors = process.num_fds()
            if hasattr(process, "io_counters"):  # not on every system
                counters = process.io_counters()
                used.read, used.write = float(counters.read_bytes), float(counters.write_bytes)
        except psutil.AccessDenied:
            self._deny(process.pid)
        amounts["resident_memory_bytes"] += memory
        amounts["threads"] += threads
        amounts["open_fds"] += descriptors
        amounts["processes"] += 1
        return used


def _ended(pid: int, before: _Counted, now: _Counted | None) -> bool:
    """Return whether a process that was counted has ended; one that left its group has not."""
    import psutil

    if now is not None:
        return abs(now.created - before.created) > _CREATED_SECONDS
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - before.created) > _CREATED_SECONDS or not _runs(process)
    except psutil.Error:
        return True


def _runs(process: "psutil.Process") -> bool:
    import psutil

    return process.status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}


def _read_pid(pidfile: Path | None) -> int | None:
    try:
        return int(pidfile.read_text(encoding="ascii").split()[0]) if pidfile is not None else None
    except (OSError, ValueError, IndexError):
        return None
