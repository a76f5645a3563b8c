import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.analyzer.statistics import Detection, detect, detect_last

FIELDS = ("expected", "lower", "upper", "zscore", "pvalue", "score", "anomaly")
STEP = 5.0


def clock(columns: int) -> npt.NDArray[np.float64]:
    return 1_700_000_000 + STEP * np.arange(columns, dtype=np.float64)


def noise(seed: int, series: int = 3, columns: int = 200, gaps: float = 0.0) -> npt.NDArray[np.float64]:
    random = np.random.default_rng(seed)
    values = random.normal(size=(series, columns)) + np.sin(np.arange(columns) / 7)
    values[random.random(values.shape) < gaps] = np.nan
    return values


def autoregressive(seed: int, weight: float, series: int, columns: int) -> npt.NDArray[np.float64]:
    values = np.random.default_rng(seed).normal(size=(series, columns))
    for column in range(1, columns):
        values[:, column] += weight * values[:, column - 1]
    return values


def alarm_rate(values: npt.NDArray[np.float64]) -> float:
    """The share of samples flagged where each series is judged alone."""
    flagged = sum(int(detect(clock(values.shape[1]), series).anomaly.sum()) for series in values)
    return flagged / int(np.isfinite(values).sum())


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25)
@given(seeds, st.integers(20, 199), st.floats(0, 0.5), st.floats(-1e6, 1e6))
def test_the_future_does_not_change_how_the_past_was_judged(seed: int, now: int, gaps: float, surprise: float) -> None:
    values = noise(seed, gaps=gaps)
    changed = values.copy()
    changed[:, now:] = surprise
    shorter = detect(clock(now), values[:, :now])
    longer = detect(clock(200), changed)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(shorter, field), getattr(longer, field)[:, :now], err_msg=field)


@pytest.mark.parametrize("gaps", [0.0, 0.1])
def test_the_future_changes_neither_the_rhythm_of_the_day_nor_what_was_an_outage(gaps: float) -> None:
    times = 1_700_000_000 + 900 * np.arange(1500)
    values = noise(6, series=3, columns=1500, gaps=gaps) * (1 + 4 * (np.arange(1500) % 96 < 48))
    values[:, 600:1400:100] += 30
    values[:, 1000:1020] += 40
    for now in (800, 1010, 1300):
        shorter, longer = detect(times[:now], values[:, :now]), detect(times, values)
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(shorter, field), getattr(longer, field)[:, :now], err_msg=field)


@settings(max_examples=25)
@given(seeds, st.integers(-20, 20), st.floats(0, 0.5))
def test_a_change_of_unit_changes_no_judgement(seed: int, exponent: int, gaps: float) -> None:
    values = noise(seed, gaps=gaps)
    before, after = detect(clock(200), values), detect(clock(200), values * 4.0**exponent)
    for field in ("zscore", "pvalue", "anomaly"):
        np.testing.assert_array_equal(getattr(before, field), getattr(after, field))
    np.testing.assert_array_equal(before.expected * 4.0**exponent, after.expected)


@settings(max_examples=25)
@given(seeds, st.floats(-1000, 1000))
def test_a_shift_of_the_level_changes_no_zscore(seed: int, shift: float) -> None:
    values = noise(seed)
    before, after = detect(clock(200), values), detect(clock(200), values + shift)
    np.testing.assert_allclose(before.zscore, after.zscore, rtol=1e-5, atol=1e-6)


@settings(max_examples=25)
@given(seeds, st.permutations(range(5)), st.floats(0, 0.5))
def test_the_order_of_the_series_does_not_matter(seed: int, order: list[int], gaps: float) -> None:
    values = noise(seed, series=5, gaps=gaps)
    one, other = detect(clock(200), values), detect(clock(200), values[order])
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one, field)[order], getattr(other, field))


@settings(max_examples=25)
@given(seeds, st.floats(0.01, 0.95))
def test_a_missing_sample_is_expected_but_not_judged(seed: int, gaps: float) -> None:
    values = noise(seed, gaps=gaps)
    missing = np.isnan(values)
    judged = detect(clock(200), values)
    assert np.isnan(judged.zscore[missing]).all()
    assert np.isnan(judged.pvalue[missing]).all()
    assert (judged.score[missing] == 0).all()
    assert not judged.anomaly[missing].any()
    assert np.isfinite(judged.zscore[~missing]).all()
    assert ((judged.pvalue[~missing] > 0) & (judged.pvalue[~missing] <= 1)).all()
    seen = ~missing.all(axis=1)
    assert np.isfinite(judged.expected[seen]).all()


@settings(max_examples=25)
@given(seeds)
def test_the_expected_value_lies_within_its_band(seed: int) -> None:
    judged = detect(clock(200), noise(seed))
    assert (judged.lower <= judged.expected).all()
    assert (judged.expected <= judged.upper).all()


def test_missing_rows_and_missing_values_are_the_same_gap() -> None:
    values = noise(1)
    kept = np.r_[0:80, 120:200]
    with_nan = values.copy()
    with_nan[:, 80:120] = np.nan
    sparse, dense = detect(clock(200)[kept], values[:, kept]), detect(clock(200), with_nan)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(sparse, field), getattr(dense, field)[:, kept])


@pytest.mark.parametrize("seed", range(5))
def test_a_doubled_latency_is_flagged_within_three_points(seed: int) -> None:
    latency = 2 * (1 + 0.05 * np.random.default_rng(seed).normal(size=90))
    latency[60:] *= 2
    anomaly = detect(clock(90), latency).anomaly[0]
    assert anomaly[60:63].any()
    assert not anomaly[:60].any()


def test_errors_after_none_at_all_are_flagged_within_four_points() -> None:
    ratio = np.zeros(90)
    ratio[60:] = 0.2 * np.minimum(np.arange(1, 31) / 12, 1)
    anomaly = detect(clock(90), ratio).anomaly[0]
    assert anomaly[60:64].any()
    assert not anomaly[:60].any()


@pytest.mark.parametrize("seed", range(5))
def test_a_lone_spike_is_flagged_and_what_follows_is_not(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=300)
    values[250] = 15
    assert np.flatnonzero(detect(clock(300), values).anomaly[0]).tolist() == [250]


def test_a_step_that_no_single_sample_shows_is_flagged_within_four_points() -> None:
    values = np.random.default_rng(0).normal(size=(50, 1010))
    values[:, 1000:] += 3.5
    flagged = np.array([detect(clock(1010), series).anomaly[0] for series in values])
    assert flagged[:, 1000:1004].any(axis=1).mean() > 0.8
    assert flagged[:, :1000].mean() < 5e-4


@pytest.mark.parametrize("seed", range(20))
def test_a_return_from_an_outage_is_no_anomaly(seed: int) -> None:
    latency = 2 * (1 + 0.05 * np.random.default_rng(seed).normal(size=400))
    latency[300:330] *= 2
    assert not detect(clock(400), latency).anomaly[0, 333:].any()


def test_pvalues_of_noise_are_about_uniform() -> None:
    pvalues = detect(clock(1500), noise(0, series=60, columns=1500)).pvalue[:, 300:]
    for level in (0.3, 0.05, 0.01):
        assert 0.6 * level < (pvalues <= level).mean() < 1.4 * level


def test_a_daily_peak_is_expected_and_a_missing_one_is_not() -> None:
    step, per_day = 900, 96
    times = 1_700_000_000 + step * np.arange(21 * per_day)
    phase = np.arange(times.size) % per_day
    random = np.random.default_rng(3)
    load = 10 + 50 * ((phase >= 40) & (phase < 44)) + random.normal(size=times.size)
    assert not detect(times, load).anomaly[0, 5 * per_day :].any()
    load[20 * per_day + 40 : 20 * per_day + 44] -= 50
    assert detect(times, load).anomaly[0, 20 * per_day + 40 : 20 * per_day + 44].any()


def test_a_given_season_is_used() -> None:
    wave = np.tile([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0], 60) + 0.1 * np.random.default_rng(0).normal(size=420)
    with_season = detect(clock(420), wave, season=7)
    assert np.nanmedian(np.abs(with_season.expected - wave)[0, 200:]) < 0.3
    assert np.abs(with_season.expected - wave)[0, 206::7].max() < 2


def test_a_season_is_found() -> None:
    wave = np.tile([0.0] * 50 + [9.0] * 7, 36)[:2016] + 0.1 * np.random.default_rng(0).normal(size=2016)
    judged = detect(clock(2016), wave)
    assert np.median(np.abs(judged.expected - wave)[0, 900:]) < 0.3
    assert np.quantile(np.abs(judged.expected - wave)[0, 1400:], 0.95) < 2
    assert not judged.anomaly[0, 1400:].any()


@pytest.mark.parametrize(
    ("name", "limit"), [("autoregressive", 1e-3), ("heavy tails", 3e-3), ("bursts", 5e-3), ("mostly missing", 1e-3)]
)
def test_a_quiet_series_raises_hardly_an_alarm(name: str, limit: float) -> None:
    random = np.random.default_rng(7)
    shape = (20, 500)
    missing = random.normal(size=shape)
    missing[random.random(shape) < 0.9] = np.nan
    values = {
        "autoregressive": autoregressive(7, 0.9, *shape),
        "heavy tails": random.standard_t(3, shape),
        "bursts": (random.poisson(0.2, shape) * random.integers(1, 20, shape)).astype(np.float64),
        "mostly missing": missing,
    }[name]
    assert alarm_rate(values) <= limit


@pytest.mark.parametrize("seed", range(5))
def test_what_is_usual_in_the_restless_hours_is_an_anomaly_in_the_calm_ones(seed: int) -> None:
    per_day = 288
    times = 1_700_000_000 + 300 * np.arange(14 * per_day)
    restless = np.arange(times.size) % per_day < per_day // 2
    values = np.random.default_rng(seed).normal(size=times.size) * np.where(restless, 3.0, 1.0)
    by_day, by_night = 13 * per_day + 60, 13 * per_day + 230
    values[[by_day, by_night]] = 8.0
    anomaly = detect(times, values).anomaly[0]
    assert anomaly[by_night]
    assert not anomaly[by_day]
    assert anomaly[5 * per_day :].sum() <= 4


@pytest.mark.parametrize("seed", range(5))
def test_a_dip_is_an_anomaly_where_only_spikes_are_usual(seed: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=3000)
    spikes = np.flatnonzero(random.random(2890) < 0.06)
    values[spikes] += random.exponential(6, spikes.size)
    values[2900] = 7
    spike = detect(clock(3000), values)
    values[2900] = -7
    dip = detect(clock(3000), values)
    assert dip.anomaly[0, 2900]
    assert dip.pvalue[0, 2900] < spike.pvalue[0, 2900] / 5


@pytest.mark.parametrize("seed", range(2, 6))
def test_a_jump_after_calm_is_flagged_though_the_series_wanders_farther(seed: int) -> None:
    random = np.random.default_rng(seed)
    walk = np.cumsum(random.normal(size=3000))
    walk[2900:2903] += 9
    anomaly = detect(clock(3000), walk).anomaly[0]
    assert anomaly[2900:2903].any()
    assert anomaly[600:2900].sum() <= 2


@pytest.mark.parametrize("seed", range(5))
def test_two_outages_do_not_hide_the_next(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=2000)
    starts = range(800, 1800, 400)
    for start in starts:
        values[start : start + 20] += 25
    anomaly = detect(clock(2000), values).anomaly[0]
    assert all(anomaly[start : start + 3].any() for start in starts)


@pytest.mark.parametrize("seed", range(5))
def test_an_outage_stays_flagged_while_it_lasts(seed: int) -> None:
    latency = 2 * (1 + 0.05 * np.random.default_rng(seed).normal(size=400))
    latency[300:330] *= 2
    anomaly = detect(clock(400), latency).anomaly[0]
    assert anomaly[302:330].all()
    assert not anomaly[333:].any()


def test_the_false_discovery_rate_is_controlled_across_series() -> None:
    values = noise(5, series=300, columns=300)
    alone = sum(int(detect(clock(300), series).anomaly.sum()) for series in values)
    together = int(detect(clock(300), values).anomaly.sum())
    assert together <= alone


@settings(max_examples=15)
@given(seeds, st.integers(1, 200), st.floats(0, 0.5))
def test_the_last_sample_of_a_short_window_is_judged_as_by_detect(seed: int, columns: int, gaps: float) -> None:
    values = noise(seed, columns=columns, gaps=gaps)
    whole, last = detect(clock(columns), values), detect_last(clock(columns), values)
    for field in ("expected", "lower", "upper", "zscore", "pvalue", "anomaly"):
        np.testing.assert_array_equal(getattr(whole, field)[:, -1:], getattr(last, field))


def test_the_last_sample_of_a_long_window_is_judged_nearly_as_by_detect() -> None:
    step, columns = 300, 2016
    times = 1_700_000_000 + step * np.arange(columns)
    values = noise(2, series=20, columns=columns) + 5 * np.sin(2 * np.pi * np.arange(columns) / 288)
    values[:10, -1] += 30
    whole, last = detect(times, values), detect_last(times, values)
    assert last.anomaly[:, 0].tolist() == [True] * 10 + [False] * 10
    np.testing.assert_allclose(last.expected[:, 0], whole.expected[:, -1], atol=1)


def test_a_gap_before_the_recent_samples_is_judged_past() -> None:
    times = 1_700_000_000 + 300 * np.arange(2016)
    values = noise(4, series=3, columns=2016)
    values[:, :700] = np.nan
    values[1, 900:1100] = np.nan
    values[2, -1] += 30
    assert detect_last(times, values).anomaly[:, 0].tolist() == [False, False, True]


@pytest.mark.parametrize("columns", [0, 1, 5])
def test_the_last_sample_of_next_to_nothing(columns: int) -> None:
    assert detect_last(clock(columns), np.zeros((2, columns))).anomaly.shape == (2, min(columns, 1))


def test_shapes_that_disagree_are_an_error() -> None:
    with pytest.raises(ValueError, match="3 columns for 4 times"):
        detect(clock(4), np.zeros((2, 3)))


def test_no_samples_give_empty_arrays() -> None:
    judged = detect([], np.zeros((2, 0)))
    assert isinstance(judged, Detection)
    assert all(getattr(judged, field).shape == (2, 0) for field in FIELDS)
