"""Calls to models: tokens from any provider's response, streams, costs."""

import enum
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import agentgauge as ag
from agentgauge.instrument.usage import normal_finish_reason, read_finish_reason, read_usage
from tests.instrument.conftest import Sample

DURATION = "gen_ai_client_operation_duration_seconds"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            {"usage": {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 60}}},
            {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 60},
        ),
        (
            {
                "usage": {
                    "input_tokens": 100,
                    "input_tokens_details": {"cached_tokens": 60},
                    "output_tokens": 20,
                    "output_tokens_details": {"reasoning_tokens": 7},
                }
            },
            {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 60, "reasoning_output_tokens": 7},
        ),
        (
            SimpleNamespace(
                usage=SimpleNamespace(
                    input_tokens=10, output_tokens=5, cache_read_input_tokens=80, cache_creation_input_tokens=9
                )
            ),
            {"input_tokens": 99, "output_tokens": 5, "cache_read_input_tokens": 80, "cache_write_input_tokens": 9},
        ),
        (
            {"usage": {"inputTokens": 10, "outputTokens": 5, "cacheReadInputTokens": 1}},
            {"input_tokens": 11, "output_tokens": 5, "cache_read_input_tokens": 1, "cache_write_input_tokens": 0},
        ),
        (
            {"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3}},
            {"input_tokens": 10, "output_tokens": 8, "reasoning_output_tokens": 3},
        ),
        ({"usage": {"prompt_tokens": "many"}}, {}),
        ({"usage": None}, {}),
        ("text", {}),
    ],
    ids=["openai chat", "openai responses", "anthropic", "bedrock", "google", "no number", "none", "text"],
)
def test_usage_of_each_provider(response: object, expected: dict[str, float]) -> None:
    assert read_usage(response) == expected


def test_a_response_whose_attributes_raise_breaks_nothing(count: Sample) -> None:
    class Hostile:
        @property
        def usage(self) -> Any:
            raise RuntimeError("no")

    response = Hostile()
    assert ag.llm_call("m")(lambda: response)() is response
    assert count(DURATION, gen_ai_request_model="m") == 1


def test_a_decorated_call_reads_tokens_and_model(count: Sample, total: Sample) -> None:
    @ag.llm_call(provider="anthropic")
    def ask() -> dict[str, Any]:
        return {"model": "claude-x", "usage": {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5}}

    ask()
    labels = {"gen_ai_provider_name": "anthropic", "gen_ai_request_model": "claude-x"}
    assert total("gen_ai_client_inference_usage_input_tokens_total", **labels) == 8
    assert total("gen_ai_client_inference_usage_cache_read_input_tokens_total", **labels) == 5
    assert total("gen_ai_client_token_usage", **labels, gen_ai_token_type="output") == 4
    assert count(DURATION, **labels, error_type="") == 1


def test_a_stream_has_its_first_chunk_and_its_usage(count: Sample, total: Sample) -> None:
    @ag.llm_call("gpt-x", provider="openai")
    def stream() -> Iterator[Any]:
        yield "one"
        yield "two"
        yield {"usage": {"prompt_tokens": 9, "completion_tokens": 2}}

    assert len(list(stream())) == 3
    assert count("gen_ai_client_operation_time_to_first_chunk_seconds", gen_ai_request_model="gpt-x") == 1
    assert count("gen_ai_client_operation_time_per_output_chunk_seconds", gen_ai_request_model="gpt-x") == 1
    assert total("gen_ai_client_inference_usage_input_tokens_total", gen_ai_request_model="gpt-x") == 9


def test_a_block_says_its_usage_and_a_failed_one_its_error(count: Sample, total: Sample) -> None:
    with ag.agent("writer"), ag.llm_call("gpt-y", provider="openai", task_type="draft") as call:
        call.usage(input_tokens=7, output_tokens=1, cost_usd=0.25)
    with pytest.raises(ConnectionError), ag.llm_call("gpt-y", provider="openai", task_type="draft"):
        raise ConnectionError
    assert total("agentgauge_llm_cost_usd_total", gen_ai_agent_name="writer", cost_source="reported") == 0.25
    assert count(DURATION, gen_ai_request_model="gpt-y", task_type="draft", error_type="ConnectionError") == 1


def test_what_compression_saved_is_no_part_of_the_input(total: Sample) -> None:
    with ag.llm_call("gpt-c", provider="openai") as call:
        call.usage(input_tokens=300, output_tokens=5, saved_input_tokens=700)
    assert total("agentgauge_llm_saved_input_tokens_total", gen_ai_request_model="gpt-c") == 700
    assert total("gen_ai_client_inference_usage_input_tokens_total", gen_ai_request_model="gpt-c") == 300


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), None, "7", True])
def test_a_wrong_number_is_counted_and_the_others_are_kept(wrong: Any, total: Sample) -> None:
    with ag.llm_call("gpt-z", provider="openai") as call:
        call.usage(input_tokens=7, output_tokens=wrong)
    assert total("gen_ai_client_inference_usage_input_tokens_total", gen_ai_request_model="gpt-z") == 7
    assert total("gen_ai_client_inference_usage_output_tokens_total", gen_ai_request_model="gpt-z") == 0
    assert total("agentgauge_records_total", source="instrument", result="invalid") == 1


def test_a_known_model_is_priced_and_an_unknown_one_is_counted(total: Sample) -> None:
    for model in ("gpt-4o", "no-such-model"):
        with ag.llm_call(model, provider="openai") as call:
            call.usage(input_tokens=1_000_000, output_tokens=100_000, cache_read_input_tokens=400_000)
    cost = total("agentgauge_llm_cost_usd_total", gen_ai_request_model="gpt-4o", cost_source="genai-prices")
    assert cost == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10)
    labels = {"gen_ai_request_model": "no-such-model", "cost_source": "unpriced"}
    assert total("agentgauge_llm_unpriced_calls_total", **labels) == 1


class Reason(enum.Enum):
    """An enumeration as Google's client has it."""

    STOP = 1
    SAFETY = 3


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"choices": [{"finish_reason": "tool_calls"}]}, "tool_call"),
        (SimpleNamespace(choices=[SimpleNamespace(finish_reason="length")]), "length"),
        ({"choices": [{"finish_reason": None, "delta": {}}]}, ""),
        ({"choices": []}, ""),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}, "length"),
        ({"stopReason": "guardrail_intervened"}, "content_filter"),
        ({"messageStop": {"stopReason": "tool_use"}}, "tool_call"),
        ({"candidates": [{"finishReason": "MAX_TOKENS"}]}, "length"),
        (SimpleNamespace(candidates=[SimpleNamespace(finish_reason=Reason.SAFETY)]), "content_filter"),
        ({"status": "completed", "output": [{"type": "message"}]}, "stop"),
        ({"status": "completed", "output": [{"type": "function_call"}]}, "tool_call"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"type": "response.failed", "response": {"status": "failed"}}, "error"),
        ({"stop_reason": "a reason of tomorrow"}, "other"),
        ("text", ""),
    ],
)
def test_why_a_response_ended(response: object, reason: str) -> None:
    assert read_finish_reason(response) == reason


@pytest.mark.parametrize("reason", ["FinishReason.STOP", "STOP", "stop", "end-turn", Reason.STOP])
def test_one_reason_has_one_word(reason: object) -> None:
    assert normal_finish_reason(reason) == "stop"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [
                {
                    "type": "message_start",
                    "message": {
                        "model": "claude-x",
                        "usage": {"input_tokens": 5, "cache_read_input_tokens": 90, "output_tokens": 1},
                    },
                },
                {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 12}},
            ],
            (95, 12, "stop"),
        ),
        (
            [
                {"type": "response.output_text.delta", "delta": "Hi"},
                {
                    "type": "response.completed",
                    "response": {
                        "model": "claude-x",
                        "status": "completed",
                        "usage": {"input_tokens": 95, "output_tokens": 12, "output_tokens_details": {}},
                    },
                },
            ],
            (95, 12, "stop"),
        ),
        (
            [
                {"contentBlockDelta": {"delta": {"text": "Hi"}}},
                {"messageStop": {"stopReason": "max_tokens"}},
                {"metadata": {"usage": {"inputTokens": 95, "outputTokens": 12}}},
            ],
            (95, 12, "length"),
        ),
    ],
    ids=["anthropic", "openai responses", "bedrock"],
)
def test_a_stream_of_events_is_read_as_it_comes(
    events: list[dict[str, Any]], expected: tuple[float, float, str], total: Sample
) -> None:
    @ag.llm_call("claude-x")
    def stream() -> Iterator[dict[str, Any]]:
        yield from events

    assert list(stream()) == events
    read, written, reason = expected
    assert total("gen_ai_client_inference_usage_input_tokens_total", gen_ai_request_model="claude-x") == read
    assert total("gen_ai_client_inference_usage_output_tokens_total", gen_ai_request_model="claude-x") == written
    assert total("agentgauge_llm_responses_total", gen_ai_request_model="claude-x", finish_reason=reason) == 1
