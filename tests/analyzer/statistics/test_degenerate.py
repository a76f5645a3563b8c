"""Whatever the input, the five functions give defined results of the promised shape and no warning."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from agentgauge.analyzer.statistics import change_points, detect, forecast, rank_causes, regressions

Values = npt.NDArray[np.float64]


def check_all(values: Values) -> None:
    series, columns = values.shape
    times = 60.0 * np.arange(columns)
    judged = detect(times, values)
    for field in ("expected", "lower", "upper", "zscore", "pvalue", "score", "anomaly"):
        assert getattr(judged, field).shape == values.shape
    assert not np.isinf(judged.zscore).any()
    assert np.isfinite(judged.score).all()
    ahead = forecast(values, 3)
    known = np.isfinite(values).any(axis=1) & (
        np.abs(np.nan_to_num(values, posinf=0, neginf=0)).max(axis=1, initial=0) < 1e140
    )
    assert ahead.mean.shape == (series, 3)
    assert np.isfinite(ahead.mean[known]).all()
    assert (ahead.lower[known] <= ahead.mean[known]).all()
    assert (ahead.mean[known] <= ahead.upper[known]).all()
    for points in change_points(values):
        indices = [point.index for point in points]
        assert indices == sorted(set(indices))
        assert all(0 < index < columns for index in indices)
        assert all(0 <= point.pvalue <= 1 for point in points)
    for direction in ("higher", "lower"):
        found = regressions(values, direction=direction)
        assert len(found) == series
        for one in found:
            if one is not None:
                assert 0 < one.index < columns
                assert one.interval[0] <= one.ratio <= one.interval[1]
                assert (one.after > one.before) == (direction == "higher")
    if columns:
        order = rank_causes(times, values, 0, times[columns // 2])
        assert sorted(order) == list(range(series))


RANDOM = np.random.default_rng(0)
DEGENERATE: dict[str, Callable[[int], Values]] = {
    "zeros": lambda n: np.zeros(n),
    "constant": lambda n: np.full(n, 7.3),
    "all missing": lambda n: np.full(n, np.nan),
    "all infinite": lambda n: np.full(n, np.inf),
    "tiny": lambda n: RANDOM.normal(size=n) * 1e-12,
    "huge": lambda n: RANDOM.normal(size=n) * 1e15,
    "a small change on a huge level": lambda n: (1e15 + RANDOM.integers(0, 3, n)).astype(np.float64),
    "beyond squares": lambda n: np.full(n, 1e300),
    "subnormal": lambda n: RANDOM.normal(size=n) * 1e-310,
    "integers": lambda n: RANDOM.integers(0, 3, n).astype(np.float64),
    "counter that resets": lambda n: (np.arange(n) % 17).astype(np.float64),
    "two levels": lambda n: np.where(np.arange(n) < n // 2, 1.0, 2.0),
    "nothing then something": lambda n: np.where(np.arange(n) < n // 2, 0.0, 2.0),
    "mostly missing": lambda n: np.where(RANDOM.random(n) < 0.9, np.nan, 1.0),
    "some infinite": lambda n: np.where(RANDOM.random(n) < 0.1, -np.inf, RANDOM.normal(size=n)),
    "one sample": lambda n: np.where(np.arange(n) == n // 2, 3.0, np.nan),
    "starts late": lambda n: np.where(np.arange(n) < 0.8 * n, np.nan, RANDOM.normal(size=n)),
}


@pytest.mark.parametrize("columns", [0, 1, 2, 3, 5, 10, 13, 60, 300])
@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_series_give_defined_results(name: str, columns: int) -> None:
    values = DEGENERATE[name](columns)
    check_all(np.stack([values, values[::-1]]))


@settings(max_examples=60)
@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(1, 3), st.integers(0, 50)),
        elements=st.floats(allow_nan=True, allow_infinity=True),
    )
)
def test_any_floats_give_defined_results(values: Values) -> None:
    check_all(values)


SHAPES: list[Callable[[np.random.Generator, int], Values]] = [
    lambda random, n: random.normal(size=n),
    lambda random, n: random.normal(size=n).cumsum(),
    lambda random, n: random.standard_cauchy(n),
    lambda random, n: np.full(n, random.normal()),
    lambda random, n: random.poisson(random.choice([0.02, 0.5, 5]), n).astype(np.float64),
    lambda random, n: (random.poisson(2, n).cumsum() % random.integers(5, 500)).astype(np.float64),
    lambda random, n: np.sin(2 * np.pi * np.arange(n) / random.integers(3, 60)) + 0.1 * random.normal(size=n),
    lambda random, n: np.repeat(random.normal(size=n // 7 + 1), 7)[:n],
    lambda random, n: np.exp(random.choice([-0.3, 0.3]) * np.arange(n)),
]


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(range(len(SHAPES))),
    st.sampled_from([1, 2, 5, 10, 12, 13, 37, 100, 300]),
    st.sampled_from([1e-300, 1e-150, 1e-12, 1.0, 1e15, 1e100]),
    st.sampled_from([0.0, 1e-12, 1e15]),
    st.sampled_from([0.0, 0.05, 0.5, 0.95]),
    st.sampled_from([(), (5,), (24,), (12, 36)]),
)
def test_any_shape_scale_and_gaps_give_defined_results(
    seed: int, shape: int, columns: int, scale: float, offset: float, gaps: float, seasons: tuple[int, ...]
) -> None:
    random = np.random.default_rng(seed)
    values = np.stack([SHAPES[shape](random, columns) * scale + offset for _ in range(2)])
    values[random.random(values.shape) < gaps] = np.nan
    values[random.random(values.shape) < gaps / 10] = np.inf
    check_all(values)
    ahead = forecast(values, 30, seasons=seasons)
    known = np.isfinite(values).any(axis=1)
    assert np.isfinite(ahead.mean[known]).all()
    assert (ahead.lower[known] <= ahead.upper[known]).all()


def test_no_series_at_all() -> None:
    values = np.zeros((0, 30))
    assert detect(np.arange(30), values).anomaly.shape == (0, 30)
    assert forecast(values, 2).mean.shape == (0, 2)
    assert change_points(values) == []
    assert regressions(values, direction="higher") == []
