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
    counted = cost(model, plain=plain, read=read, write=write, hour=hour, output=output, time=when)
    assert counted == pytest.approx(float(expected.total_price), abs=1e-9)


def cost(
    model: str,
    *,
    plain: float = 0,
    read: float = 0,
    write: float = 0,
    hour: float = 0,
    output: float = 0,
    time: float | None = None,
) -> float:
    value = pricing.cost_usd(
        model,
        input_tokens=plain + read + write + hour,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=write + hour,
        cache_write_1h_tokens=hour,
        time=time,
    )
    assert value is not None
    return value


def test_cache_multipliers_of_anthropic() -> None:
    plain = cost("claude-opus-4-5", plain=100_000)
    assert cost("claude-opus-4-5", read=100_000) == pytest.approx(0.1 * plain)
    assert cost("claude-opus-4-5", write=100_000) == pytest.approx(1.25 * plain)
    assert cost("claude-opus-4-5", hour=100_000) == pytest.approx(2 * plain)


def test_the_price_is_that_of_the_time_of_the_call() -> None:
    days = [datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)]
    usage = Usage(input_tokens=500_000)
    before, after = (calc_price(usage, "claude-opus-4-6", genai_request_timestamp=day).total_price for day in days)
    assert before != after
    costs = [cost("claude-opus-4-6", plain=500_000, time=day.timestamp()) for day in days]
    assert costs == pytest.approx([float(before), float(after)])


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
    counted = pricing.cost_usd(model, provider=provider, input_tokens=1000, output_tokens=1000)
    assert counted is not None
    assert counted > 0


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
            counted = (
                cost(model, plain=1000) * usage["inputTokens"]
                + cost(model, read=1000) * usage["cacheReadInputTokens"]
                + cost(model, write=1000) * usage["cacheCreationInputTokens"]
                + cost(model, output=1000) * usage["outputTokens"]
            ) / 1000
            differences.append(abs(counted - usage["costUSD"]))
    assert len(differences) == 80
    assert max(differences) < 1e-6
