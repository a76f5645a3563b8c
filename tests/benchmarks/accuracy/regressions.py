"""Injected regressions: steps of 5 to 30 % in the residuals of real series."""

import importlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.statistics import regressions

from .series import Vector, kpis, m4_series, nab_files, performance_histories
from .table import Row, above, below

COLUMNS = 240
LEVEL = 100.0
NOISE = 0.05
MATTERS = 0.15
WINDOWS_PER_SERIES = 40
Matrix = npt.NDArray[np.float64]
Detector = Callable[[Matrix], list[bool]]


def without_season(values: Vector, season: int) -> Vector:
    """Return what the classical decomposition leaves: less a centred moving average, less each phase's median."""
    window = season or COLUMNS
    if values.size < 2 * window:
        window, season = values.size // 2, 0
    padded = np.pad(values, (window // 2, window - 1 - window // 2), mode="reflect")
    sums = np.cumsum(np.concatenate(([0.0], padded - padded.mean())))
    rest: Vector = values - padded.mean() - (sums[window:] - sums[:-window]) / window
    for phase in range(season):
        rest[phase::season] -= np.median(rest[phase::season])
    return rest


def residuals() -> Iterator[Vector]:
    """Yield windows of residuals of real series, their robust spread one."""
    sources = [(kpi.values[~kpi.labels], round(86_400 / float(np.median(np.diff(kpi.times))))) for kpi in kpis()]
    sources += [(file.values, 0) for file in nab_files() if "real" in file.name and not file.windows]
    sources += [(series, 168) for series in m4_series("Hourly-train")[::3]]
    sources += [(history, 0) for history in performance_histories()]
    random = np.random.default_rng(0)
    for values, season in sources:
        if values.size < COLUMNS:
            continue
        rest = without_season(values, season)
        count = min(WINDOWS_PER_SERIES, values.size // COLUMNS)
        for start in random.choice(values.size - COLUMNS + 1, count, replace=False):
            window = rest[start : start + COLUMNS]
            window = window - np.median(window)
            spread = 1.4826 * float(np.median(np.abs(window)))
            if spread > 0:
                yield window / spread


def ours(values: Matrix, direction: str = "higher") -> list[bool]:
    return [one is not None for one in regressions(values, direction=direction)]


def regressed(row: Matrix, cuts: list[int]) -> bool:
    """Return whether the level after the last cut is worse than all before it, by what matters."""
    return bool(cuts and row[cuts[-1] :].mean() / row[: cuts[-1]].mean() - 1 >= MATTERS)


def by_ruptures() -> Detector:
    """Return ruptures' search with the usual 3 log n penalty."""
    ruptures = importlib.import_module("ruptures")

    def detector(values: Matrix) -> list[bool]:
        found = []
        for row in values:
            spread = 1.4826 * float(np.median(np.abs(np.diff(row) - np.median(np.diff(row))))) / np.sqrt(2)
            search = ruptures.KernelCPD(kernel="linear", min_size=5).fit(row / max(spread, 1e-12))
            found.append(regressed(row, search.predict(pen=3 * np.log(row.size))[:-1]))
        return found

    return detector


def by_otava() -> Detector:
    """Return apache-otava's search at its default significance and a magnitude of what matters.

    It needs a numpy of its own version, hence an environment of its own to run this table in.
    """
    analysis = importlib.import_module("otava.analysis")

    def detector(values: Matrix) -> list[bool]:
        searches = (analysis.compute_change_points(row.tolist(), min_magnitude=MATTERS)[0] for row in values)
        return [regressed(row, [point.index for point in found]) for row, found in zip(values, searches, strict=True)]

    return detector


PEERS: dict[str, Callable[[], Detector]] = {"ruptures": by_ruptures, "otava": by_otava}


def beside(stepped: Matrix, quiet: Matrix) -> tuple[str, str]:
    """Return what the opponents recall of stepped series, and raise per 1,000 quiet ones."""
    recalls, alarms = [], []
    for name, peer in PEERS.items():
        try:
            detector = peer()
        except ImportError:
            recalls.append(f"{name} is not installed")
            alarms.append(f"{name} is not installed")
        else:
            recalls.append(f"{name} {np.mean(detector(stepped)):.3f}")
            alarms.append(f"{name} {1000 * np.mean(detector(quiet)):.1f}")
    return ", ".join(recalls), ", ".join(alarms)


def measure(noise: float = NOISE) -> list[Row]:
    """Return recall of steps that matter, false alarms per 1,000 untouched series, and the delay."""
    windows = np.stack(list(residuals()))
    random = np.random.default_rng(1)
    quiet = LEVEL * (1 + noise * windows)
    places = random.integers(COLUMNS // 3, COLUMNS - 20, len(windows))
    shares = random.uniform(0.05, 0.30, len(windows))
    after = np.arange(COLUMNS) >= places[:, None]
    stepped = quiet + LEVEL * shares[:, None] * after
    matters = shares >= MATTERS
    hits = np.array(ours(stepped))
    alarms = {direction: 1000 * float(np.mean(ours(quiet, direction))) for direction in ("higher", "lower")}
    recall_beside, alarms_beside = beside(stepped[matters], quiet)
    delays = []
    for row in np.flatnonzero(matters)[:150]:
        for delay in range(3, 41):
            if ours(stepped[row : row + 1, : places[row] + delay])[0]:
                delays.append(delay)
                break
        else:
            delays.append(41)
    name = f"regressions, noise {noise:.0%}"
    return [
        Row(f"{name}: recall of steps >= 15 %", recall_beside, float(hits[matters].mean()), above(0.95)),
        Row(f"{name}: flagged among steps < 12 %", "", float(hits[shares < 0.12].mean())),
        Row(f"{name}: false alarms per 1,000 untouched", alarms_beside, alarms["higher"], below(10)),
        Row(f"{name}: the same where lower is worse", "", alarms["lower"], below(10)),
        Row(f"{name}: median delay in points", "", float(np.median(delays))),
    ]
