"""The board of details: what the overview has no room for."""

from typing import Any, Final

from grafana.boards import Row, board, choice
from grafana.details import findings, hooks, quality, stores, testing

UID: Final = "agentgauge-details"


def details() -> Any:
    """Return the built dashboard, the SDK's model."""
    words = "What the overview has no room for: quality, prompts, hooks' resources, tests, caches, probes, the spool."
    return board(UID, "agentgauge details", words, _rows(), _variables())


def _rows() -> list[Row]:
    # Other hundreds than the overview's, so that a panel's number alone says which it is.
    return [
        Row(2100, "Quality", quality.scores()),
        Row(2200, "Calls to models and budgets", quality.prompts()),
        Row(2300, "Hooks and permissions", hooks.hooks()),
        Row(2400, "Tests", testing.tests()),
        Row(2500, "Caches, databases, probes, memory", stores.stores(), collapsed=True),
        Row(2600, "Spool", stores.spool()),
        Row(2700, "Findings", findings.findings(), collapsed=True),
    ]


def _variables() -> list[Any]:
    labels = {
        "agent": ("Agent", "label_values(agentgauge_agent_runs_total, gen_ai_agent_name)"),
        "model": ("Model", "label_values(gen_ai_client_operation_duration_seconds_count, gen_ai_request_model)"),
        "signal": ("Signal", "label_values(agentgauge_signal_value, signal)"),
        "hook": ("Hook", "label_values(agentgauge_hook_runs_total, hook_name)"),
    }
    return [choice(name, label, query) for name, (label, query) in labels.items()]
