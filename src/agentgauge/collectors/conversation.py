"""Conversation: one thread of a transcript, its call and its run in progress, and the records they end as."""

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

from agentgauge import pricing
from agentgauge.collectors.entry import Usage
from agentgauge.instrument.usage import normal_finish_reason
from agentgauge.record import Record

OTHER: Final = "other"
"""The label value of what is no name."""

_NAME: Final = re.compile(r"[\w.:@\[\]() -]{1,100}", re.ASCII)
_TOOL_NAME: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)


class Call(Struct, array_like=True):
    """A call to a model whose last line may yet come; times are unix seconds, 0 where unknown."""

    usage: Usage
    start: float
    end: float
    stop: str = ""


class Turn(Struct, array_like=True):
    """A prompt and what followed; times are unix seconds, 0 where unknown."""

    start: float
    end: float = 0.0
    calls: int = 0
    tools: int = 0
    outcome: str = "success"
    error: str = ""
    stop: str = ""

    def fail(self, outcome: str, error: str) -> None:
        """Say how it ended."""
        self.outcome, self.error, self.stop = outcome, error, outcome


class Conversation(Struct, array_like=True):
    """The main thread of a file, or that of a subagent inside it.

    Args:
        agent: the label value.
        message: the last message's id, hashed, and ``owned`` whether it was counted here rather than copied.
        provider: of the last call, and its ``model``.
        asked: unix seconds at which the model was last given something to answer; 0 for never.
        tip: the last line's uuid, hashed; followed for inline subagents alone.
    """

    agent: str
    message: str = ""
    owned: bool = False
    provider: str = "anthropic"
    model: str = ""
    asked: float = 0.0
    tip: str = ""
    call: Call | None = None
    turn: Turn | None = None

    def running(self) -> Turn:
        """Return the run in progress; one whose prompt was not seen begins now."""
        if self.turn is None:
            self.turn = Turn(0.0)
        return self.turn

    def end_call(self, records: list[Record]) -> None:
        """Append the record of the call in progress: no line of it will follow."""
        call, self.call = self.call, None
        if call is None:
            return
        usage = call.usage
        read, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        hour = (usage.cache_creation.ephemeral_1h_input_tokens or 0) if usage.cache_creation else 0
        amounts: dict[str, float] = {
            "input_tokens": (usage.input_tokens or 0) + read + written,
            "output_tokens": usage.output_tokens or 0,
            "cache_read_input_tokens": read,
            "cache_write_input_tokens": written,
        }
        provider = "" if self.provider == OTHER else self.provider
        cost = pricing.cost_usd(
            self.model,
            provider=provider,
            time=call.end or None,
            input_tokens=amounts["input_tokens"],
            output_tokens=amounts["output_tokens"],
            cache_read_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=min(hour, written),
            searches=(usage.server_tool_use.web_search_requests or 0) if usage.server_tool_use else 0,
            speed="fast" if usage.speed == "fast" else "",
            processing="batch" if usage.service_tier == "batch" else "",
        )
        if cost is None:
            amounts["unpriced"] = 1.0
        else:
            amounts["cost_usd"] = cost
        if call.start and call.end >= call.start:
            amounts["duration_seconds"] = call.end - call.start
        source = pricing.UNPRICED if cost is None else pricing.source_of(self.model, provider)
        record = self._llm(call.end, amounts, cost_source=source)
        finished(record, normal_finish_reason(call.stop))
        records.append(record)

    def fail_call(self, error: str, time: float, records: list[Record]) -> None:
        """Append the record of a call that failed at ``time`` with an error of the given type."""
        self.end_call(records)
        # Errors are counted by their durations, so that one without a beginning has 0.
        duration = time - self.asked if 0 < self.asked <= time else 0.0
        records.append(self._llm(time, {"duration_seconds": duration}, error_type=error))
        turn = self.running()
        turn.calls += 1
        turn.end = max(turn.end, time)
        self.asked = time or self.asked  # a retry begins where the attempt before it failed

    def end_turn(self, records: list[Record], duration: float = 0.0) -> None:
        """Append the record of the run in progress; one without a call is none.

        Args:
            records: what is appended to.
            duration: seconds where they are known better than from the run's lines.
        """
        self.end_call(records)
        turn, self.turn = self.turn, None
        if turn is None or not turn.calls:
            return
        labels = {"gen_ai_agent_name": self.agent, "task_type": "", "error_type": turn.error, "outcome": turn.outcome}
        amounts: dict[str, float] = {"inference_calls": turn.calls, "tool_calls": turn.tools}
        if duration or (turn.start and turn.end >= turn.start):
            amounts["duration_seconds"] = duration or turn.end - turn.start
        records.append(Record("agent", turn.end or turn.start, labels, amounts))

    def _llm(self, time: float, amounts: dict[str, float], *, error_type: str = "", cost_source: str = "") -> Record:
        return Record("llm", time, llm_labels(self.agent, self.provider, self.model, error_type, cost_source), amounts)


@lru_cache(maxsize=1024)
def label(value: str, otherwise: str) -> str:
    """Return a name as a label value: ``otherwise`` for none, "other" for what is no name."""
    if not value:
        return otherwise
    return value if _NAME.fullmatch(value) else OTHER


def tool_name(value: str) -> str:
    """Return a tool's name as a label value, "other" for what is no name."""
    return value if _TOOL_NAME.fullmatch(value) else OTHER


def llm_labels(agent: str, provider: str, model: str, error_type: str, cost_source: str) -> dict[str, str]:
    """Return the labels of a call to a model."""
    return {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": provider,
        "gen_ai_request_model": model,
        "gen_ai_agent_name": agent,
        "task_type": "",
        "error_type": error_type,
        "cost_source": cost_source,
    }


def finished(record: Record, reason: str) -> None:
    """Say in the record of a call to a model why its response ended; an empty reason says nothing."""
    if reason:
        record.labels["finish_reason"], record.amounts["responses"] = reason, 1.0


def tool_labels(name: str, agent: str, error_type: str) -> dict[str, str]:
    """Return the labels of a call to a tool; those of MCP servers are extensions."""
    return {
        "gen_ai_tool_name": name,
        "gen_ai_tool_type": "extension" if name.startswith("mcp__") else "function",
        "gen_ai_agent_name": agent,
        "error_type": error_type,
    }


def provider_and_model(model: str, message: str) -> tuple[str, str]:
    """Return OpenTelemetry's name of the provider that serves a model, and the model's without account or path.

    Args:
        model: as the transcript says.
        message: the message's id, whose prefix tells Bedrock and Vertex.
    """
    name = model.rsplit("/", 1)[-1]
    if model.startswith("arn:aws") or "anthropic.claude" in name or message.startswith("msg_bdrk_"):
        return "aws.bedrock", label(name, "")
    if (name.startswith("claude") and "@" in name) or message.startswith("msg_vrtx_"):
        return "gcp.vertex_ai", label(name, "")
    return ("anthropic" if name.startswith("claude") or not name else OTHER), label(name, "")
