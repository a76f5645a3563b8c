from collections.abc import Mapping

import pytest

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.analyzer.opportunities import FEWEST_STEPS, READ, RULES
from agentgauge.analyzer.report import Row
from agentgauge.analyzer.series import series
from tests.analyzer.synthetic import Driven

MODEL = {"gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}
HOOK = {"hook_system": "git", "hook_event": "pre-commit", "hook_name": "lint"}

CASES: list[tuple[str, Mapping[str, str], Mapping[str, float], Mapping[str, float], str, Mapping[str, float]]] = [
    (
        "prompt_caching",
        MODEL,
        {"context_tokens": 20_000, "prompt_cache_ratio": 0.05, "token_usage": 300},
        {"context_tokens": 20_000, "prompt_cache_ratio": 0.9, "token_usage": 300},
        "gpt-4o reads 5% of its 20,000 input tokens a call from the provider's cache: ",
        {"cached_ratio": 0.05, "context_tokens": 20_000, "tokens_per_second": 300},
    ),
    (
        "large_context",
        MODEL,
        {"context_tokens": 96_000, "prompt_cache_ratio": 0.9},
        {"context_tokens": 30_000, "prompt_cache_ratio": 0.9},
        "A call to gpt-4o sends 96,000 tokens on average, 75% of its context window: ",
        {"context_tokens": 96_000, "window_tokens": 128_000},
    ),
    (
        "unpriced_model",
        {"gen_ai_request_model": "mine"},
        {"unpriced_ratio": 1.0},
        {"unpriced_ratio": 0.0},
        "100% of the calls to mine have no known price",
        {"unpriced_ratio": 1.0},
    ),
    (
        "recoveries",
        {"gen_ai_workflow_name": "report"},
        {"recoveries_per_run": 1.5},
        {"recoveries_per_run": 0.1},
        "Workflow report recovers 1.5 times a run: ",
        {"recoveries_per_run": 1.5},
    ),
    (
        "tool_choice",
        {"gen_ai_tool_name": "search"},
        {"tool_choice_error_ratio": 0.4},
        {"tool_choice_error_ratio": 0.1},
        "40% of the judged choices of tool search were wrong: ",
        {"error_ratio": 0.4},
    ),
    (
        "failing_tool",
        {"gen_ai_tool_name": "search"},
        {"tool_error_ratio": 0.25},
        {"tool_error_ratio": 0.1},
        "Tool search fails in 25% of its calls: ",
        {"error_ratio": 0.25},
    ),
    (
        "failing_hook",
        HOOK,
        {"hook_error_ratio": 0.5, "hook_time": 0.02},
        {"hook_error_ratio": 0.5, "hook_time": 0.001},
        "Hook lint fails in 50% of its runs, which take 72 seconds of each hour: ",
        {"error_ratio": 0.5, "seconds_per_hour": 72},
    ),
    (
        "slow_tests",
        {"suite": "unit"},
        {"test_run_duration": 720.0},
        {"test_run_duration": 30.0},
        "A run of the tests unit takes 720 seconds: ",
        {"seconds": 720.0},
    ),
    (
        "cold_cache",
        {"cache": "prompts"},
        {"cache_hit_ratio": 0.12},
        {"cache_hit_ratio": 0.8},
        "Cache prompts answers 12% of its requests: ",
        {"hit_ratio": 0.12},
    ),
]


def found(values: Mapping[str, float], labels: Mapping[str, str], minutes: int = 10) -> list[Row]:
    """Return the opportunities after some minutes of these values of signals of the same labels."""
    driven = Driven()
    driven.tick({series(name, labels.items()): float(value) for name, value in values.items()}, times=12 * minutes)
    return [row for row in driven.analyzer.report().findings if row.kind == "opportunity"]


@pytest.mark.parametrize(
    ("name", "labels", "wasteful", "thrifty", "words", "evidence"), CASES, ids=[case[0] for case in CASES]
)
def test_an_opportunity_is_told_with_its_evidence_in_one_sentence(
    name: str,
    labels: Mapping[str, str],
    wasteful: Mapping[str, float],
    thrifty: Mapping[str, float],
    words: str,
    evidence: Mapping[str, float],
) -> None:
    (row,) = found(wasteful, labels)
    assert (row.name, row.labels, row.since) == (name, dict(labels), None)
    assert row.text.startswith(words)
    assert row.text.endswith(".")
    assert row.text.count(". ") == 0
    assert row.evidence == pytest.approx(evidence)
    assert found(thrifty, labels) == []


def test_a_moment_is_no_opportunity() -> None:
    _, labels, wasteful, *_ = CASES[-1]
    assert found(wasteful, labels, minutes=FEWEST_STEPS - 2) == []


def test_every_case_is_one_and_every_signal_read_is_built_in() -> None:
    assert {rule.name for rule in RULES} < {case[0] for case in CASES}
    assert {signal.name for signal in BUILTIN} >= READ
