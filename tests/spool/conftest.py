"""A home of agentgauge per test, and a disk small enough to fill."""

import contextlib
import ctypes
import functools
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def _signals() -> None:
    """Let what is started here have its signals, also where nohup or a shell's & has these tests ignore some."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # a handler, for ignoring is inherited


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
    if not _own_mounts():
        pytest.skip("mounts of one's own need root")
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
        subprocess.run(["umount", "--lazy", str(home)], check=True)


@functools.cache
def _own_mounts() -> bool:
    """Give this process, and what it starts, mounts of its own: no other keeps them busy, and they go with it."""
    if sys.platform != "linux":
        return False
    new_mounts, private, recursive = 0x20000, 1 << 18, 1 << 14
    libc = ctypes.CDLL(None)
    return bool(libc.unshare(new_mounts) == 0 and libc.mount(b"none", b"/", None, private | recursive, None) == 0)
