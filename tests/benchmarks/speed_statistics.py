"""What the analyzer's mathematics costs beside pandas and ruptures, on one core."""

import importlib
import statistics
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas
import ruptures

from agentgauge.analyzer.statistics import change_points, detect, detect_last, forecast
from tests.benchmarks.figure import Figure, paired, ratio

Matrix = npt.NDArray[np.float64]
ROUNDS = 7
SERIES, COLUMNS, STEP = 200, 2016, 300.0
SHORT = 500
AHEAD = 288
TICK_SERIES, TICK_COLUMNS = 10_000, 600


def samples(series: int, columns: int) -> Matrix:
    random = np.random.default_rng(0)
    daily = np.sin(2 * np.pi * np.arange(columns) / 288)
    return 10 + daily + 0.3 * random.normal(size=(series, columns))


def pandas_seasonal_z(values: Matrix) -> None:
    """Compute the usual seasonal z-score in pandas, series by series."""
    for row in values:
        series = pandas.Series(row)
        residual = series - series.shift(288).rolling(5, min_periods=1).median()
        rolling = residual.rolling(288, min_periods=12)
        _ = (residual - rolling.median()) / rolling.std()


def kernel_change_points(values: Matrix) -> None:
    """Run ruptures' fastest search over each series."""
    for row in values:
        ruptures.KernelCPD(kernel="linear", min_size=5).fit(row).predict(pen=3 * np.log(row.size))


def seasonal_naive(values: Matrix) -> Callable[[], None]:
    """Return a run of statsforecast's seasonal naive forecast with its interval over each series."""
    models = importlib.import_module("statsforecast.models")
    model = models.SeasonalNaive(season_length=AHEAD)

    def run() -> None:
        for row in values:
            model.forecast(y=row, h=AHEAD, level=[95])

    return run


def _beside(what: str, ours: Callable[[], object], peer: str, theirs: Callable[[], object], target: float) -> Figure:
    our_times, their_times = paired(ours, theirs, rounds=ROUNDS)
    each, other = (f"{statistics.median(times) / SERIES * 1e3:.2f} ms" for times in (our_times, their_times))
    return Figure(what, each, f"{peer}: {other}", ratio(our_times, their_times), target)


def figures() -> list[Figure]:
    """Measure; times are of one series."""
    values, times = samples(SERIES, COLUMNS), STEP * np.arange(COLUMNS)
    shifted = 10 + 0.3 * np.random.default_rng(1).normal(size=(SERIES, SHORT))
    shifted[::2, SHORT // 2 :] += 1.5
    many = samples(TICK_SERIES, TICK_COLUMNS)
    (detect_times,) = paired(lambda: detect(times, values), rounds=ROUNDS)
    (tick_times,) = paired(lambda: detect_last(times[:TICK_COLUMNS], many), rounds=3)
    detect_ms = statistics.median(detect_times) / SERIES * 1e3
    tick = statistics.median(tick_times)
    return [
        Figure("detect, 2016 points", f"{detect_ms:.2f} ms", "", detect_ms, 0.3, "ms"),
        _beside(
            "detect, 2016 points",
            lambda: detect(times, values),
            "pandas seasonal z",
            lambda: pandas_seasonal_z(values),
            0.5,
        ),
        Figure(f"a tick of {TICK_SERIES:,} series", f"{tick:.2f} s", "", tick, 1.0, "s"),
        _beside(
            f"forecast of {AHEAD} steps with interval",
            lambda: forecast(values, AHEAD),
            "statsforecast SeasonalNaive",
            seasonal_naive(values),
            0.9,
        ),
        _beside(
            "change points of 500",
            lambda: change_points(shifted),
            "ruptures KernelCPD",
            lambda: kernel_change_points(shifted),
            0.5,
        ),
    ]
