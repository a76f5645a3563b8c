import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentgauge.spool.notice import Notice
from agentgauge_spool import append

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
LONG = 60.0


@pytest.fixture
def notice(home: Path) -> Iterator[Notice]:
    (home / "spool").mkdir(parents=True)
    notice = Notice(home / "spool")
    assert notice.works
    assert notice.wait(0), "what was written before is not told of"
    yield notice
    notice.close()
    assert not notice.works


def test_a_line_is_noticed_once(notice: Notice) -> None:
    assert not notice.wait(0)
    append("hook")
    append("hook")
    assert notice.wait(LONG)
    assert not notice.wait(0)
    code = "import time; from agentgauge_spool import append; time.sleep(0.1); append('hook')"
    with subprocess.Popen([sys.executable, "-c", code]):
        assert notice.wait(LONG)


def test_what_the_reader_does_is_not(notice: Notice, home: Path) -> None:
    append("hook")
    assert notice.wait(LONG)
    segment = home / "spool" / "spool.000001.jsonl"
    (home / "spool" / "spool.jsonl").rename(segment)
    segment.unlink()
    assert not notice.wait(0)


def test_a_directory_that_is_made_again_is_watched_again(notice: Notice, home: Path) -> None:
    shutil.rmtree(home / "spool")
    while notice.wait(0):
        pass
    assert not notice.wait(0)
    (home / "spool").mkdir()
    assert notice.wait(0)
    append("hook")
    assert notice.wait(LONG)
