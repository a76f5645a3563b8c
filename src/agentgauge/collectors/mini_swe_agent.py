"""mini-swe-agent trajectories, ``*.traj.json``, become records of a run and its calls.

Each answer in ``messages`` brings its own usage and cost; their sum is ``info.model_stats.instance_cost``. Where the
provider states no cost, the rest of that sum is shared. A run lasts from its first answer to its last, the only times
version 1 has.
"""

import time
from typing import Annotated, Final

from msgspec import Meta, Struct

from agentgauge.collectors.call import Caller, Tokens, provider_of
from agentgauge.collectors.conversation import label
from agentgauge.collectors.results import Format, decoded, judged, run
from agentgauge.errors import InvalidRecordError
from agentgauge.instrument.usage import normal_finish_reason
from agentgauge.record import Record

AGENT: Final = "mini-swe-agent"

_Amount = Annotated[float, Meta(ge=0, le=1e12)]
_Count = Annotated[int, Meta(ge=0, le=10**12)] | None


class _Cached(Struct):
    cached_tokens: _Count = None


class _Reasoning(Struct):
    reasoning_tokens: _Count = None


class _Usage(Struct):
    prompt_tokens: _Count = None
    completion_tokens: _Count = None
    cost: _Amount | None = None
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoning | None = None


class _Choice(Struct):
    finish_reason: str | None = None


class _Response(Struct):
    model: str | None = None
    choices: list[_Choice] | None = None
    created: _Amount | None = None
    usage: _Usage | None = None


class _Extra(Struct):
    response: _Response | None = None
    cost: _Amount | None = None


class _Message(Struct):
    role: str = ""
    extra: _Extra | None = None


class _Stats(Struct):
    api_calls: Annotated[int, Meta(ge=0, le=10**7)]
    instance_cost: _Amount = 0.0


class _Model(Struct):
    model_name: str = ""


class _Config(Struct):
    model: _Model | None = None


class _Info(Struct):
    model_stats: _Stats
    exit_status: str | None = None
    config: _Config | None = None


class _Trajectory(Struct):
    info: _Info
    messages: list[_Message]


def records(body: bytes) -> list[Record]:
    """Return the records of one trajectory.

    Raises:
        InvalidRecordError: it is none, or of a run that did not end.
    """
    found, now = decoded(body, _Trajectory), time.time()
    info = found.info
    if info.exit_status is None:
        raise InvalidRecordError("info.exit_status: missing; the run has not ended")
    configured = info.config.model.model_name if info.config is not None and info.config.model is not None else ""
    answers = [message.extra for message in found.messages if message.role == "assistant" and message.extra is not None]
    costs = [_cost(extra) for extra in answers]
    unstated = costs.count(None) + max(0, info.model_stats.api_calls - len(answers))
    rest = max(0.0, info.model_stats.instance_cost - sum(cost or 0.0 for cost in costs))
    share = rest / unstated if unstated else 0.0
    calls = [
        _call(extra, configured, share if cost is None else cost, now)
        for extra, cost in zip(answers, costs, strict=True)
    ]
    missing = info.model_stats.api_calls - len(answers)
    if missing > 0:  # answers that were refused and not kept
        caller = _caller(configured)
        calls += caller.used_together(now, missing, Tokens(), cost_usd=share * missing)
    times = [extra.response.created for extra in answers if extra.response is not None and extra.response.created]
    outcome, error = judged(info.exit_status)
    duration = max(times) - min(times) if len(times) > 1 else None
    amounts = {"inference_calls": info.model_stats.api_calls, "duration_seconds": duration}
    return [*calls, run(AGENT, outcome, error, amounts, max(times, default=now))]


def _cost(extra: _Extra) -> float | None:
    usage = extra.response.usage if extra.response is not None else None
    return usage.cost if usage is not None and usage.cost is not None else extra.cost


def _call(extra: _Extra, configured: str, cost: float, now: float) -> Record:
    response = extra.response or _Response()
    usage = response.usage or _Usage()
    cached = usage.prompt_tokens_details or _Cached()
    reasoning = usage.completion_tokens_details or _Reasoning()
    tokens = Tokens(
        usage.prompt_tokens or 0,
        usage.completion_tokens or 0,
        cached.cached_tokens or 0,
        0,
        reasoning.reasoning_tokens or 0,
    )
    reason = normal_finish_reason(response.choices[0].finish_reason) if response.choices else ""
    caller = _caller(response.model or configured)
    return caller.used(response.created or now, tokens, cost_usd=cost, finish_reason=reason)


def _caller(model: str) -> Caller:
    return Caller(AGENT, provider_of(model), label(model.rsplit("/", 1)[-1], ""))


MINI_SWE_AGENT: Final = Format("mini_swe_agent", "mini-swe-agent trajectory", (".traj.json",), records)
