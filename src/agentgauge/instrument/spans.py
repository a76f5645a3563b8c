"""Spans: what a finished OpenTelemetry span says of a call to a model, an agent, a tool or a workflow.

Attribute names are those of

* OpenTelemetry's GenAI conventions (registry, attributes/gen-ai), also from before 1.37 (``gen_ai.system``,
  ``gen_ai.usage.prompt_tokens``), and what pydantic-ai and Strands add to them;
* OpenLLMetry (opentelemetry-semantic-conventions-ai: ``traceloop.*``, ``llm.request.type``);
* OpenLIT (openlit/semcov: ``gen_ai.usage.cost``, ``gen_ai.server.time_to_first_token``);
* OpenInference (openinference-semantic-conventions, trace: ``openinference.span.kind``, ``llm.token_count.*``).

Prompts, answers, arguments and results are in other attributes, which are never read.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from agentgauge.instrument.usage import normal_finish_reason

Attributes = Mapping[str, Any]

_BY_OPERATION: Final = {
    "chat": "llm",
    "completion": "llm",
    "embedding": "llm",
    "embeddings": "llm",
    "generate_content": "llm",
    "text_completion": "llm",
    "agent": "agent",
    "invoke_agent": "agent",
    "execute_tool": "tool",
    "invoke_workflow": "workflow",
    # Known to be none of these.
    "create_agent": "",
    "execute_task": "",
    "framework": "",
    "retrieval": "",
    "vectordb": "",
}
_BY_OPENINFERENCE: Final = {"LLM": "llm", "EMBEDDING": "llm", "AGENT": "agent", "TOOL": "tool"}
_BY_TRACELOOP: Final = {"agent": "agent", "tool": "tool", "workflow": "workflow"}
_OPERATIONS: Final = {
    "completion": "text_completion",
    "embedding": "embeddings",
    "EMBEDDING": "embeddings",
    "LLM": "chat",
}
_PROVIDERS: Final = {
    "amazon": "aws.bedrock",
    "aws": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "google": "gcp.gen_ai",
    "google.ai.studio": "gcp.gemini",
    "mistralai": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""One name for a provider that dialects name differently: OpenTelemetry's."""

_OPERATION: Final = ("gen_ai.operation.name", "llm.request.type", "openinference.span.kind")
_PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
_MODEL: Final = (
    "gen_ai.request.model",
    "llm.request.model_name",
    "gen_ai.response.model",
    "llm.model_name",
    "llm.response.model_name",
    "embedding.model_name",
)
_NAMES: Final = {
    "llm": _MODEL,
    "agent": ("gen_ai.agent.name", "agent.name", "agent_name", "traceloop.entity.name"),
    "tool": ("gen_ai.tool.name", "tool.name", "traceloop.entity.name"),
    "workflow": ("gen_ai.workflow.name", "traceloop.entity.name", "traceloop.workflow.name"),
}
_AMOUNTS: Final = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    "cache_read_input_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "cache_write_input_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning_output_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "cost_usd": ("gen_ai.usage.cost", "llm.cost.total", "operation.cost"),
}
_FINISH_REASON: Final = (
    "gen_ai.response.finish_reasons",
    "llm.response.finish_reason",
    "llm.response.stop_reason",
    "llm.finish_reason",
    "gen_ai.completion.0.finish_reason",
)
_STREAMED: Final = ("gen_ai.request.stream", "gen_ai.request.is_stream", "llm.is_streaming")
_CHUNK_EVENT: Final = "llm.content.completion.chunk"


class Reading(NamedTuple):
    """What a span says.

    Args:
        kind: llm, agent, tool, workflow, or empty for anything else.
        name: of the agent, the tool or the workflow.
        labels: of a call to a model, by the catalogue's names, less its agent's and its error's.
        amounts: of a call to a model, by the catalogue's names, less its duration.
    """

    kind: str
    name: str
    labels: dict[str, str]
    amounts: dict[str, float]


def kind_of(name: str, attributes: Attributes, *, outermost: bool = False) -> str | None:
    """Return llm, agent, tool, workflow, the empty string for what is none, or None for a span that does not say.

    Args:
        name: the span's.
        attributes: the span's.
        outermost: whether it is within no other span of its dialect; OpenInference's outermost chain is a workflow.
    """
    operation = attributes.get("gen_ai.operation.name")
    if operation in _BY_OPERATION:
        return _BY_OPERATION[operation]
    openinference = attributes.get("openinference.span.kind")
    if isinstance(openinference, str):
        kind = openinference.upper()
        return "workflow" if kind == "CHAIN" and outermost else _BY_OPENINFERENCE.get(kind, "")
    if isinstance(attributes.get("llm.request.type"), str):
        return "llm"
    traceloop = attributes.get("traceloop.span.kind")
    if isinstance(traceloop, str):
        return _BY_TRACELOOP.get(traceloop.lower(), "")
    if name == "running tool" and "gen_ai.tool.name" in attributes:  # pydantic-ai before its version 3
        return "tool"
    if name == "agent run" and _text(attributes, _NAMES["agent"]):
        return "agent"
    if _text(attributes, ("gen_ai.request.model",)) and _text(attributes, _PROVIDER):
        return "llm"
    return None


def name_of_span(kind: str, name: str, attributes: Attributes) -> str:
    """Return the name of the agent, tool or workflow a span is about."""
    return _text(attributes, _NAMES.get(kind, ())) or name.removeprefix(
        {"agent": "invoke_agent ", "tool": "execute_tool ", "workflow": "invoke_workflow "}.get(kind, "")
    )


def read(span: Any, *, outermost: bool) -> Reading:
    """Read a finished span.

    Args:
        span: an ``opentelemetry.sdk.trace.ReadableSpan``.
        outermost: whether it is within no other span of its dialect.
    """
    attributes: Attributes = span.attributes or {}
    kind = kind_of(span.name, attributes, outermost=outermost) or ""
    if kind != "llm":
        return Reading(kind, name_of_span(kind, span.name, attributes) if kind else "", {}, {})
    operation = _text(attributes, _OPERATION)
    provider = _text(attributes, _PROVIDER).lower()
    labels = {
        "gen_ai_operation_name": _OPERATIONS.get(operation, operation.lower()) or "chat",
        "gen_ai_provider_name": _PROVIDERS.get(provider, provider),
        "gen_ai_request_model": _text(attributes, _MODEL),
    }
    amounts = {name: value for name, names in _AMOUNTS.items() if (value := _number(attributes, names)) is not None}
    cached = amounts.get("cache_read_input_tokens", 0.0) + amounts.get("cache_write_input_tokens", 0.0)
    if cached > amounts.get("input_tokens", math.inf):  # Anthropic's own way to count, handed on as it is
        amounts["input_tokens"] += cached
    amounts |= _times(span, attributes)
    if "cost_usd" in amounts:
        labels["cost_source"] = "reported"
    reason = _finish_reason(attributes)
    if reason:
        labels["finish_reason"] = reason
        amounts["responses"] = 1.0
    return Reading(kind, "", labels, amounts)


def error_of(span: Any) -> str:
    """Return the ``error_type`` label of a span, ``_OTHER`` for an error of no type; empty where there was none.

    ``error.type`` is a word or a class, an exception's event has the class; modules are left out. A span whose status
    is no error has none, but for a cancellation among its events where its status says nothing.
    """
    attributes: Attributes = span.attributes or {}
    status = "UNSET" if span.status is None else span.status.status_code.name
    found = _text(attributes, ("error.type",))
    for event in reversed(span.events or ()):
        if not found and event.name == "exception":
            found = _text(event.attributes or {}, ("exception.type",))
    last = found.rpartition(".")[2] or "_OTHER"
    end = _ENDS.get(last, last[:100])
    return end if status == "ERROR" or (status == "UNSET" and end == "cancelled") else ""


_ENDS: Final = {
    "CancelledError": "cancelled",
    "KeyboardInterrupt": "cancelled",
    "TimeoutError": "timeout",
    "GeneratorExit": "",  # whoever read the stream stopped reading
}


def _times(span: Any, attributes: Attributes) -> dict[str, float]:
    """Return the times to and between the chunks of a stream."""
    first = _number(attributes, ("gen_ai.response.time_to_first_chunk",))
    if first is not None:
        return {"time_to_first_chunk_seconds": first}
    # OpenLIT sets it for calls that were not streamed, too: to their whole duration.
    if any(attributes.get(name) is True for name in _STREAMED):
        times = {
            "time_to_first_chunk_seconds": _number(attributes, ("gen_ai.server.time_to_first_token",)),
            "time_per_output_chunk_seconds": _number(attributes, ("gen_ai.server.time_per_output_token",)),
        }
        if times["time_to_first_chunk_seconds"]:
            return {name: seconds for name, seconds in times.items() if seconds}
    chunks = [event.timestamp for event in span.events or () if event.name == _CHUNK_EVENT]
    if not chunks or span.dropped_events:  # the SDK drops the first ones
        return {}
    found = {"time_to_first_chunk_seconds": max(0.0, (chunks[0] - span.start_time) / 1e9)}
    if len(chunks) > 1:
        found["time_per_output_chunk_seconds"] = max(0.0, (chunks[-1] - chunks[0]) / 1e9 / (len(chunks) - 1))
    return found


def _finish_reason(attributes: Attributes) -> str:
    for name in _FINISH_REASON:
        value = attributes.get(name)
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = value[0] if value else None
        if isinstance(value, str) and value:
            return normal_finish_reason(value)
    return ""


def _text(attributes: Attributes, names: Sequence[str]) -> str:
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _number(attributes: Attributes, names: Sequence[str]) -> float | None:
    for name in names:
        value = attributes.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
            return float(value)
    return None
