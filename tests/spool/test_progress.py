import logging
from pathlib import Path

import pytest

from agentgauge.spool.progress import Progress


def test_a_backlog_is_told_at_its_beginning_now_and_then_and_at_its_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("agentgauge.spool.progress.time.monotonic", lambda: now)
    caplog.set_level(logging.INFO)
    telling = Progress(Path("/spool"))

    telling.end()
    for time, left in ((100.0, 900), (101.0, 850), (105.0, 400), (106.0, 300), (110.0, 950)):
        now = time
        telling.note(left * 1_000_000)
    now = 112.0
    telling.end()
    telling.end()

    assert [each.getMessage() for each in caplog.records] == [
        "/spool: 900 MB behind",
        "/spool: 400 MB behind, 100 MB/s, done in about 4 s",
        "/spool: 950 MB behind, 0 MB/s",
        "/spool: caught up after 12 s",
    ]
