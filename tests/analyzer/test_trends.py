import numpy as np
import pytest

from agentgauge.analyzer.trends import FEWEST, Line, line

STEPS = np.arange(240.0)


def found(values: np.ndarray) -> Line:
    one = line(values)
    assert one is not None
    return one


def noise(seed: int, sigma: float = 1.0, count: int = 240) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma, count)


def test_what_rises_steadily_goes_along_a_line_with_its_interval() -> None:
    one = found(50 + 0.2 * STEPS + noise(0))
    assert one.best.curvature == 0.0
    assert one.best.slope == pytest.approx(0.2, rel=0.05)
    mean, lower, upper = one.paths(100)
    assert mean[-1] == pytest.approx(50 + 0.2 * 339, rel=0.05)
    assert (lower < mean).all()
    assert (mean < upper).all()
    assert (np.diff(upper - lower) >= 0).all()


def test_what_rises_faster_and_faster_goes_along_a_parabola() -> None:
    def true(step: float) -> float:
        return 50 + 0.002 * step**2

    one = found(true(STEPS) + noise(1))  # type: ignore[arg-type]
    assert one.best.curvature == pytest.approx(0.002, rel=0.1)
    mean, lower, upper = one.paths(120)
    assert mean[-1] == pytest.approx(true(359.0), rel=0.05)
    assert lower[-1] < true(359.0) < upper[-1]
    straight = 50 + 0.002 * 240**2 + 0.002 * 240 * 120
    assert mean[-1] > straight


@pytest.mark.parametrize("seed", range(100))
def test_noise_bends_no_line_and_makes_none(seed: int) -> None:
    assert line(noise(seed)) is None
    assert found(0.2 * STEPS + noise(seed)).best.curvature == 0.0


def test_gaps_are_left_out_and_too_little_is_no_line() -> None:
    values = 50 + 0.2 * STEPS + noise(2)
    values[::3] = np.nan
    assert found(values).best.slope == pytest.approx(0.2, rel=0.05)
    assert line(values[: FEWEST - 1]) is None
    assert line(np.full(240, 3.0)) is None


def test_what_falls_is_a_line_as_well() -> None:
    one = found(100 - 0.1 * STEPS + noise(3))
    assert one.best.slope == pytest.approx(-0.1, rel=0.1)
    assert one.ends[0].slope < one.best.slope < one.ends[1].slope
