"""Aider's results become records of runs and their cost: SWE-bench predictions, its own benchmark's, leaderboards.

A prediction (``model_patch``, ``all_results``) is a run that succeeded where it is resolved; its tries are its
revisions, each with its own model and cost. A result of aider's benchmark (``.aider.results.json``) succeeded where
its last tests passed; the attempts before are its revisions.
"""

import time
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from agentgauge.collectors.aider_leaderboard import leaderboard_records
from agentgauge.collectors.call import Caller, Tokens, provider_of
from agentgauge.collectors.conversation import label
from agentgauge.collectors.results import Format, decoded, run
from agentgauge.errors import InvalidRecordError
from agentgauge.record import Record

AGENT: Final = "aider"

_Amount = Annotated[float, Meta(ge=0, le=1e12)]
_Count = Annotated[int, Meta(ge=0, le=10**12)] | None


class _Try(Struct):
    model: str
    cost: _Amount


class _Prediction(Struct):
    model: str
    cost: _Amount
    model_patch: str | None
    all_results: list[_Try] = []
    resolved: bool | None = None
    edit_outcome: bool | None = None
    test_outcome: bool | None = None


class _Case(Struct):
    model: str
    tests_outcomes: list[bool]
    cost: _Amount = 0.0
    duration: _Amount | None = None
    test_timeouts: _Count = None
    num_exhausted_context_windows: _Count = None
    prompt_tokens: _Count = None
    completion_tokens: _Count = None


def records(body: bytes) -> list[Record]:
    """Return the records of one file.

    Raises:
        InvalidRecordError: it is no kind of result.
    """
    if not body.lstrip().startswith(b"{"):
        return leaderboard_records(body, AGENT)
    keys = decoded(body, dict[str, msgspec.Raw])
    if "tests_outcomes" in keys:
        return _case(decoded(body, _Case))
    if "model_patch" in keys:
        return _prediction(decoded(body, _Prediction))
    raise InvalidRecordError("neither tests_outcomes nor model_patch is in it")


def _prediction(found: _Prediction) -> list[Record]:
    now, tries = time.time(), found.all_results or [_Try(found.model, found.cost)]
    if found.resolved is not None:
        succeeded, error = found.resolved, "unresolved"
    else:  # not judged: what aider itself looks at
        succeeded, error = bool(found.model_patch) and found.test_outcome is not False, "tests_failed"
    outcome = "success" if succeeded else "failure"
    return [
        *(_cost(each.model, each.cost, now) for each in tries),
        run(AGENT, outcome, "" if succeeded else error, {}, now),
        _revisions(len(tries) - 1, now),
    ]


def _case(found: _Case) -> list[Record]:
    now, succeeded = time.time(), bool(found.tests_outcomes and found.tests_outcomes[-1])
    outcome, error = ("success", "") if succeeded else ("failure", "tests_failed")
    if not succeeded and found.num_exhausted_context_windows:
        error = "context_window"
    elif not succeeded and found.test_timeouts:
        outcome, error = "timeout", "test_timeout"
    attempts = max(1, len(found.tests_outcomes))
    if found.prompt_tokens is not None:
        tokens = Tokens(found.prompt_tokens, found.completion_tokens or 0)
        calls = _caller(found.model).used_together(now, attempts, tokens, cost_usd=found.cost)
    else:
        calls = [_cost(found.model, found.cost, now)]
    return [
        *calls,
        run(AGENT, outcome, error, {"duration_seconds": found.duration}, now),
        _revisions(attempts - 1, now),
    ]


def _cost(model: str, cost: float, now: float) -> Record:
    return _caller(model).record(now, {"cost_usd": cost}, cost_source="reported")


def _revisions(count: int, now: float) -> Record:
    return Record("revisions", now, {"gen_ai_agent_name": AGENT, "task_type": ""}, {"count": count})


def _caller(model: str) -> Caller:
    return Caller(AGENT, provider_of(model), label(model.rsplit("/", 1)[-1], ""))


AIDER: Final = Format("aider", "result of aider", (".json", ".yml", ".yaml"), records)
