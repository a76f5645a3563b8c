"""SWE-agent trajectories, ``*.traj``, become records of a run, its calls and its tools.

Cost and tokens are the run's own sums (``info.model_stats``): each call used its share of them. A tool call is a step
with its ``execution_time``; only the commands SWE-agent itself brings keep their names, all others are "bash".
"""

import time
from typing import Annotated, Final

from msgspec import Meta, Struct

from agentgauge.collectors.call import Caller, Tokens, provider_of, tool_record
from agentgauge.collectors.conversation import label
from agentgauge.collectors.results import Format, decoded, judged, run
from agentgauge.errors import InvalidRecordError
from agentgauge.record import Record

AGENT: Final = "swe-agent"

_COMMANDS: Final = frozenset(
    {"create", "edit", "exit_forfeit", "filemap", "find_file", "goto", "insert", "open", "scroll_down", "scroll_up"}
    | {"search_dir", "search_file", "str_replace_editor", "submit", "undo_edit", "view_image"}
)
_Amount = Annotated[float, Meta(ge=0, le=1e12)]
_Count = Annotated[int, Meta(ge=0, le=10**12)]


class _Stats(Struct):
    api_calls: _Count
    instance_cost: _Amount = 0.0
    tokens_sent: _Count = 0
    tokens_received: _Count = 0


class _Info(Struct):
    model_stats: _Stats
    exit_status: str | None = None


class _Step(Struct):
    action: str = ""
    execution_time: _Amount | None = None


class _Model(Struct):
    name: str = ""


class _Agent(Struct):
    model: _Model | None = None


class _Config(Struct):
    agent: _Agent | None = None


class _Trajectory(Struct):
    info: _Info
    trajectory: list[_Step]
    replay_config: _Config | str | None = None


def records(body: bytes) -> list[Record]:
    """Return the records of one trajectory.

    Raises:
        InvalidRecordError: it is none, or of a run that did not end.
    """
    found, now = decoded(body, _Trajectory), time.time()
    stats = found.info.model_stats
    if found.info.exit_status is None:
        raise InvalidRecordError("info.exit_status: missing; the run has not ended")
    config = (
        decoded(found.replay_config.encode(), _Config) if isinstance(found.replay_config, str) else found.replay_config
    )
    agent = config.agent if config is not None else None
    model = label(agent.model.name.rsplit("/", 1)[-1] if agent is not None and agent.model is not None else "", "")
    outcome, error = judged(found.info.exit_status)
    amounts = {"inference_calls": stats.api_calls, "tool_calls": len(found.trajectory)}
    tokens = Tokens(stats.tokens_sent, stats.tokens_received)
    caller = Caller(AGENT, provider_of(model), model)
    calls = caller.used_together(now, stats.api_calls, tokens, cost_usd=stats.instance_cost) if stats.api_calls else []
    return [
        *calls,
        *(
            tool_record(_tool(step.action), AGENT, now, step.execution_time, failed=False)
            for step in found.trajectory
            if step.execution_time is not None
        ),
        run(AGENT, outcome, error, amounts, now),
    ]


def _tool(action: str) -> str:
    words = action.split(maxsplit=1)
    return words[0] if words and words[0] in _COMMANDS else "bash"


SWE_AGENT: Final = Format("swe_agent", "SWE-agent trajectory", (".traj",), records)
