import random

import msgspec
import pytest

from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.levels import assess, correct, past
from agentgauge.analyzer.series import Series, series
from agentgauge.configuration import Signal

START = 1_699_999_980.0
STEP = 60.0
ONE = series("s", [])
SECONDS = Signal("s", "p95", "gen_ai_execute_tool_duration_seconds", threshold=10.0)
LOWER = Signal("s", "ratio", "agentgauge_cache_requests_total", worse="lower", threshold=0.5)
BOTH = Signal("s", "rate", "agentgauge_tests_total", worse="both", threshold=10.0)


def assessed(signal: Signal, minutes: list[float], horizon: float = 3600.0) -> Finding:
    """Return what is found of one series whose minutes had these values."""
    history = History(STEP, 6 * 3600.0, 10)
    finding = Finding(ONE)
    for minute, value in enumerate([*minutes, minutes[-1]], start=1):
        history.append(START + STEP * minute, {ONE: value})
        finding.value = value
    assess(past(history, range(1)), [finding], [signal], horizon)
    correct([finding])
    return finding


def noisy(*levels: tuple[float, int], share: float = 0.03) -> list[float]:
    chance = random.Random(3)
    return [level * chance.gauss(1.0, share) for level, minutes in levels for _ in range(minutes)]


def test_level_that_got_worse_is_a_regression_since_then() -> None:
    finding = assessed(SECONDS, noisy((1.0, 120), (1.4, 40)))
    assert finding.regression
    assert finding.regression_ratio == pytest.approx(0.4, abs=0.05)
    assert finding.regression_pvalue < 0.001
    assert finding.change == pytest.approx(START + 120 * STEP, abs=2 * STEP)


@pytest.mark.parametrize(
    "minutes",
    [
        noisy((1.0, 160)),
        noisy((1.4, 120), (1.0, 40)),
        noisy((1.0, 120), (1.05, 40)),
        noisy((1.0, 120), (2.0, 20), (1.0, 20)),
        [0.0] * 160,
        [1.0] * 160,
    ],
    ids=["noise", "better", "small", "come back", "zero", "constant"],
)
def test_what_is_no_regression(minutes: list[float]) -> None:
    finding = assessed(SECONDS, minutes)
    assert not finding.regression
    assert finding.regression_pvalue == 1.0


def test_a_regression_is_one_against_the_signals_own_baseline() -> None:
    minutes = noisy((2.0, 200), (1.0, 60), (2.0, 60))
    assert not assessed(SECONDS, minutes).regression
    short = msgspec.structs.replace(SECONDS, baseline_seconds=60 * STEP)
    finding = assessed(short, noisy((2.0, 200), (1.0, 80), (1.4, 30)))
    assert finding.regression
    assert finding.regression_ratio == pytest.approx(0.4, abs=0.05)
    assert not assessed(short, noisy((1.0, 200), (1.4, 90))).regression


def test_lower_is_worse_where_the_signal_says_so() -> None:
    assert assessed(LOWER, noisy((0.9, 120), (0.6, 40))).regression
    assert not assessed(LOWER, noisy((0.6, 120), (0.9, 40))).regression


@pytest.mark.parametrize("after", [0.5, 2.0])
def test_either_direction_is_worse_where_the_signal_says_so(after: float) -> None:
    finding = assessed(BOTH, noisy((1.0, 120), (after, 40)))
    assert finding.regression
    assert finding.regression_ratio == pytest.approx(after - 1, abs=0.1)


def test_regression_from_zero_is_a_finite_one() -> None:
    finding = assessed(LOWER.__class__("s", "ratio", LOWER.metric), [0.0] * 120 + noisy((0.2, 40)))
    assert finding.regression
    assert finding.regression_ratio == pytest.approx(20.0, rel=0.1)


@pytest.mark.parametrize("unit", [1e-9, 0.002, 1.0, 1e6])
def test_the_unit_of_a_signal_does_not_matter(unit: float) -> None:
    finding = assessed(SECONDS, [unit * value for value in noisy((1.0, 120), (1.4, 40))])
    assert finding.regression
    assert finding.regression_ratio == pytest.approx(0.4, abs=0.05)
    assert assessed(SECONDS, [0.0] * 120 + [unit] * 40).regression_ratio == pytest.approx(100.0)


def test_change_that_never_was_is_0() -> None:
    assert assessed(SECONDS, noisy((1.0, 160))).change == 0.0


def test_trend_is_the_slope_per_hour() -> None:
    minutes = [5.0 + minute / 60 for minute in range(120)]
    minutes[30] = 1000.0
    assert assessed(SECONDS, minutes).trend == pytest.approx(1.0)
    assert assessed(SECONDS, [5.0] * 60).trend == 0.0


def test_forecast_is_in_its_interval_and_crosses_the_threshold_in_time() -> None:
    finding = assessed(SECONDS, [5.0 + minute / 60 + 0.01 * (minute % 3) for minute in range(240)], horizon=7200.0)
    assert finding.forecast == pytest.approx(11.0, abs=1.0)
    assert finding.forecast_lower <= finding.forecast <= finding.forecast_upper
    assert finding.eta == pytest.approx(3600.0, abs=900.0)


def test_what_fills_steadily_is_followed_as_far_ahead_as_it_is_known_back() -> None:
    disk = Signal("s", "value", "agentgauge_disk_free_bytes", worse="lower", threshold=40.0, regression_threshold=1e9)
    chance = random.Random(5)
    minutes = [100 - minute / 6 + chance.gauss(0, 0.2) for minute in range(240)]
    finding = assessed(disk, minutes, horizon=1800.0)
    assert finding.eta == pytest.approx(2 * 3600.0, rel=0.1)
    assert 3600.0 < finding.eta_soonest <= finding.eta <= finding.eta_latest < 3 * 3600.0
    assert not finding.regression
    assert finding.predicted == 0.0
    assert assessed(disk, [100 - minute / 600 for minute in range(240)]).eta != 0.0


def test_a_budget_is_judged_since_it_began_anew() -> None:
    budget = Signal("s", "value", "agentgauge_budget_used_ratio", threshold=1.0, regression_threshold=1e9)
    day = [0.5 + minute / 400 for minute in range(100)] + [minute / 200 for minute in range(100)]
    finding = assessed(budget, day)
    assert finding.eta == pytest.approx(100 * STEP, rel=0.05)
    assert not finding.regression


def test_threshold_that_is_crossed_already_is_0_seconds_away_and_one_never_reached_is_none() -> None:
    assert assessed(SECONDS, noisy((20.0, 60))).eta == 0.0
    eta = assessed(SECONDS, noisy((1.0, 60))).eta
    assert eta != eta
    assert assessed(LOWER, noisy((0.3, 60))).eta == 0.0


def test_forecast_stays_what_the_measure_can_be() -> None:
    falling = [1.0 - minute / 60 for minute in range(60)]
    ratio = Signal("s", "ratio", "agentgauge_cache_requests_total")
    finding = assessed(ratio, falling)
    assert finding.forecast_lower >= 0.0
    finding = assessed(ratio, falling[::-1])
    assert finding.forecast_upper <= 1.0


def test_too_little_history_says_nothing() -> None:
    finding = assessed(SECONDS, [1.0] * 5)
    assert finding == Finding(ONE, value=1.0)


def test_regressions_are_corrected_for_their_number() -> None:
    def regressed(pvalue: float) -> Finding:
        return Finding(Series("s", ()), regression=True, regression_pvalue=pvalue)

    alone = regressed(0.03)
    correct([alone])
    assert alone.regression
    among = regressed(0.03)
    sure = regressed(1e-6)
    correct([among, sure, *(Finding(ONE, regression_pvalue=1.0) for _ in range(50))])
    assert not among.regression
    assert sure.regression
