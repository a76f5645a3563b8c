"""M4: OWA, MSIS and coverage; Hourly from rolling origins of the training series, Weekly on its test series."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.statistics import Forecast, forecast

from .series import m4_series
from .table import Row, below

Matrix = npt.NDArray[np.float64]
Method = Callable[[Matrix, int, int], Forecast]
HOURLY_SEASON, HOURLY_HORIZON = 24, 48
WEEKLY_HORIZON = 13
# sMAPE and MASE of the competition's Naive2.
HOURLY_NAIVE = (18.383, 2.395)
WEEKLY_NAIVE = (9.161, 2.777)
ORIGINS = (48, 96, 168)
PENALTY = 2 / 0.05


def ours(past: Matrix, horizon: int, season: int) -> Forecast:
    return forecast(past, horizon, seasons=(season,) if season > 1 else ())


def seasonal_naive(past: Matrix, horizon: int, season: int) -> Forecast:
    """Forecast the last season again, as wide as the seasons before differed (Hyndman and Athanasopoulos, 5.5)."""
    steps = np.arange(horizon)
    mean = past[:, past.shape[1] - season + steps % season]
    deviation = np.sqrt(np.square(past[:, season:] - past[:, :-season]).mean(axis=1, keepdims=True))
    width = 1.96 * deviation * np.sqrt(steps // season + 1)
    return Forecast(mean, mean - width, mean + width)


def scores(method: Method, past: Matrix, future: Matrix, season: int) -> list[tuple[float, float, float, float]]:
    """Return sMAPE, MASE, MSIS and coverage of each series' forecast at 95 %."""
    ahead = method(past, future.shape[1], season)
    smape = 200 * np.abs(ahead.mean - future) / np.maximum(np.abs(ahead.mean) + np.abs(future), 1e-12)
    unit = np.maximum(np.abs(past[:, season:] - past[:, :-season]).mean(axis=1), 1e-12)
    below = np.maximum(ahead.lower - future, 0)
    above = np.maximum(future - ahead.upper, 0)
    inside = (below == 0) & (above == 0)
    columns = (
        smape.mean(axis=1),
        np.abs(ahead.mean - future).mean(axis=1) / unit,
        (ahead.upper - ahead.lower + PENALTY * (below + above)).mean(axis=1) / unit,
        inside.mean(axis=1),
    )
    return [(float(a), float(b), float(c), float(d)) for a, b, c, d in zip(*columns, strict=True)]


def of_equal_length(
    method: Method, pasts: list[npt.NDArray[np.float64]], futures: list[npt.NDArray[np.float64]], season: int
) -> Matrix:
    """Return the mean scores of all series, those of one length forecast together."""
    found = []
    for length in sorted({past.size for past in pasts}):
        rows = [row for row, past in enumerate(pasts) if past.size == length]
        found += scores(
            method, np.stack([pasts[row] for row in rows]), np.stack([futures[row] for row in rows]), season
        )
    means: Matrix = np.array(found).mean(axis=0)
    return means


def owa(smape: float, mase: float, naive: tuple[float, float]) -> float:
    return 0.5 * (smape / naive[0] + mase / naive[1])


def measure() -> list[Row]:
    """Return the Hourly and Weekly rows."""
    hourly = m4_series("Hourly-train")
    each: dict[Method, list[Matrix]] = {ours: [], seasonal_naive: []}
    for method, found in each.items():
        for back in ORIGINS:
            pasts = [series[:-back] for series in hourly]
            futures = [series[series.size - back :][:HOURLY_HORIZON] for series in hourly]
            found.append(of_equal_length(method, pasts, futures, HOURLY_SEASON))
    smape, mase, msis, coverage = np.mean(each[ours], axis=0)
    naive = np.mean(each[seasonal_naive], axis=0)
    of_owa = f"seasonal naive {owa(naive[0], naive[1], HOURLY_NAIVE):.3f}; Doornik 0.4096 (test)"
    of_msis = f"seasonal naive {naive[2]:.2f}; Doornik 6.139 (test)"
    # The competition gave Weekly series ten years at most in effect; older weeks say little about the next quarter.
    weekly = [series[-520:] for series in m4_series("Weekly-train")]
    weekly_means = of_equal_length(ours, weekly, m4_series("Weekly-test"), 1)
    return [
        Row(
            "M4 Hourly, rolling origins: OWA",
            of_owa,
            owa(smape, mase, HOURLY_NAIVE),
            below(0.41),
        ),
        Row("M4 Hourly, rolling origins: MSIS", of_msis, float(msis), below(6.2)),
        Row("M4 Hourly, rolling origins: coverage at 95 %", "", float(coverage), (0.93, 0.97)),
        Row("M4 Weekly, test: OWA", "best 0.739", owa(weekly_means[0], weekly_means[1], WEEKLY_NAIVE), below(0.739)),
        Row("M4 Weekly, test: MSIS", "", float(weekly_means[2])),
        Row("M4 Weekly, test: coverage at 95 %", "", float(weekly_means[3]), (0.93, 0.97)),
    ]
