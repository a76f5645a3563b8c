"""Print the statistics' speed against peers: `python -m tests.benchmarks.speed_statistics`.

The ratio is the median of pairs; a pair runs ours and the peer's one after the other in CPU time, so that a busy
machine slows both.
"""

import importlib
import resource
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.statistics import change_points, detect, detect_last, forecast

Matrix = npt.NDArray[np.float64]
PAIRS = 7
SERIES, COLUMNS, STEP = 200, 2016, 300.0
SHORT = 500


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def paired(name: str, ours: Callable[[], object], peer: Callable[[], object] | None, series: int) -> None:
    """Print ours in ms a series and the median of ours over the peer's."""
    ours()
    mine, ratios = [], []
    for _ in range(PAIRS):
        mine.append(seconds(ours))
        if peer is not None:
            ratios.append(mine[-1] / max(seconds(peer), 1e-9))
    against = f"{np.median(ratios):8.2f} x the peer" if ratios else "  (peer not installed)"
    print(f"{name:58s} {1000 * np.median(mine) / series:8.3f} ms a series {against}", flush=True)


def samples(series: int, columns: int) -> Matrix:
    random = np.random.default_rng(0)
    daily = np.sin(2 * np.pi * np.arange(columns) / 288)
    return 10 + daily + 0.3 * random.normal(size=(series, columns))


def numpy_rolling_z(values: Matrix, window: int = 288) -> Matrix:
    """Return the z-score against a rolling mean and deviation: the least that can be done."""
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    squares = np.cumsum(np.pad(values**2, ((0, 0), (1, 0))), axis=1)
    mean = (sums[:, window:] - sums[:, :-window]) / window
    spread = np.sqrt(np.maximum((squares[:, window:] - squares[:, :-window]) / window - mean**2, 1e-12))
    result: Matrix = (values[:, window - 1 :] - mean) / spread
    return result


def pandas_rolling_z(values: Matrix) -> Callable[[], object] | None:
    """Return the usual seasonal z-score in pandas, series by series, or None without pandas."""
    try:
        pandas = importlib.import_module("pandas")
    except ImportError:
        return None

    def work() -> None:
        for row in values:
            series = pandas.Series(row)
            residual = series - series.shift(288).rolling(5, min_periods=1).median()
            rolling = residual.rolling(288, min_periods=12)
            _ = (residual - rolling.median()) / rolling.std()

    return work


def kernel_change_points(values: Matrix) -> Callable[[], object] | None:
    """Return ruptures' fastest search over each series, or None without ruptures."""
    try:
        ruptures = importlib.import_module("ruptures")
    except ImportError:
        return None

    def work() -> None:
        for row in values:
            ruptures.KernelCPD(kernel="linear", min_size=5).fit(row).predict(pen=3 * np.log(row.size))

    return work


def main() -> None:
    values = samples(SERIES, COLUMNS)
    times = STEP * np.arange(COLUMNS)
    shifted = 10 + 0.3 * np.random.default_rng(1).normal(size=(SERIES, SHORT))
    shifted[::2, SHORT // 2 :] += 1.5
    paired(
        "detect, 2016 points; rolling z in numpy",
        lambda: detect(times, values),
        lambda: numpy_rolling_z(values),
        SERIES,
    )
    paired("detect, 2016 points; seasonal z in pandas", lambda: detect(times, values), pandas_rolling_z(values), SERIES)
    paired(
        "detect_last, 2016 points; detect", lambda: detect_last(times, values), lambda: detect(times, values), SERIES
    )
    paired(
        "forecast, 288 steps with interval; detect",
        lambda: forecast(values, 288),
        lambda: detect(times, values),
        SERIES,
    )
    paired(
        "change points, 500 points; KernelCPD", lambda: change_points(shifted), kernel_change_points(shifted), SERIES
    )
    many = samples(10_000, 600)
    print(f"one tick of 10,000 series: {seconds(lambda: detect_last(times[:600], many)):.2f} s of CPU")
    print(f"peak memory of this run: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


main()
