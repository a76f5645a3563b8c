"""Prices of one's own, in LiteLLM's format, come before list prices."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentgauge as ag
from agentgauge import pricing
from agentgauge.errors import ConfigurationError
from agentgauge.price_file import PriceFile
from agentgauge.testing import assert_recorded, recorded_of, recording

BODY: dict[str, Any] = {
    "sample_spec": {"input_cost_per_token": "a price in words", "mode": "one of: chat, embedding"},
    "fallback_generalizations": {"rules": [{"name": "x", "pattern": "y"}]},
    "my-model": {"input_cost_per_token": 1e-6, "output_cost_per_token": 5e-6, "litellm_provider": "mine"},
    "gpt-4o": {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6},
    "azure/gpt-4o": {"input_cost_per_token": 3e-6, "output_cost_per_token": 9e-6},
    "claude-long": {
        "input_cost_per_token": 3e-6,
        "input_cost_per_token_above_200k_tokens": 6e-6,
        "output_cost_per_token": 15e-6,
        "output_cost_per_token_above_200k_tokens": 22.5e-6,
        "cache_read_input_token_cost": 0.3e-6,
        "cache_read_input_token_cost_above_200k_tokens": 0.6e-6,
        "cache_creation_input_token_cost": 3.75e-6,
        "cache_creation_input_token_cost_above_1hr": 6e-6,
        "input_cost_per_token_batches": 1.5e-6,
        "output_cost_per_token_batches": 7.5e-6,
        "search_context_cost_per_query": {"search_context_size_medium": 0.01},
        "max_tokens": 64000,
        "supports_vision": True,
    },
    "an-image-model": {"output_cost_per_image": 0.04},
}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(BODY))
    monkeypatch.setenv("AGENTGAUGE_PRICES", str(file))
    pricing.own_prices.cache_clear()
    yield file
    pricing.own_prices.cache_clear()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("model", "provider", "amounts", "cost"),
    [
        ("my-model", "", {"input_tokens": 1000, "output_tokens": 100}, 1000e-6 + 500e-6),
        ("my-model", "", {"input_tokens": 1000, "output_tokens": 0, "cache_read_tokens": 900}, 1000e-6),
        ("gpt-4o", "openai", {"input_tokens": 1000, "output_tokens": 0}, 2000e-6),
        ("gpt-4o", "azure.ai.openai", {"input_tokens": 1000, "output_tokens": 0}, 3000e-6),
        (
            "claude-long",
            "anthropic",
            {
                "input_tokens": 100_000,
                "output_tokens": 1000,
                "cache_read_tokens": 50_000,
                "cache_write_tokens": 20_000,
                "cache_write_1h_tokens": 5_000,
                "searches": 2,
            },
            30_000 * 3e-6 + 50_000 * 0.3e-6 + 15_000 * 3.75e-6 + 5_000 * 6e-6 + 1000 * 15e-6 + 0.02,
        ),
        (
            "claude-long",
            "",
            {"input_tokens": 300_000, "output_tokens": 1000, "cache_read_tokens": 100_000},
            200_000 * 6e-6 + 100_000 * 0.6e-6 + 1000 * 22.5e-6,
        ),
        (
            "claude-long",
            "",
            {"input_tokens": 1000, "output_tokens": 1000, "processing": "batch"},
            1000 * 1.5e-6 + 1000 * 7.5e-6,
        ),
    ],
)
def test_the_file_comes_first(model: str, provider: str, amounts: dict[str, Any], cost: float) -> None:
    assert pricing.cost_usd(model, provider=provider, **amounts) == pytest.approx(cost)
    assert pricing.source_of(model, provider) == "price_file"


@pytest.mark.usefixtures("path")
def test_what_the_file_does_not_price_has_its_list_price() -> None:
    assert pricing.cost_usd("gpt-4o-mini", input_tokens=1_000_000, output_tokens=0) == pytest.approx(0.15)
    assert pricing.source_of("gpt-4o-mini") == "genai-prices"
    assert pricing.cost_usd("an-image-model", input_tokens=1, output_tokens=1) is None


@pytest.mark.usefixtures("path")
def test_a_recorded_call_is_priced_by_the_file_and_says_so() -> None:
    with recording():
        with ag.llm_call("my-model", provider="mine") as call:
            call.usage(input_tokens=1_000_000, output_tokens=0)
        cost = recorded_of("agentgauge_llm_cost_usd_total", gen_ai_request_model="my-model", cost_source="price_file")
        assert cost.count == pytest.approx(1.0)
        assert_recorded("agentgauge_llm_unpriced_calls_total", count=0, gen_ai_request_model="my-model")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON: "),
        ("[]", "must be an object of models, each an object of costs"),
        ('{"m": 3}', "must be an object of models"),
        ('{"m": {"input_cost_per_token": "much"}}', "m: input_cost_per_token: must be a number >= 0, in USD"),
        ('{"m": {"output_cost_per_token": -1}}', "m: output_cost_per_token: must be a number >= 0"),
        ('{"m": {"input_cost_per_token": NaN}}', "m: input_cost_per_token: must be a number >= 0"),
        ("[" * 100_000, "not JSON: "),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_line_and_costs_nobody_a_call(
    path: Path, text: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        PriceFile(path)
    assert str(error.value).startswith(f"{path}: ")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)
    for _ in range(2):
        assert pricing.cost_usd("gpt-4o-mini", input_tokens=1_000_000, output_tokens=0) == pytest.approx(0.15)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith("; list prices are used")


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"prices\.json: cannot be read: No such file or directory"):
        PriceFile(tmp_path / "prices.json")
