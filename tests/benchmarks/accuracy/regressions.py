"""Injected regressions: steps of 5 to 30 % in the residuals of real series."""

import importlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.statistics import regressions

from .series import Vector, kpis, m4_series, nab_files, performance_histories
from .table import Row

COLUMNS = 240
LEVEL = 100.0
NOISE = 0.05
MATTERS = 0.15
WINDOWS_PER_SERIES = 12
Detector = Callable[[npt.NDArray[np.float64]], list[bool]]


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
    sources += [(series, 168) for series in m4_series("Hourly-train")[::10]]
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


def ours(values: npt.NDArray[np.float64]) -> list[bool]:
    return [one is not None for one in regressions(values, direction="higher")]


def by_ruptures() -> Detector | None:
    """Return ruptures' search with the usual 3 log n penalty and the same gate of 15 %, or None without ruptures."""
    try:
        ruptures = importlib.import_module("ruptures")
    except ImportError:
        return None

    def detector(values: npt.NDArray[np.float64]) -> list[bool]:
        found = []
        for row in values:
            spread = 1.4826 * float(np.median(np.abs(np.diff(row) - np.median(np.diff(row))))) / np.sqrt(2)
            search = ruptures.KernelCPD(kernel="linear", min_size=5).fit(row / max(spread, 1e-12))
            *cuts, _ = search.predict(pen=3 * np.log(row.size))
            gain = row[cuts[-1] :].mean() / row[: cuts[-1]].mean() - 1 if cuts else 0.0
            found.append(bool(gain >= MATTERS))
        return found

    return detector


def measure(detector: Detector = ours, noise: float = NOISE) -> list[Row]:
    """Return recall of steps that matter, false alarms per 1,000 untouched series, and the delay."""
    windows = np.stack(list(residuals()))
    random = np.random.default_rng(1)
    quiet = LEVEL * (1 + noise * windows)
    places = random.integers(COLUMNS // 3, COLUMNS - 20, len(windows))
    shares = random.uniform(0.05, 0.30, len(windows))
    after = np.arange(COLUMNS) >= places[:, None]
    stepped = quiet + LEVEL * shares[:, None] * after
    matters = shares >= MATTERS
    hits = np.array(detector(stepped))
    alarms = np.array(detector(quiet))
    against = {"recall": "> 0.95", "alarms": "<= 10"}
    peer = by_ruptures()
    if peer is not None:
        against["recall"] += f"; ruptures {np.mean(np.array(peer(stepped))[matters]):.3f}"
        against["alarms"] += f"; ruptures {1000 * np.mean(peer(quiet)):.1f}"
    delays = []
    for row in np.flatnonzero(matters)[:150]:
        for delay in range(3, 41):
            if detector(stepped[row : row + 1, : places[row] + delay])[0]:
                delays.append(delay)
                break
        else:
            delays.append(41)
    name = f"regressions, noise {noise:.0%}"
    return [
        Row(f"{name}: recall of steps >= 15 %", against["recall"], hits[matters].mean()),
        Row(f"{name}: flagged among steps < 12 %", "-", hits[shares < 0.12].mean()),
        Row(f"{name}: false alarms per 1,000 untouched", against["alarms"], 1000 * alarms.mean()),
        Row(f"{name}: median delay in points", "-", float(np.median(delays))),
    ]
