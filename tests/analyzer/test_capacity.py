from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.analyzer.capacity import CONTEXT, FULL, of_series
from agentgauge.analyzer.series import series
from agentgauge.configuration import Signal
from agentgauge.pricing import context_window

SIGNALS = {signal.name: signal for signal in BUILTIN}


def model(name: str, provider: str = "openai") -> list[tuple[str, str]]:
    return [("gen_ai_provider_name", provider), ("gen_ai_request_model", name)]


def test_a_models_context_has_most_of_its_window_as_its_threshold() -> None:
    assert context_window("gpt-4o", "openai") == 128_000
    found = of_series(SIGNALS[CONTEXT], series(CONTEXT, model("gpt-4o")))
    assert found.threshold == FULL * 128_000


def test_a_model_that_is_not_known_has_none() -> None:
    assert context_window("no such model at all") is None
    assert context_window("") is None
    for labels in (model("no such model at all"), []):
        assert of_series(SIGNALS[CONTEXT], series(CONTEXT, labels)) == SIGNALS[CONTEXT]


def test_a_threshold_of_ones_own_stays_and_other_signals_have_theirs() -> None:
    own = Signal(CONTEXT, "mean", "gen_ai_client_token_usage", threshold=50_000.0)
    assert of_series(own, series(CONTEXT, model("gpt-4o"))) == own
    for name in ("budget_used_ratio", "token_usage"):
        assert of_series(SIGNALS[name], series(name, model("gpt-4o"))) is SIGNALS[name]


def test_capacities_have_a_threshold() -> None:
    assert {name: one.threshold for name, one in SIGNALS.items() if one.threshold is not None} == {
        "budget_used_ratio": 1.0,
        "spool_used_ratio": 1.0,
        "disk_free_ratio": 0.05,
    }
