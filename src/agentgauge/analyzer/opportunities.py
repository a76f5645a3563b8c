"""Opportunities: what costs money or time that need not be spent, and the numbers that say so."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from agentgauge.analyzer.findings import Finding
from agentgauge.analyzer.history import History
from agentgauge.pricing import context_window

STEPS: Final = 15
"""Coarse steps looked at: with the default settings a quarter of an hour."""

FEWEST_STEPS: Final = 5

CONTEXT_WORTH_CACHING: Final = 4096.0
LITTLE_CACHED: Final = 0.3
LARGE_CONTEXT: Final = 0.5
FAILING: Final = 0.2
HOOK_SECONDS_AN_HOUR: Final = 20.0

_HOUR: Final = 3600.0

Labels = tuple[tuple[str, str], ...]


class Opportunity(NamedTuple):
    """One of them.

    Args:
        finding: of the series that shows it.
        name: which kind.
        evidence: numbers by name.
        text: one sentence.
    """

    finding: Finding
    name: str
    evidence: dict[str, float]
    text: str


class Rule(NamedTuple):
    """An opportunity that one signal shows by itself.

    Args:
        name: of the opportunity.
        signal: whose mean of late is looked at.
        limit: beyond it, it is one.
        evidence: what the mean is called.
        text: one sentence, of the mean and the series' labels.
        below: whether beyond is below.
    """

    name: str
    signal: str
    limit: float
    evidence: str
    text: str
    below: bool = False


RULES: Final = (
    Rule(
        "unpriced_model",
        "unpriced_ratio",
        0.01,
        "unpriced_ratio",
        "{mean:.0%} of the calls to {gen_ai_request_model} have no known price, so costs and budgets leave them out: "
        "name it in the file of AGENTGAUGE_PRICES.",
    ),
    Rule(
        "recoveries",
        "recoveries_per_run",
        0.3,
        "recoveries_per_run",
        "Workflow {gen_ai_workflow_name} recovers {mean:.2g} times a run: what was done before each is lost, so their "
        "cause is worth removing.",
    ),
    Rule(
        "tool_choice",
        "tool_choice_error_ratio",
        0.2,
        "error_ratio",
        "{mean:.0%} of the judged choices of tool {gen_ai_tool_name} were wrong: a clearer description of it saves "
        "calls and their tokens.",
    ),
    Rule(
        "failing_tool",
        "tool_error_ratio",
        FAILING,
        "error_ratio",
        "Tool {gen_ai_tool_name} fails in {mean:.0%} of its calls: each costs the tokens of another attempt.",
    ),
    Rule(
        "slow_tests",
        "test_run_duration",
        300.0,
        "seconds",
        "A run of the tests {suite} {stage} takes {mean:.0f} seconds: running those a change can break, or several at "
        "once, saves most of it.",
    ),
    Rule(
        "cold_cache",
        "cache_hit_ratio",
        0.3,
        "hit_ratio",
        "Cache {cache} answers {mean:.0%} of its requests: it is too small, its entries live too short, or its keys "
        "tell apart what is the same.",
        below=True,
    ),
)
_JOINED: Final = ("context_tokens", "prompt_cache_ratio", "token_usage", "hook_error_ratio", "hook_time")
READ: Final = frozenset({rule.signal for rule in RULES} | set(_JOINED))
"""The signals that are looked at."""


class Lately(NamedTuple):
    """A series and its mean of late."""

    finding: Finding
    mean: float


Means = Mapping[str, Mapping[Labels, Lately]]


def opportunities(history: History, findings: Sequence[Finding]) -> list[Opportunity]:
    """Return what is worth changing, by the built-in signals.

    Args:
        history: whose complete coarse columns are averaged.
        findings: those that hold now.
    """
    means: dict[str, dict[Labels, Lately]] = {name: {} for name in READ}
    for finding in findings:
        if finding.series.signal in READ:
            values = history.coarse.values[history.rows[finding.series], -1 - STEPS : -1]
            known = values[~np.isnan(values)]
            if len(known) >= FEWEST_STEPS:
                means[finding.series.signal][finding.series.labels] = Lately(finding, float(known.mean()))
    found = [one for rule in RULES for one in _by_itself(rule, means)]
    return [*found, *_prompt_caching(means), *_large_context(means), *_failing_hooks(means)]


def _by_itself(rule: Rule, means: Means) -> Iterator[Opportunity]:
    for finding, mean in means[rule.signal].values():
        if (mean < rule.limit) if rule.below else (mean >= rule.limit):
            # A label without a value is none.
            labels = defaultdict(str, finding.series.labels, mean=mean)
            text = " ".join(rule.text.format_map(labels).split())
            yield Opportunity(finding, rule.name, {rule.evidence: mean}, text)


def _prompt_caching(means: Means) -> Iterator[Opportunity]:
    for labels, (finding, context) in means["context_tokens"].items():
        cached, use = (means[name].get(labels) for name in ("prompt_cache_ratio", "token_usage"))
        if cached is None or context < CONTEXT_WORTH_CACHING or cached.mean >= LITTLE_CACHED:
            continue
        text = (
            f"{_model(finding)} reads {cached.mean:.0%} of its {context:,.0f} input tokens a call from the provider's "
            "cache: what its prompts begin with again and again could cost a fraction."
        )
        evidence = {"cached_ratio": cached.mean, "context_tokens": context}
        if use is not None:
            evidence["tokens_per_second"] = use.mean
        yield Opportunity(finding, "prompt_caching", evidence, text)


def _large_context(means: Means) -> Iterator[Opportunity]:
    for finding, context in means["context_tokens"].values():
        window = context_window(_model(finding), dict(finding.series.labels).get("gen_ai_provider_name", ""))
        if window is None or context < LARGE_CONTEXT * window:
            continue
        text = (
            f"A call to {_model(finding)} sends {context:,.0f} tokens on average, {context / window:.0%} of its "
            "context window: shorter prompts are cheaper and faster, and leave room."
        )
        yield Opportunity(finding, "large_context", {"context_tokens": context, "window_tokens": float(window)}, text)


def _failing_hooks(means: Means) -> Iterator[Opportunity]:
    for labels, (finding, share) in means["hook_error_ratio"].items():
        time = means["hook_time"].get(labels)
        if share < FAILING or time is None or time.mean * _HOUR < HOOK_SECONDS_AN_HOUR:
            continue
        text = (
            f"Hook {dict(labels).get('hook_name', '')} fails in {share:.0%} of its runs, which take "
            f"{time.mean * _HOUR:.0f} seconds of each hour: what it catches late is cheaper to catch before."
        )
        yield Opportunity(finding, "failing_hook", {"error_ratio": share, "seconds_per_hour": time.mean * _HOUR}, text)


def _model(finding: Finding) -> str:
    return dict(finding.series.labels).get("gen_ai_request_model", "")
