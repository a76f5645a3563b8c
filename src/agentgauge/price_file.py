"""Price file: prices of one's own, in the format of LiteLLM's ``model_prices_and_context_window.json``.

LiteLLM's own file is one, and so is the smallest that says what is missing elsewhere::

    {"my-model": {"input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06}}

Source of the format: https://docs.litellm.ai/docs/proxy/model_cost_map. All costs are USD for one unit; what is not
priced by tokens is left out.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agentgauge.errors import ConfigurationError
from agentgauge.rates import Rates

ENVIRONMENT: Final = "AGENTGAUGE_PRICES"
"""The environment variable that names the file."""

Tiers = tuple[Rates, ...]

_NOT_MODELS: Final = ("sample_spec", "fallback_generalizations")
_ABOVE: Final = re.compile(r"_above_(\d+)k_tokens$")
# LiteLLM's prefixes of model names, where OpenTelemetry names a provider differently.
_PREFIXES: Final = {
    "aws.bedrock": "bedrock",
    "azure.ai.inference": "azure_ai",
    "azure.ai.openai": "azure",
    "gcp.gemini": "gemini",
    "gcp.gen_ai": "gemini",
    "gcp.vertex_ai": "vertex_ai",
    "mistral_ai": "mistral",
    "x_ai": "xai",
}


class PriceFile:
    """The prices of one file.

    Args:
        path: a JSON file.

    Raises:
        ConfigurationError: it cannot be read, is no JSON object of objects, or has a cost that is no number >= 0.
    """

    def __init__(self, path: Path) -> None:
        try:
            body = json.loads(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{path}: not JSON: {error}") from error
        if not isinstance(body, dict) or not all(isinstance(entry, dict) for entry in body.values()):
            raise ConfigurationError(f"{path}: must be an object of models, each an object of costs")
        self._plain: dict[str, Tiers] = {}
        self._batch: dict[str, Tiers] = {}
        for model, entry in body.items():
            if model not in _NOT_MODELS:
                try:
                    self._add(model, entry)
                except ConfigurationError as error:
                    raise ConfigurationError(f"{path}: {model}: {error}") from None

    def tiers(self, provider: str, model: str, processing: str = "") -> Tiers | None:
        """Return a model's rates by ascending number of input tokens, or None where the file has none.

        Args:
            provider: its OpenTelemetry name, or empty; ``provider/model`` comes before ``model`` alone.
            model: the model's name.
            processing: "batch" for the price of batches, where there is one.
        """
        names = (f"{_PREFIXES.get(provider, provider)}/{model}", model)
        name = next((name for name in names if name in self._plain), None)
        if name is None:
            return None
        return self._batch.get(name, self._plain[name]) if processing == "batch" else self._plain[name]

    def _add(self, model: str, entry: Mapping[str, Any]) -> None:
        costs = {key: _cost(key, value) for key, value in entry.items() if "_token" in key and "cost" in key}
        if costs.get("input_cost_per_token") is None and costs.get("output_cost_per_token") is None:
            return
        search = entry.get("search_context_cost_per_query")
        per_search = search.get("search_context_size_medium") if isinstance(search, dict) else None
        searches = _cost("search_context_size_medium", per_search) or 0.0
        self._plain[model] = _tiers(costs, "", searches)
        if costs.get("input_cost_per_token_batches") is not None:
            self._batch[model] = _tiers(costs, "_batches", searches)


def _tiers(costs: Mapping[str, float | None], variant: str, search: float) -> Tiers:
    starts = {"": 0.0, **{found[0]: 1000.0 * int(found[1]) for key in costs if (found := _ABOVE.search(key))}}
    return tuple(
        _rates(costs, variant, start, above, search)
        for start, above in sorted(starts.items(), key=lambda item: item[1])
    )


def _rates(costs: Mapping[str, float | None], variant: str, start: str, above: float, search: float) -> Rates:
    def rate(key: str) -> float | None:
        for name in (f"{key}{start}{variant}", f"{key}{variant}{start}", f"{key}{start}", f"{key}{variant}", key):
            found = costs.get(name)
            if found is not None:
                return found
        return None

    plain = rate("input_cost_per_token") or 0.0
    read, write = rate("cache_read_input_token_cost"), rate("cache_creation_input_token_cost")
    hour = rate("cache_creation_input_token_cost_above_1hr")
    if hour is None:
        hour = plain if write is None else 2 * plain  # as Anthropic, who alone sells it, prices it
    return Rates(
        above,
        plain,
        rate("output_cost_per_token") or 0.0,
        plain if read is None else read,
        plain if write is None else write,
        hour,
        search,
    )


def _cost(key: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ConfigurationError(f"{key}: must be a number >= 0, in USD")
    return float(value)
