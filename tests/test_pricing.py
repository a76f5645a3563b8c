"""Prices equal those of genai-prices itself, and what Claude Code reported for real sessions."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from agentgauge import pricing

MODELS = ("claude-sonnet-4-5-20250929", "claude-opus-4-6", "claude-opus-4-7", "claude-3-5-haiku-20241022", "gpt-5")
TOKENS = st.integers(0, 300_000)


@given(
    model=st.sampled_from(MODELS),
    plain=TOKENS,
    read=TOKENS,
    write=TOKENS,
    hour=TOKENS,
    output=TOKENS,
    day=st.integers(0, 900),
)
def test_cost_is_what_genai_prices_says(
    model: str, plain: int, read: int, write: int, hour: int, output: int, day: int
) -> None:
    if model == "gpt-5":
        hour = 0  # genai-prices has no such price for it
    when = datetime(2024, 6, 1, tzinfo=UTC).timestamp() + 86400 * day
    usage = Usage(
        input_tokens=plain + read + write + hour,
        cache_read_tokens=read,
        cache_write_tokens=write + hour,
        cache_write_1h_tokens=hour,
        output_tokens=output,
    )
    expected = calc_price(usage, model, genai_request_timestamp=datetime.fromtimestamp(when, UTC))
    cost = pricing.cost_usd(
        model,
        input_tokens=plain + read + write + hour,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=write + hour,
        cache_write_1h_tokens=hour,
        time=when,
    )
    assert cost == pytest.approx(float(expected.total_price), abs=1e-9)


def test_cache_multipliers_of_anthropic() -> None:
    def cost(**tokens: float) -> float:
        amounts = {"input_tokens": 100_000, "output_tokens": 0, **tokens}
        value = pricing.cost_usd("claude-opus-4-5", provider="anthropic", **amounts)
        assert value is not None
        return value

    plain = cost()
    assert cost(cache_read_tokens=100_000) == pytest.approx(0.1 * plain)
    assert cost(cache_write_tokens=100_000) == pytest.approx(1.25 * plain)
    assert cost(cache_write_tokens=100_000, cache_write_1h_tokens=100_000) == pytest.approx(2 * plain)


def test_the_price_is_that_of_the_time_of_the_call() -> None:
    def cost(day: datetime) -> float | None:
        return pricing.cost_usd("claude-opus-4-6", input_tokens=500_000, output_tokens=0, time=day.timestamp())

    before = calc_price(
        Usage(input_tokens=500_000), "claude-opus-4-6", genai_request_timestamp=datetime(2026, 2, 10, tzinfo=UTC)
    )
    after = calc_price(
        Usage(input_tokens=500_000), "claude-opus-4-6", genai_request_timestamp=datetime(2026, 10, 1, tzinfo=UTC)
    )
    assert before.total_price != after.total_price
    assert cost(datetime(2026, 2, 10, tzinfo=UTC)) == pytest.approx(float(before.total_price))
    assert cost(datetime(2026, 10, 1, tzinfo=UTC)) == pytest.approx(float(after.total_price))


def test_fast_and_batch_cost_their_own_price() -> None:
    plain = pricing.cost_usd("claude-opus-5", input_tokens=1000, output_tokens=1000)
    fast = pricing.cost_usd("claude-opus-5", input_tokens=1000, output_tokens=1000, speed="fast")
    batch = pricing.cost_usd("claude-opus-5", input_tokens=1000, output_tokens=1000, processing="batch")
    assert plain is not None
    assert fast is not None
    assert batch is not None
    assert batch < plain < fast


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("gcp.vertex_ai", "claude-sonnet-4@20250514"),
        ("azure.ai.openai", "gpt-4o"),
        ("a-proxy-nobody-knows", "gpt-4o"),
    ],
)
def test_a_provider_is_known_by_its_opentelemetry_name(provider: str, model: str) -> None:
    cost = pricing.cost_usd(model, provider=provider, input_tokens=1000, output_tokens=1000)
    assert cost is not None
    assert cost > 0


def test_an_unknown_model_has_no_price() -> None:
    assert pricing.cost_usd("a-model-nobody-sells", input_tokens=1000, output_tokens=10) is None


def test_costs_that_claude_code_reported() -> None:
    recordings = os.environ.get("AGENTGAUGE_RECORDINGS")
    if not recordings:
        pytest.skip("AGENTGAUGE_RECORDINGS is not set: no recordings to check against")
    lines = (Path(recordings) / "claude_print_results" / "claude_p_json_results.jsonl").read_text().splitlines()
    differences = []
    for line in lines:
        for model, usage in json.loads(line)["modelUsage"].items():
            # A session's sums over its calls, each of less than 200,000 tokens: the price of 1,000 tokens, scaled.
            cost = sum(
                (pricing.cost_usd(model, **{"input_tokens": 0, "output_tokens": 0, **amounts}) or 0.0) * count / 1000
                for count, amounts in (
                    (usage["inputTokens"], {"input_tokens": 1000}),
                    (usage["cacheReadInputTokens"], {"input_tokens": 1000, "cache_read_tokens": 1000}),
                    (usage["cacheCreationInputTokens"], {"input_tokens": 1000, "cache_write_tokens": 1000}),
                    (usage["outputTokens"], {"output_tokens": 1000}),
                )
            )
            differences.append(abs(cost - usage["costUSD"]))
    assert len(differences) == 80
    assert max(differences) < 1e-6
