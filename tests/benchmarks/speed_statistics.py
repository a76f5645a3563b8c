"""What the analyzer's mathematics costs beside pandas, ruptures, statsforecast and Prophet, on one core."""

import importlib.util
import logging
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas
import ruptures

from agentgauge.analyzer.statistics import change_points, detect, detect_last, forecast
from tests.benchmarks.figure import Figure, paired, ratio

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Run = Callable[[Vector], object]
ROUNDS = 7
SERIES, COLUMNS, STEP = 200, 2016, 300.0
SHORT = 500
AHEAD = 288
TICK_SERIES, TICK_COLUMNS = 10_000, 600
FEW = 3


class Peer(NamedTuple):
    """What ours is held against.

    Args:
        name, module: what it is, and what must be installed for it.
        run: returns what does one series.
        series: how many it is measured over.
        clock: what both are timed by; a core's own time leaves out what works in another process.
    """

    name: str
    module: str
    run: Callable[[], Run]
    series: int = SERIES
    clock: Callable[[], float] = time.process_time


def samples(series: int, columns: int) -> Matrix:
    random = np.random.default_rng(0)
    daily = np.sin(2 * np.pi * np.arange(columns) / 288)
    return 10 + daily + 0.3 * random.normal(size=(series, columns))


def pandas_seasonal_z(row: Vector) -> object:
    """Return the usual seasonal z-score in pandas."""
    series = pandas.Series(row)
    residual = series - series.shift(288).rolling(5, min_periods=1).median()
    rolling = residual.rolling(288, min_periods=12)
    return (residual - rolling.median()) / rolling.std()


def kernel_change_points(row: Vector) -> object:
    """Return what ruptures' fastest search finds in a series."""
    return ruptures.KernelCPD(kernel="linear", min_size=5).fit(row).predict(pen=3 * np.log(row.size))


def seasonal_naive() -> Run:
    """Return statsforecast's seasonal naive forecast of a series with its interval."""
    model = importlib.import_module("statsforecast.models").SeasonalNaive(season_length=AHEAD)
    return lambda row: model.forecast(y=row, h=AHEAD, level=[95])


def seasonal_naive_bands() -> Run:
    """Return statsforecast's seasonal naive band of a series' own past, which its anomalies lie outside of."""
    model = importlib.import_module("statsforecast.models").SeasonalNaive(season_length=AHEAD)
    return lambda row: model.fit(y=row).predict_in_sample(level=[95])


def prophet_bands() -> Run:
    """Return Prophet's band of a series' own past, which its anomalies lie outside of."""
    prophet = importlib.import_module("prophet").Prophet
    logging.getLogger("cmdstanpy").setLevel(logging.WARNING)

    def run(row: Vector) -> object:
        frame = pandas.DataFrame({"ds": pandas.to_datetime(STEP * np.arange(row.size), unit="s"), "y": row})
        return prophet(interval_width=0.95).fit(frame).predict(frame)

    return run


def _alone(what: str, ours: Callable[[], object], count: int, target: float, unit: str = "ms") -> Figure:
    """Measure what is a target of its own, in seconds of a core, of one of so many series."""
    (times,) = paired(ours, rounds=ROUNDS, clock=time.process_time)
    each = statistics.median(times) / count * {"ms": 1e3, "s": 1.0}[unit]
    return Figure(what, f"{each:.2f} {unit}", "", each, target, unit)


def _beside(what: str, ours: Callable[[], object], peer: Peer, values: Matrix, target: float) -> list[Figure]:
    """Measure one series' share of ours, over all, beside a peer that works series by series, where it is installed."""
    if importlib.util.find_spec(peer.module) is None:
        print(f"{what}: not held against {peer.name}, which is not installed", file=sys.stderr)
        return []
    run, few = peer.run(), values[: peer.series]

    def theirs() -> None:
        for row in few:
            run(row)

    rounds = ROUNDS if len(few) > FEW else FEW
    our_times, their_times = paired(ours, theirs, rounds=rounds, clock=peer.clock)
    each, other = ([one / len(all_of) for one in found] for found, all_of in ((our_times, values), (their_times, few)))
    ours_ms, theirs_ms = (f"{statistics.median(one) * 1e3:.2f} ms" for one in (each, other))
    return [Figure(what, ours_ms, f"{peer.name}: {theirs_ms}", ratio(each, other), target)]


def figures() -> list[Figure]:
    """Measure; times are of one series."""
    values, times = samples(SERIES, COLUMNS), STEP * np.arange(COLUMNS)
    shifted = 10 + 0.3 * np.random.default_rng(1).normal(size=(SERIES, SHORT))
    shifted[::2, SHORT // 2 :] += 1.5
    many = samples(TICK_SERIES, TICK_COLUMNS)
    detecting, judging = partial(detect, times, values), partial(detect_last, times[:TICK_COLUMNS], many)
    what = f"detect, {COLUMNS} points"
    return [
        _alone(what, detecting, SERIES, 0.3),
        *(figure for peer, target in DETECTORS for figure in _beside(what, detecting, peer, values, target)),
        _alone(f"a tick of {TICK_SERIES:,} series, without the service", judging, 1, 1.0, "s"),
        *_beside(f"forecast of {AHEAD} steps with interval", partial(forecast, values, AHEAD), FORECASTER, values, 0.9),
        *_beside(f"change points of {SHORT}", partial(change_points, shifted), SEARCHER, shifted, 0.5),
    ]


PANDAS = Peer("pandas seasonal z", "pandas", lambda: pandas_seasonal_z)
NAIVE_BANDS = Peer("statsforecast SeasonalNaive", "statsforecast", seasonal_naive_bands)
PROPHET = Peer("Prophet", "prophet", prophet_bands, 2, time.perf_counter)
DETECTORS = ((PANDAS, 0.5), (NAIVE_BANDS, 1.0), (PROPHET, 0.01))
FORECASTER = Peer("statsforecast SeasonalNaive", "statsforecast", seasonal_naive)
SEARCHER = Peer("ruptures KernelCPD", "ruptures", lambda: kernel_change_points)
