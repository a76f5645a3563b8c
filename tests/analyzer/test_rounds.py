import pytest

from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.analyzer.rounds import ASSESSED_SECONDS, FORECAST_EVERY, Rounds, assessed, update
from agentgauge.analyzer.series import series
from agentgauge.configuration import Signal

NOW = 1_700_000_000.0
SIGNALS = {"s": Signal("s", "p95", "gen_ai_execute_tool_duration_seconds")}


def known(count: int, interval: float) -> tuple[History, list[Finding]]:
    history = History(interval, 6 * 3600.0, count)
    many = [series("s", [("n", str(number))]) for number in range(count)]
    history.append(NOW, dict.fromkeys(many, 1.0))
    return history, [Finding(one) for one in many]


@pytest.mark.parametrize(
    ("count", "interval"), [(1, 5.0), (33, 5.0), (1000, 5.0), (1000, 60.0), (1000, 300.0), (0, 5.0)]
)
def test_every_series_is_assessed_once_a_round(count: int, interval: float) -> None:
    history, findings = known(count, interval)
    rounds = Rounds(interval, 3600.0)
    due: list[int] = []
    begun = 0
    for tick in range(int(ASSESSED_SECONDS / interval) + 1):
        now = NOW + tick * interval
        if rounds.over(now):
            begun += 1
            if begun == 2:
                break
            rounds.begin(now, count)
        due += [row for some in rounds.due(history, findings, SIGNALS) for row in some.rows]
    assert due == list(range(count))


def test_forecasts_are_made_anew_in_some_rounds() -> None:
    history, findings = known(1, 5.0)
    rounds = Rounds(5.0, 3600.0)
    anew = []
    for number in range(2 * FORECAST_EVERY):
        rounds.begin(NOW + number * ASSESSED_SECONDS, 1)
        (some,) = rounds.due(history, findings, SIGNALS)
        anew.append(some.anew)
    assert sum(anew) == 2


def test_what_is_found_is_taken_over_and_what_is_judged_stays() -> None:
    history, (finding,) = known(1, 60.0)
    for minute in range(1, 60):
        history.append(NOW + 60 * minute, {finding.series: 5.0 + minute})
    finding.value, finding.anomaly, finding.zscore = 64.0, True, 9.0
    rounds = Rounds(60.0, 3600.0)
    rounds.begin(NOW, 1)
    (some,) = rounds.due(history, [finding], SIGNALS)
    finding.zscore = 10.0
    update([finding], some, assessed(some))
    assert finding.trend == pytest.approx(60.0)
    assert finding.forecast > 60.0
    assert (finding.anomaly, finding.zscore, finding.value) == (True, 10.0, 64.0)
