"""The overview board: its variables, annotations, links, and the order of its rows."""

from typing import Any, Final

from grafana import sdk
from grafana.boards import Row, board, choice, query_variable
from grafana.overview import details, fleet, hooks, llm, machinery, signals

UID: Final = "agentgauge-overview"
_MODELS: Final = (
    '{__name__=~"gen_ai_client_operation_duration_seconds_count|agentgauge_llm_cost_usd_total'
    '|agentgauge_llm_unpriced_calls_total", gen_ai_agent_name=~"$agent"}'
)
_WORST_FIRST: Final = 'sort_desc(abs(max without (instance, job) (agentgauge_signal_zscore{signal=~"$signal"})))'


def overview() -> Any:
    """Return the built dashboard, the SDK's model."""
    words = "State of a fleet of AI agents: rate, errors, duration, tokens, cost, hooks, anomalies."
    return board(UID, "agentgauge overview", words, _rows(), _variables())


def _rows() -> list[Row]:
    return [
        Row(100, "Fleet", fleet.state()),
        Row(200, "Agents", fleet.agents()),
        Row(300, "Calls to models", llm.calls()),
        Row(400, "Hooks", hooks.hooks()),
        Row(500, "Anomalies", signals.anomalies()),
        Row(600, "Regressions and forecast", signals.regressions()),
        Row(700, "More about signals", signals.more(), collapsed=True),
        Row(800, "Tools", details.tools(), collapsed=True),
        Row(900, "Workflows", details.workflows(), collapsed=True),
        Row(1000, "Quality", details.quality(), collapsed=True),
        Row(1100, "Processes", machinery.processes(), collapsed=True),
        Row(1200, "agentgauge itself", machinery.itself(), collapsed=True),
    ]


def _variables() -> list[Any]:
    labels = {
        "agent": ("Agent", "label_values(agentgauge_agent_runs_total, gen_ai_agent_name)"),
        "task_type": (
            "Task",
            'label_values(agentgauge_agent_runs_total{gen_ai_agent_name=~"$agent"}, task_type)',
        ),
        "model": ("Model", f"label_values({_MODELS}, gen_ai_request_model)"),
        "signal": ("Signal", "label_values(agentgauge_signal_value, signal)"),
    }
    chosen = query_variable("series", "Series", f"query_result({_WORST_FIRST})", sort="DISABLED")
    # The label set as text, to be put between the braces of a selector; the worst series comes first.
    chosen.regex(r"/\{(.*)\}/").description("The series shown with its band; the one that deviates most comes first.")
    horizon = query_variable("horizon", "Horizon", "label_values(agentgauge_signal_forecast, horizon)")
    return [
        *(choice(name, label, query) for name, (label, query) in labels.items()),
        chosen,
        horizon.hide(sdk.dashboard_model.VariableHide.HIDE_VARIABLE),
    ]
