"""The labelled series, read in place from the directory that AGENTGAUGE_SERIES names."""

import csv
import gzip
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]


def root() -> Path:
    """Return the directory of the labelled series, or end with one clear message."""
    name = os.environ.get("AGENTGAUGE_SERIES")
    if not name or not Path(name).is_dir():
        sys.exit("set AGENTGAUGE_SERIES to the directory of the labelled series (nab/, kpi/, m4/, ...)")
    return Path(name)


@dataclass(frozen=True)
class Kpi:
    """One KPI of the AIOps 2018 challenge."""

    name: str
    times: Vector
    values: Vector
    labels: Labels

    @property
    def days(self) -> float:
        return float(self.times.size * np.median(np.diff(self.times)) / 86_400)


def kpis() -> Iterator[Kpi]:
    for path in sorted((root() / "kpi").glob("*.csv.gz")):
        with gzip.open(path, "rt") as lines:
            header = 0 if lines.readline()[0].isdigit() else 1
        table = np.loadtxt(path, delimiter=",", skiprows=header)
        yield Kpi(path.name.split(".")[0], table[:, 0], table[:, 1], table[:, 2] > 0)


@dataclass(frozen=True)
class NabFile:
    """One file of the Numenta Anomaly Benchmark; windows are its labelled ranges of rows, ends included."""

    name: str
    times: Vector
    values: Vector
    windows: list[tuple[int, int]]


def nab_files() -> Iterator[NabFile]:
    folder = root() / "nab"
    windows = json.loads((folder / "labels" / "combined_windows.json").read_text())
    for path in sorted((folder / "data").rglob("*.csv")):
        name = path.relative_to(folder / "data").as_posix()
        with path.open() as lines:
            rows = list(csv.DictReader(lines))
        times = np.array([_stamp(row["timestamp"]) for row in rows])
        ranges = [
            (int(np.searchsorted(times, _stamp(start))), int(np.searchsorted(times, _stamp(end), "right")) - 1)
            for start, end in windows[name]
        ]
        yield NabFile(name, times, np.array([float(row["value"]) for row in rows]), ranges)


def _stamp(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def m4_series(name: str) -> list[Vector]:
    """Return the M4 series of a file such as "Hourly-train", without their empty tail."""
    with gzip.open(root() / "m4" / f"{name}.csv.gz", "rt") as lines:
        rows = list(csv.reader(lines))[1:]
    return [np.array([float(cell) for cell in row[1:] if cell]) for row in rows]


@dataclass(frozen=True)
class AnnotatedSeries:
    """One series of the Turing Change Point Dataset and each annotator's change points."""

    name: str
    values: Vector
    annotations: dict[str, list[int]]


def annotated_series() -> Iterator[AnnotatedSeries]:
    folder = root() / "change_points"
    annotations = json.loads((folder / "annotations.json").read_text())
    for name in sorted(annotations):
        raw = json.loads((folder / f"{name}.json").read_text())["series"][0]["raw"]
        yield AnnotatedSeries(name, np.array([np.nan if one is None else one for one in raw], float), annotations[name])


def performance_histories() -> list[Vector]:
    folder = root() / "performance_tests"
    histories = [json.loads(path.read_text()) for path in sorted(folder.glob("*_series.json"))]
    return [np.array(history, float) for history in histories if isinstance(history[0], float | int)]
