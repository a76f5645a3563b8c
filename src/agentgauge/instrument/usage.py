"""What a model's response says of its usage, whoever sent it, without importing their packages.

Input tokens include cached ones, as OpenTelemetry's conventions have it: OpenAI and Google report them so,
Anthropic and Bedrock report them apart.
"""

import json
import re
from contextlib import suppress
from typing import Any, Final

_INCLUDED: Final = (
    # usage, input, output, read from the cache, reasoning; OpenAI's chat completions, its responses, Google
    ("usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"),
    ("usage", "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"),
)
_APART: Final = (
    # Anthropic, Bedrock's converse, what its invoke_model says at a stream's end and in headers
    ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),
    ("inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"),
)
_HEADERS: Final = {
    f"x-amzn-bedrock-{header}-token-count": name
    for header, name in zip(("input", "output", "cache-read-input", "cache-write-input"), _APART[-1], strict=True)
}
_METRICS: Final = "amazon-bedrock-invocationMetrics"
_TELLING: Final = re.compile(rb'"(?:usage|model|stop_?reason|amazon-bedrock-invocationMetrics)"', re.IGNORECASE)
_COUNT: Final = re.compile(r"[0-9]{1,12}")
_LONGEST_CHUNK: Final = 1 << 20

_FINISH_REASONS: Final = {
    word: normal
    for normal, words in {
        "stop": ("stop", "end_turn", "stop_sequence", "complete", "completed", "eos", "pause_turn"),
        "length": ("length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"),
        "tool_call": ("tool_call", "tool_calls", "tool_use", "function_call"),
        "content_filter": (
            "content_filter",
            "content_filtered",
            "guardrail_intervened",
            "refusal",
            "safety",
            "image_safety",
            "recitation",
            "blocklist",
            "prohibited_content",
            "spii",
        ),
        "error": ("error", "failed", "malformed_function_call", "unexpected_tool_call"),
    }.items()
    for word in words
}
_MESSAGE_IN: Final = ("message", "response", "metadata", "delta", "messageStop")


def read_usage(response: object) -> dict[str, float]:
    """Return a response's token counts by the catalogue's amount names; empty where it has none."""
    usage = _get(response, "usage") or _get(response, _METRICS)
    if usage is None:
        google = _get(response, "usage_metadata") or _get(response, "usageMetadata")
        if google is not None:
            return _google(google)
        # Events of streams: Anthropic's message_start, OpenAI's response.completed, Bedrock's metadata.
        inner = _inner(response)
        usage = _get(inner, "usage") or _of_headers(response)
        if not usage:
            return {}
    for read_input, read_output, cache_read, cache_write in _APART:
        has_cache = _get(usage, cache_read) is not None or _get(usage, cache_write) is not None
        if _number(usage, read_input) is not None and (has_cache or not _details(usage)):
            read, written = _number(usage, cache_read) or 0.0, _number(usage, cache_write) or 0.0
            return _counts(
                (_number(usage, read_input) or 0.0) + read + written, _number(usage, read_output), read, written, None
            )
    for _, read_input, read_output, input_details, output_details in _INCLUDED:
        if _number(usage, read_input) is not None:
            return _counts(
                _number(usage, read_input),
                _number(usage, read_output),
                _number(_get(usage, input_details), "cached_tokens"),
                None,
                _number(_get(usage, output_details), "reasoning_tokens"),
            )
    # Anthropic's message_delta tells the output alone.
    return _counts(None, _number(usage, "output_tokens"), None, None, None)


def unpacked(response: object) -> object:
    """Return what is in a chunk of Bedrock's invoke_model_with_response_stream, or the response itself."""
    packed = _get(_get(response, "chunk"), "bytes") if isinstance(response, dict) else None
    if isinstance(packed, bytes) and len(packed) <= _LONGEST_CHUNK and _TELLING.search(packed):
        with suppress(ValueError, RecursionError):
            return json.loads(packed)
    return response


def read_snapshot(stream: object) -> object:
    """Return the response as far as a stream has been read, where it keeps one: Anthropic's and OpenAI's do."""
    for name in ("current_message_snapshot", "current_completion_snapshot"):
        snapshot = _get(stream, name)
        if snapshot is not None:
            return snapshot
    return None


def read_model(response: object) -> str:
    """Return the model a response names, or the empty string."""
    for holder in (response, _inner(response)):
        model = _get(holder, "model") or _get(holder, "model_version") or _get(holder, "modelVersion")
        if isinstance(model, str):
            return model
    return ""


def read_finish_reason(response: object) -> str:
    """Return why a response ended, in the words of ``normal_finish_reason``; empty where it does not say."""
    for holder in (response, _inner(response)):
        for name in ("stop_reason", "stopReason", "finish_reason"):
            found = normal_finish_reason(_get(holder, name))
            if found:
                return found
        for several in ("choices", "candidates"):
            first = _first(_get(holder, several))
            found = normal_finish_reason(_get(first, "finish_reason") or _get(first, "finishReason"))
            if found:
                return found
        status = _get(holder, "status")  # OpenAI's responses
        if status == "completed":
            calls = any(_get(item, "type") == "function_call" for item in _items(_get(holder, "output")))
            return "tool_call" if calls else "stop"
        if status in {"incomplete", "failed"}:
            return normal_finish_reason(_get(_get(holder, "incomplete_details"), "reason")) or "error"
    return ""


def normal_finish_reason(reason: object) -> str:
    """Return a provider's reason in OpenTelemetry's words, or ``other``; empty for none.

    The words are those of the conventions' output messages: stop, length, content_filter, tool_call, error.
    """
    if not isinstance(reason, str):
        reason = _get(reason, "name")  # an enumeration, as Google has it
    if not isinstance(reason, str) or not reason:
        return ""
    return _FINISH_REASONS.get(reason.rpartition(".")[2].lower().replace("-", "_"), "other")


def _google(usage: object) -> dict[str, float]:
    def count(snake: str, camel: str) -> float | None:
        found = _number(usage, snake)
        return _number(usage, camel) if found is None else found

    read_input = count("prompt_token_count", "promptTokenCount")
    if read_input is None:
        return {}
    thoughts = count("thoughts_token_count", "thoughtsTokenCount")
    output = (count("candidates_token_count", "candidatesTokenCount") or 0.0) + (thoughts or 0.0)
    return _counts(read_input, output, count("cached_content_token_count", "cachedContentTokenCount"), None, thoughts)


def _of_headers(response: object) -> dict[str, float]:
    """Return the counts that Bedrock's invoke_model tells in headers: its body has not been read yet."""
    headers = _get(_get(response, "ResponseMetadata"), "HTTPHeaders")
    counts = {name: _get(headers, header) for header, name in _HEADERS.items()} if isinstance(headers, dict) else {}
    return {name: float(count) for name, count in counts.items() if isinstance(count, str) and _COUNT.fullmatch(count)}


def _counts(
    read: float | None, written: float | None, cache_read: float | None, cache_write: float | None, reason: float | None
) -> dict[str, float]:
    counts = {
        "input_tokens": read,
        "output_tokens": written,
        "cache_read_input_tokens": cache_read,
        "cache_write_input_tokens": cache_write,
        "reasoning_output_tokens": reason,
    }
    return {name: count for name, count in counts.items() if count is not None}


def _details(usage: object) -> bool:
    return any(_get(usage, name) is not None for name in ("input_tokens_details", "prompt_tokens_details"))


def _inner(response: object) -> object:
    """Return what an event of a stream is about, or None."""
    return next((found for name in _MESSAGE_IN if (found := _get(response, name)) is not None), None)


def _first(several: object) -> object:
    return next(iter(_items(several)), None)


def _items(several: object) -> list[Any]:
    return list(several) if isinstance(several, (list, tuple)) else []


def _get(holder: object, name: str) -> Any:
    """Return a mapping's entry or an object's attribute, or None: a response's own code may raise anything."""
    try:
        return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)
    except Exception:  # noqa: BLE001
        return None


def _number(holder: object, name: str) -> float | None:
    value = _get(holder, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < float("inf") else None
