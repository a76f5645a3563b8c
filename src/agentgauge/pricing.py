"""Prices: what a call to a model costs, from a file of one's own or the genai-prices table of list prices."""

import logging
import os
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentgauge.errors import ConfigurationError
from agentgauge.price_file import ENVIRONMENT, PriceFile
from agentgauge.rates import Rates

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

_log: Final = logging.getLogger("agentgauge")

GENAI_PRICES: Final = "genai-prices"
"""The ``cost_source`` label of a cost computed from the table of list prices."""

PRICE_FILE: Final = "price_file"
"""The ``cost_source`` label of a cost computed from the file that AGENTGAUGE_PRICES names."""

REPORTED: Final = "reported"
"""The ``cost_source`` label of a cost the caller or the provider stated itself."""

UNPRICED: Final = "unpriced"
"""The ``cost_source`` label of a call whose price is not known."""

# OpenTelemetry's provider names where genai-prices has another one.
_PROVIDERS: Final = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
}
# Prices change at a UTC date or, off-peak, at a time of day given in quarters of an hour.
_QUARTER: Final = 900
_HOUR_WRITE: Final = 2.0


def cost_usd(
    model: str,
    *,
    input_tokens: float,
    output_tokens: float,
    cache_read_tokens: float = 0,
    cache_write_tokens: float = 0,
    cache_write_1h_tokens: float = 0,
    searches: float = 0,
    provider: str = "",
    time: float | None = None,
    speed: str = "",
    processing: str = "",
) -> float | None:
    """Return the price of one call in USD, or None where the model's price is not known.

    The file that AGENTGAUGE_PRICES names comes first, then the list prices.

    Args:
        model: the model's name as the provider or the client writes it.
        input_tokens: all of them, read from and written to a cache included.
        output_tokens: all of them, reasoning included.
        cache_read_tokens: input tokens read from the provider's cache.
        cache_write_tokens: input tokens written to it, for an hour included.
        cache_write_1h_tokens: those of them written for an hour.
        searches: web searches the provider made.
        provider: its OpenTelemetry name; empty finds it by the model.
        time: unix seconds of the call, since prices change; None is now.
        speed: "fast" where the provider sells a faster variant.
        processing: "batch" where it sells one.
    """
    moment = datetime.now(UTC).timestamp() if time is None else time
    own = own_prices()
    tiers = own.tiers(provider, model, processing) if own is not None else None
    if tiers is None:
        tiers = _rates(_PROVIDERS.get(provider, provider), model, speed, processing, int(moment // _QUARTER))
    if tiers is None:
        return None
    rates = tiers[0]
    if len(tiers) > 1:
        rates = next(tier for tier in reversed(tiers) if input_tokens > tier.above or tier is tiers[0])
    short_writes = cache_write_tokens - cache_write_1h_tokens
    plain = max(0.0, input_tokens - cache_read_tokens - cache_write_tokens)
    return (
        plain * rates.input
        + output_tokens * rates.output
        + cache_read_tokens * rates.cache_read
        + short_writes * rates.cache_write
        + cache_write_1h_tokens * rates.cache_write_1h
        + searches * rates.search
    )


def context_window(model: str, provider: str = "") -> int | None:
    """Return how many tokens a model reads at most, or None where that is not known.

    Arguments as for ``cost_usd``.
    """
    found = _find(_PROVIDERS.get(provider, provider), model) if model else None
    return found.context_window if found is not None else None


def source_of(model: str, provider: str = "") -> str:
    """Return the ``cost_source`` label of a cost that ``cost_usd`` gave."""
    own = own_prices()
    return GENAI_PRICES if own is None or own.tiers(provider, model) is None else PRICE_FILE


@cache
def own_prices() -> PriceFile | None:
    """Return the prices of the file that AGENTGAUGE_PRICES names, or None; one that cannot be used is logged once."""
    try:
        return read_own_prices()
    except ConfigurationError as error:
        _log.warning("%s; list prices are used", error)
        return None


def read_own_prices() -> PriceFile | None:
    """Return the prices of the file that AGENTGAUGE_PRICES names, or None where it names none.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    path = os.environ.get(ENVIRONMENT)
    return PriceFile(Path(path)) if path else None


@lru_cache(maxsize=4096)
def _rates(provider: str, model: str, speed: str, processing: str, quarter: int) -> tuple[Rates, ...] | None:
    found = _find(provider, model)
    if found is None:
        return None
    context = {"speed": speed, "processing": processing}
    price = found.get_prices(datetime.fromtimestamp(quarter * _QUARTER, UTC), {k: v for k, v in context.items() if v})
    if price.input_mtok is None and price.output_mtok is None:
        return None  # priced by something else than tokens
    starts = {0.0, *(float(tier.start) for value in vars(price).values() for tier in getattr(value, "tiers", ()))}
    return tuple(_rates_above(price, start) for start in sorted(starts))


@lru_cache(maxsize=1024)
def _find(provider: str, model: str) -> "ModelInfo | None":
    # Lazy: the table costs 0.3 s and 30 MB, which a process that prices nothing need not pay.
    from genai_prices import Usage, calc_price

    for candidate in dict.fromkeys((provider or None, None)):
        try:
            return calc_price(Usage(), model, provider_id=candidate).model
        except (LookupError, ValueError):
            continue
    return None


def _rates_above(price: "ModelPrice", start: float) -> Rates:
    plain = _rate(price, "input_mtok", start) or 0.0
    output = _rate(price, "output_mtok", start) or 0.0
    read = _rate(price, "cache_read_mtok", start)
    write = _rate(price, "cache_write_mtok", start)
    hour = _rate(price, "cache_write_1h_mtok", start)
    if hour is None:
        # Only Anthropic sells one-hour writes, at twice the input price; where writes cost nothing extra, these do not.
        hour = plain if write is None else plain * _HOUR_WRITE
    return Rates(
        start,
        plain,
        output,
        plain if read is None else read,
        plain if write is None else write,
        hour,
        (_rate(price, "web_searches_kcount", start) or 0.0) * 1000,
    )


def _rate(price: "ModelPrice", key: str, start: float) -> float | None:
    """Return USD per token of a price for a call with more than ``start`` input tokens."""
    value = getattr(price, key)
    if value is None:
        return None
    tiers = getattr(value, "tiers", ())
    applicable = next((tier.price for tier in reversed(tiers) if start >= tier.start), None)
    return float(applicable if applicable is not None else getattr(value, "base", value)) / 1e6
