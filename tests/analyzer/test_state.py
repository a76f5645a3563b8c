import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentgauge.analyzer import state
from agentgauge.analyzer.findings import Accepted, Episode, Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.series import series

START = 1_700_000_000.0
A, B = series("a", [("label", 'quoted "value"\n')]), series("b", [])


def history(interval: float = 5.0) -> History:
    return History(interval, 600.0, 100)


def filled() -> History:
    past = history()
    for tick in range(50):
        past.append(START + 5 * tick, {A: float(tick), B: 2.0})
    return past


def test_what_was_saved_is_restored(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.npz"
    past = filled()
    state.save(path, past)
    copy = history()
    assert state.restore(path, copy, {"a", "b"})
    assert copy.series == [A, B]
    for name, array in past.arrays().items():
        np.testing.assert_array_equal(copy.arrays()[name], array)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["state.npz"]


def test_what_would_not_be_found_again_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    episode = Episode(1.0, 0.9, 1.1, 0.05, 0.3, 7, confirmed=2)
    busy = Finding(A, slot=40, judged=39, decades=2.5, anomaly=True, episode=episode)
    busy.accepted = (Accepted(1, 5, 1.0, 2.0, 0.3),)
    state.save(path, filled(), [busy, Finding(B, slot=40, value=2.0)])
    # A value is of its tick, and there was none yet.
    busy.slot = 0
    assert state.restore(path, history(), {"a", "b"}) == [busy, Finding(B)]


def test_signals_no_longer_watched_are_left_out(tmp_path: Path) -> None:
    state.save(tmp_path / "state.npz", filled())
    copy = history()
    assert state.restore(tmp_path / "state.npz", copy, {"b"})
    assert copy.series == [B]
    assert set(copy.fine.values[0].tolist()) == {2.0}


def test_nothing_is_saved_before_the_first_tick(tmp_path: Path) -> None:
    state.save(tmp_path / "state.npz", history())
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_a_first_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not state.restore(tmp_path / "state.npz", history(), {"a"})
    assert caplog.records == []


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def head(**values: Any) -> np.ndarray[Any, Any]:
    return np.frombuffer(json.dumps(values).encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"PK\x03\x04 torn",
        npz(),
        npz(head=np.array([1, 2], dtype=np.uint8)),
        npz(head=head(version=state.VERSION + 1, series=[])),
        npz(head=head(version=state.VERSION)),
        npz(head=head(version=state.VERSION, series=[["a"]])),
        npz(head=head(version=state.VERSION, series=[["a", []]]), fine=np.zeros((2, 2))),
        npz(head=head(version=state.VERSION, series=[["a", []]], findings=[{"episode": {"began": 1}, "accepted": []}])),
        npz(head=np.array([{"pickled": "object"}], dtype=object)),
    ],
)
def test_file_that_cannot_be_read_is_set_aside_with_one_line(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    fresh = history()
    assert not state.restore(path, fresh, {"a", "b"})
    assert fresh.series == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert not path.exists()
    assert (tmp_path / "state.npz.unreadable").read_bytes() == content


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
def test_torn_file_is_set_aside(tmp_path: Path, cut: float) -> None:
    path = tmp_path / "state.npz"
    state.save(path, filled())
    os.truncate(path, int(path.stat().st_size * cut))
    fresh = history()
    assert not state.restore(path, fresh, {"a", "b"})
    fresh.append(START, {A: 1.0})
    assert fresh.series == [A]


def test_memory_at_another_interval_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    state.save(path, filled())
    fresh = history(interval=2.0)
    assert not state.restore(path, fresh, {"a", "b"})
    assert fresh.series == []
    assert path.exists()


def test_memory_of_before_events_were_counted_is_restored(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    state.save(path, filled())
    with np.load(path) as file:
        older = {name: file[name] for name in file.files if name != "usual_events"}
    np.savez(path, **older)
    copy = history()
    assert state.restore(path, copy, {"a"})
    assert np.isnan(copy.usual_events).tolist() == [True]
    copy.append(START + 300, {A: 1.0}, {A: 12.0})
    assert copy.usual_events.tolist() == [12.0]


def test_memory_of_before_findings_were_kept_is_restored(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    state.save(path, filled())
    with np.load(path) as file:
        older = {name: file[name] for name in file.files}
    body = json.loads(older["head"].tobytes())
    del body["findings"]
    np.savez(path, **{**older, "head": head(**body)})
    assert state.restore(path, history(), {"b"}) == [Finding(B)]
