"""Leaderboards as aider publishes them, lists in YAML: each entry is a model's run of a whole benchmark.

An entry's cases are runs of aider that passed or not; its cost is shared by them.
"""

import time
from typing import Annotated, Any, Final

import msgspec
import yaml
from msgspec import Meta, Struct

from agentgauge.collectors.call import Caller, Tokens, provider_of
from agentgauge.collectors.conversation import OTHER, label
from agentgauge.collectors.results import run
from agentgauge.errors import InvalidRecordError
from agentgauge.record import Record

_MAX_BYTES: Final = 4 << 20
_Percent = Annotated[float, Meta(ge=0, le=100)] | None
_Amount = Annotated[float, Meta(ge=0, le=1e12)]
_Count = Annotated[int, Meta(ge=0, le=10**12)] | None


class _Entry(Struct):
    model: str
    test_cases: Annotated[int, Meta(ge=0, le=100_000)]
    seconds_per_case: _Amount
    pass_rate_1: _Percent = None
    pass_rate_2: _Percent = None
    pass_num_1: _Count = None
    pass_num_2: _Count = None
    total_cost: _Amount = 0.0
    prompt_tokens: _Count = None
    completion_tokens: _Count = None

    def passed(self) -> int:
        """Return how many cases passed at last."""
        number, rate = self.pass_num_2, self.pass_rate_2
        if rate is None and number is None:
            number, rate = self.pass_num_1, self.pass_rate_1
        if number is None:
            number = round((rate or 0.0) * self.test_cases / 100)
        return min(number, self.test_cases)


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        # Aliases of aliases are a small file and a huge list.
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def leaderboard_records(body: bytes, agent: str) -> list[Record]:
    """Return the records of one leaderboard.

    Args:
        body: YAML.
        agent: the label value.

    Raises:
        InvalidRecordError: it is none.
    """
    if len(body) > _MAX_BYTES:
        raise InvalidRecordError(f"not JSON, and {len(body)} bytes are more than a leaderboard has")
    try:
        entries = msgspec.convert(yaml.load(body, _Loader), list[_Entry])  # noqa: S506 - a SafeLoader
    except msgspec.ValidationError as error:
        raise InvalidRecordError(f"neither JSON nor a leaderboard: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InvalidRecordError("neither JSON nor YAML") from None
    if not entries:
        raise InvalidRecordError("a leaderboard without an entry")
    now = time.time()
    return [record for entry in entries for record in _records(entry, agent, now)]


def _records(entry: _Entry, agent: str, now: float) -> list[Record]:
    caller = Caller(agent, provider_of(entry.model), label(entry.model.rsplit("/", 1)[-1], OTHER))
    if entry.prompt_tokens is not None:
        tokens = Tokens(entry.prompt_tokens, entry.completion_tokens or 0)
        calls = caller.used_together(now, entry.test_cases, tokens, cost_usd=entry.total_cost)
    else:
        calls = [caller.record(now, {"cost_usd": entry.total_cost}, cost_source="reported")]
    amounts = {"duration_seconds": entry.seconds_per_case}
    passed = entry.passed()
    return [
        *calls,
        *(run(agent, "success", "", amounts, now) for _ in range(passed)),
        *(run(agent, "failure", "tests_failed", amounts, now) for _ in range(entry.test_cases - passed)),
    ]
