import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.service import Analyzer
from agentgauge.analyzer.source.sharded import Shard, ShardedSource, parsed
from agentgauge.configuration import Analyzer as Settings
from agentgauge.errors import UsageError
from tests.analyzer.synthetic import INTERVAL, START, Synthetic

NAMES = st.text(min_size=1, max_size=10)


@given(
    st.dictionaries(st.tuples(NAMES, NAMES).map(lambda pair: series(pair[0], [("l", pair[1])])), st.floats(0, 1)),
    st.integers(1, 7),
)
def test_shards_together_are_the_whole_and_share_nothing(values: dict[Series, float], count: int) -> None:
    whole = Synthetic()
    whole.now_says = values
    whole.stored = [(one, np.array([START]), np.array([value])) for one, value in values.items()]
    shards = [ShardedSource(whole, Shard(index, count)) for index in range(1, count + 1)]
    read = [one for shard in shards for one in shard.read([], START).values.items()]
    assert len(read) == len(values)
    assert dict(read) == values
    stored = [(one, past.tolist()) for shard in shards for one, _, past in shard.history([], START, START, INTERVAL)]
    assert len(stored) == len(values)
    assert dict(stored) == {one: [value] for one, value in values.items()}


def test_a_series_is_in_the_same_shard_on_every_machine() -> None:
    held = [Shard(index, 3).holds(series("s", [("a", "b")])) for index in (1, 2, 3)]
    assert held == [False, False, True]


def test_findings_of_the_shards_are_those_of_the_whole() -> None:
    many = [series("tool_duration_p95", [("gen_ai_tool_name", f"t{number}")]) for number in range(30)]
    source = Synthetic()
    analyzers = [Analyzer(Settings(), source)]
    analyzers += [Analyzer(Settings(), ShardedSource(source, Shard(index, 3))) for index in (1, 2, 3)]
    chance = np.random.default_rng(0)
    for tick in range(200):
        levels = np.where((np.arange(30) == 7) & (tick > 190), 3.0, 1.0)
        source.now_says = dict(zip(many, (levels * chance.normal(1, 0.05, 30)).tolist(), strict=True))
        for analyzer in analyzers:
            analyzer.tick(START + tick * INTERVAL)
    whole, *parts = ([(row.labels["gen_ai_tool_name"], row) for row in analyzer.rows()] for analyzer in analyzers)
    together = dict(row for part in parts for row in part)
    assert all(0 < len(part) < 30 for part in parts)
    assert sum(len(part) for part in parts) == 30
    for name, row in whole:
        other = together[name]
        assert (row.value, row.expected, row.zscore, row.pvalue) == pytest.approx(
            (other.value, other.expected, other.zscore, other.pvalue)
        )
        assert row.anomaly == other.anomaly == (name == "t7")


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/99999"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no shard"):
        parsed(text)


def test_a_shard_is_written_as_one_of_so_many() -> None:
    assert parsed("2/3") == Shard(2, 3)
    assert str(parsed("2/3")) == "2-of-3"
