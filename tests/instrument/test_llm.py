"""Calls to models: tokens from any provider's response, streams, costs."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import agentgauge as ag
from agentgauge.errors import UsageError
from agentgauge.instrument.usage import read_usage
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
    with pytest.raises(UsageError, match="output_tokens must be a number >= 0, not -1"), ag.llm_call("gpt-y") as call:
        call.usage(output_tokens=-1)


def test_a_known_model_is_priced_and_an_unknown_one_is_counted(total: Sample) -> None:
    for model in ("gpt-4o", "no-such-model"):
        with ag.llm_call(model, provider="openai") as call:
            call.usage(input_tokens=1_000_000, output_tokens=100_000, cache_read_input_tokens=400_000)
    cost = total("agentgauge_llm_cost_usd_total", gen_ai_request_model="gpt-4o", cost_source="genai-prices")
    assert cost == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10)
    labels = {"gen_ai_request_model": "no-such-model", "cost_source": "unpriced"}
    assert total("agentgauge_llm_unpriced_calls_total", **labels) == 1
