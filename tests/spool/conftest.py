"""A home of agentgauge per test, and a disk small enough to fill."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a fresh AGENTGAUGE_HOME for this test and the processes it starts."""
    path = tmp_path / "home"
    monkeypatch.setenv("AGENTGAUGE_HOME", str(path))
    monkeypatch.delenv("AGENTGAUGE_DEBUG", raising=False)
    return path


@pytest.fixture
def full_disk(home: Path) -> Iterator[Path]:
    """Make AGENTGAUGE_HOME a file system without a free byte; ``filling`` on it is what fills it."""
    home.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(home)], capture_output=True)
    if mount.returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        (home / "spool").mkdir(mode=0o700)
        (home / "spool" / "spool.jsonl").touch(mode=0o600)
        with (home / "filling").open("wb", buffering=0) as filling, contextlib.suppress(OSError):
            while filling.write(bytes(4096)):
                pass
        yield home
    finally:
        # Lazily: whoever looks through all file systems at this moment (a scanner, another test) keeps it busy.
        subprocess.run(["umount", "--lazy", str(home)], check=True)
