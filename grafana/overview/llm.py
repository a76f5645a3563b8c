"""The overview's row of calls to models: latency, tokens, money, caches."""

from grafana.overview.fleet import COST
from grafana.panels import GREEN, RED, YELLOW, Panel, Query, gauges, graph

_SELECTOR = '{gen_ai_request_model=~"$model", task_type=~"$task_type"}'


def _p95(metric: str, quantile: float = 0.95) -> str:
    return (
        f"histogram_quantile({quantile}, sum by (gen_ai_request_model, le)"
        f" (rate({metric}_bucket{_SELECTOR}[$__rate_interval])))"
    )


def _tokens(kind: str) -> str:
    return f"sum(rate(gen_ai_client_inference_usage_{kind}_tokens_total{_SELECTOR}[$__rate_interval]))"


def _tokens_by_model(kind: str) -> str:
    return (
        f"sum by (gen_ai_request_model)"
        f" (rate(gen_ai_client_inference_usage_{kind}_tokens_total{_SELECTOR}[$__rate_interval]))"
    )


def calls() -> list[Panel]:
    """Return the panels on calls to models."""
    duration = "gen_ai_client_operation_duration_seconds"
    return [
        graph(
            301,
            "Duration of a call by model",
            "Median and 95th percentile, failed calls included. Calls carry no agent's name: the choice of an agent "
            "narrows the models on offer.",
            [
                Query(_p95(duration), "{{gen_ai_request_model}} p95"),
                Query(_p95(duration, 0.5), "{{gen_ai_request_model}} p50"),
            ],
            "s",
        ),
        graph(
            302,
            "Time to first chunk by model",
            "95th percentile of streamed calls.",
            [Query(_p95("gen_ai_client_operation_time_to_first_chunk_seconds"), "{{gen_ai_request_model}} p95")],
            "s",
        ),
        graph(
            303,
            "Tokens per second by type",
            "Input is split into what was read from the provider's cache, what was written to it, and the rest; output "
            "into reasoning and the rest, so that the stack adds up to all tokens.",
            [
                Query(
                    f"clamp_min({_tokens('input')} - ({_tokens('cache_read_input')} or vector(0))"
                    f" - ({_tokens('cache_write_input')} or vector(0)), 0)",
                    "input",
                ),
                Query(_tokens("cache_read_input"), "input, cache read"),
                Query(_tokens("cache_write_input"), "input, cache write"),
                Query(f"clamp_min({_tokens('output')} - ({_tokens('reasoning_output')} or vector(0)), 0)", "output"),
                Query(_tokens("reasoning_output"), "output, reasoning"),
            ],
            "short",
            stacked=True,
        ),
        graph(
            304,
            "Cost per hour by model",
            "USD per hour at the current pace. A call of unknown price costs 0 here.",
            [
                Query(
                    f"3600 * sum by (gen_ai_request_model) (rate({COST}[$__rate_interval]))",
                    "{{gen_ai_request_model}}",
                )
            ],
            "currencyUSD",
            stacked=True,
        ),
        graph(
            305,
            "Cache hits",
            "Share of input tokens read from the provider's cache, by model; and share of requests your own caches "
            "answered, over five minutes.",
            [
                Query(
                    f"{_tokens_by_model('cache_read_input')} / ({_tokens_by_model('input')} > 0)",
                    "prompt, {{gen_ai_request_model}}",
                ),
                Query("cache:agentgauge_cache_requests:hit_ratio_5m", "{{cache}}"),
            ],
            "percentunit",
            maximum=1,
        ),
        gauges(
            306,
            "Budgets",
            "Share of each budget spent in its current period. Declare budgets in the exporter's configuration.",
            [Query("max by (budget) (agentgauge_budget_used_ratio)", "{{budget}}", instant=True)],
            "percentunit",
            thresholds=[(None, GREEN), (0.8, YELLOW), (1, RED)],
            no_value="no budget declared",
        ),
    ]
