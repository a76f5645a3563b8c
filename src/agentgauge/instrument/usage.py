"""What a model's response says of its usage, whoever sent it, without importing their packages.

Input tokens include cached ones, as OpenTelemetry's conventions have it: OpenAI and Google report them so,
Anthropic and Bedrock report them apart.
"""

from typing import Any, Final

_INCLUDED: Final = (
    # usage, input, output, read from the cache, reasoning; OpenAI's chat completions, its responses, Google
    ("usage", "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"),
    ("usage", "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"),
)
_APART: Final = (
    # Anthropic, Bedrock's converse
    ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),
)


def read_usage(response: object) -> dict[str, float]:
    """Return a response's token counts by the catalogue's amount names; empty where it has none."""
    usage = _get(response, "usage")
    if usage is None:
        return _google(_get(response, "usage_metadata") or _get(response, "usageMetadata"))
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
    return {}


def read_model(response: object) -> str:
    """Return the model a response names, or the empty string."""
    model = _get(response, "model") or _get(response, "model_version") or _get(response, "modelVersion")
    return model if isinstance(model, str) else ""


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
