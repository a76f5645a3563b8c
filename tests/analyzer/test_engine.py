from functools import partial

import pytest

from agentgauge.analyzer.engine import Local, opened
from agentgauge.errors import ConfigurationError


def test_this_process_does_one_piece_after_the_other() -> None:
    engine = opened("local", 5.0)
    assert isinstance(engine, Local)
    assert engine.results([partial(sum, [1, 2]), partial(sum, [3])]) == [3, 3]
    assert engine.up
    engine.close()


@pytest.mark.parametrize(
    "name", ["", "dask", "dask://", "dask://host", "dask://host:port", "dask://host:1/path", "spark://host:1", "Local"]
)
def test_what_is_no_engine_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"write local or dask://HOST:PORT"):
        opened(name, 5.0)


def test_a_cluster_that_is_not_there_is_no_error() -> None:
    pytest.importorskip("distributed")
    engine = opened("dask://127.0.0.1:9", 5.0)
    assert engine.results([partial(sum, [1, 2])]) == [3]
    assert not engine.up
    engine.close()
