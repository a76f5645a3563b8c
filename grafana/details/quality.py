"""The details' first rows: what the work is worth, and what goes into it."""

from grafana.panels import GREEN, RED, YELLOW, Panel, Query, graph, link, number

_MODEL = '{gen_ai_request_model=~"$model"}'
_RESPONSES = "agentgauge_llm_responses_total"


def scores() -> list[Panel]:
    """Return the panels on scores."""
    agent = '{gen_ai_agent_name=~"$agent"}'
    only = link(
        "Overview of ${__field.labels.gen_ai_agent_name}",
        "/d/agentgauge-overview?${__url_time_range}&${datasource:queryparam}"
        "&var-agent=${__field.labels.gen_ai_agent_name}",
    )
    return [
        number(
            2101,
            "Quality score",
            "Mean scores of the last hour, weighted as the exporter's configuration says; of all agents.",
            [Query("max(fleet:agentgauge_quality_score:ratio_1h)", "all agents", instant=True)],
            "percentunit",
            width=4,
            thresholds=[(None, RED), (0.6, YELLOW), (0.8, GREEN)],
            no_value="no evaluation",
            decimals=0,
        ).height(8),
        graph(
            2102,
            "Quality score by agent",
            "Mean scores of the last hour, weighted as the exporter's configuration says. What was not evaluated does "
            "not count.",
            [Query(f"agent:agentgauge_quality_score:ratio_1h{agent}", "{{gen_ai_agent_name}}")],
            "percentunit",
            width=10,
            maximum=1,
        ).data_links([only]),
        graph(
            2103,
            "Scores that make it up",
            "Mean score of the last hour by evaluation and agent.",
            [
                Query(
                    f"agent:agentgauge_evaluation_score_ratio:mean_1h{agent}",
                    "{{gen_ai_evaluation_name}} {{gen_ai_agent_name}}",
                )
            ],
            "percentunit",
            width=10,
            maximum=1,
        ).data_links([only]),
    ]


def prompts() -> list[Panel]:
    """Return the panels on what models were given and why they stopped."""
    by_model = "sum by (gen_ai_request_model)"
    cut_off = f'{_RESPONSES}{{gen_ai_request_model=~"$model", finish_reason="length"}}'
    return [
        graph(
            2201,
            "Responses by reason",
            "Why models' responses ended, per minute: length is a response cut off.",
            [
                Query(
                    f"60 * sum by (finish_reason) (rate({_RESPONSES}{_MODEL}[$__rate_interval]))",
                    "{{finish_reason}}",
                )
            ],
            "short",
            width=6,
            stacked=True,
        ),
        graph(
            2202,
            "Responses cut off",
            "Share of responses that ended because they were as long as allowed, by model.",
            [
                Query(
                    f"({by_model} (rate({cut_off}[$__rate_interval]))"
                    f" or 0 * {by_model} (rate({_RESPONSES}{_MODEL}[$__rate_interval])))"
                    f" / ({by_model} (rate({_RESPONSES}{_MODEL}[$__rate_interval])) > 0)",
                    "{{gen_ai_request_model}}",
                )
            ],
            "percentunit",
            width=6,
            maximum=1,
        ),
        graph(
            2203,
            "Input tokens saved",
            "Tokens a second that compressing prompts saved, by model; they are no part of the input.",
            [
                Query(
                    f"{by_model} (rate(agentgauge_llm_saved_input_tokens_total{_MODEL}[$__rate_interval]))",
                    "{{gen_ai_request_model}}",
                )
            ],
            "short",
            width=6,
            stacked=True,
        ),
        graph(
            2204,
            "Effect of compression",
            "Share of the input that compressing prompts saved over five minutes, where prompts are compressed.",
            [
                Query(
                    f"llm:agentgauge_llm_saved_input_tokens:ratio_5m{_MODEL}",
                    "{{gen_ai_provider_name}} {{gen_ai_request_model}}",
                )
            ],
            "percentunit",
            width=6,
            maximum=1,
        ),
        graph(
            2205,
            "Tokens of a call",
            "95th percentile by model and type; input includes what was read from the provider's cache.",
            [
                Query(
                    "histogram_quantile(0.95, sum by (gen_ai_request_model, gen_ai_token_type, le)"
                    f" (rate(gen_ai_client_token_usage_bucket{_MODEL}[$__rate_interval])))",
                    "{{gen_ai_request_model}} {{gen_ai_token_type}}",
                )
            ],
            "short",
        ),
        graph(
            2206,
            "Time between chunks",
            "95th percentile, over streamed calls, of the mean time between a response's chunks.",
            [
                Query(
                    "histogram_quantile(0.95, sum by (gen_ai_request_model, le)"
                    " (rate(gen_ai_client_operation_time_per_output_chunk_seconds_bucket"
                    f"{_MODEL}[$__rate_interval])))",
                    "{{gen_ai_request_model}}",
                )
            ],
            "s",
        ),
        graph(
            2207,
            "Budgets in USD",
            "What is spent of each budget in its current period, and its limit.",
            [
                Query(
                    "max by (budget) (agentgauge_budget_used_ratio * agentgauge_budget_limit_usd)", "{{budget}} spent"
                ),
                Query("max by (budget) (agentgauge_budget_limit_usd)", "{{budget}} limit"),
            ],
            "currencyUSD",
        ),
    ]
