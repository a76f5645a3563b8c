"""Calls become records; sums of several calls are shared, to the token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.collectors.call import Caller, Tokens, provider_of, run_records, tool_record
from agentgauge.collectors.conversation import Turn

CALLER = Caller("agent", "openai", "gpt-5")
COUNTS = st.integers(0, 10**9)


@given(st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS), st.integers(1, 50))
def test_shares_add_up_and_differ_by_one(tokens: Tokens, parts: int) -> None:
    shares = [tokens.share(part, parts) for part in range(parts)]
    assert Tokens(*(sum(counts) for counts in zip(*shares, strict=True))) == tokens
    assert all(max(counts) - min(counts) <= 1 for counts in zip(*shares, strict=True))


def test_a_call_has_its_list_price_unless_its_cost_is_stated() -> None:
    tokens = Tokens(input=1000, output=100, cache_read=400)
    listed, stated = CALLER.used(0, tokens), CALLER.used(0, tokens, cost_usd=0.5)
    assert listed.amounts["cost_usd"] == pytest.approx(600 * 1.25e-6 + 400 * 0.125e-6 + 100 * 10e-6)
    assert (listed.labels["cost_source"], stated.labels["cost_source"]) == ("genai-prices", "reported")
    assert stated.amounts["cost_usd"] == 0.5


def test_a_model_without_a_price_is_unpriced() -> None:
    record = Caller("agent", "other", "no-such-model").used(0, Tokens(1, 1))
    assert record.amounts["unpriced"] == 1
    assert "cost_usd" not in record.amounts


def test_many_calls_are_counted_in_bounded_memory() -> None:
    records = CALLER.used_together(0, 10**9, Tokens(input=10**6), cost_usd=1.0)
    assert len(records) == 10_000
    assert sum(record.amounts["input_tokens"] for record in records) == 10**6
    assert sum(record.amounts["cost_usd"] for record in records) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("openrouter/anthropic/claude-3-opus", "anthropic"),
        ("google/gemini-3-pro-preview", "gcp.gen_ai"),
        ("my-own", "other"),
        ("", "other"),
    ],
)
def test_a_models_name_tells_its_provider(model: str, provider: str) -> None:
    assert provider_of(model) == provider


def test_a_run_without_a_call_is_none_and_a_clock_set_back_is_no_negative_time() -> None:
    assert run_records(None, "agent") == run_records(Turn(1.0), "agent") == []
    (record,) = run_records(Turn(5.0, end=1.0, calls=1), "agent")
    assert "duration_seconds" not in record.amounts
    assert tool_record("t", "agent", 0, -1, failed=False).amounts["duration_seconds"] == 0
