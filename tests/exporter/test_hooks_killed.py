"""Payloads of agents' hooks, sent to a real exporter over HTTP that is killed at random instants."""

import random
import threading
import time
from pathlib import Path

from tests.exporter.killed import PATIENCE_SECONDS, Exporter, running
from tests.spool.processes import SCALE


class Sender(threading.Thread):
    """Sends events, or calls to a tool: each payload again until the exporter says that it has it."""

    def __init__(self, exporter: Exporter, *, calls: bool) -> None:
        super().__init__(daemon=True)
        self._exporter = exporter
        self._calls = calls
        self._done = threading.Event()
        self.answered = 0
        self.sent = 0

    def run(self) -> None:
        while not self._done.is_set():
            call = f"toolu_{self.answered}"
            for event in ("PreToolUse", "PostToolUse") if self._calls else ("Notification",):
                more = {"tool_name": "Bash", "tool_use_id": call} if self._calls else {}
                self.sent += 1
                while not self._exporter.post(event, **more):
                    self.sent += 1
                    time.sleep(0.005)
            self.answered += 1

    def await_answered(self, least: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.answered < least:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def stop(self) -> None:
        self._done.set()
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive()


EVENTS = r'agentgauge_hook_events_total\{[^}]*hook_event="Notification"\}'
CALLS = r'gen_ai_execute_tool_duration_seconds_count\{[^}]*gen_ai_tool_name="Bash"[^}]*\}'


def test_what_was_answered_is_counted_once_whenever_the_exporter_is_killed(tmp_path: Path) -> None:
    chance = random.Random(10423)
    seen = [0]
    with running(tmp_path) as exporter:
        told, called = Sender(exporter, calls=False), Sender(exporter, calls=True)
        told.start()
        called.start()
        for _ in range(int(20 * SCALE)):
            if chance.random() < 0.5:
                seen.append(exporter.counted(EVENTS))
            time.sleep(chance.random() * 0.1)
            exporter.kill()
            exporter.await_start()
        for sender in (told, called):
            sender.await_answered(20)
            sender.stop()
        counts = [exporter.await_counted(EVENTS, told.answered), exporter.await_counted(CALLS, called.answered)]

    seen = [count for count in seen if count >= 0]
    assert seen == sorted(seen), "a counter fell"
    # Whoever was killed before it answered may have kept what it was told.
    assert told.answered <= counts[0] <= told.sent
    # A call is known by its id: told twice it counts once, and its beginning outlives who was told of it.
    assert counts[1] == called.answered
    assert len(list((tmp_path / "exporter").glob("claude_code_hooks.*"))) < 20, "no journal was deleted"
