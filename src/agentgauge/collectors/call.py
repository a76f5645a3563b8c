"""Call: calls to models and tools, and runs of agents, as the records they become."""

from typing import Final, NamedTuple

from agentgauge import pricing
from agentgauge.collectors.conversation import Turn, finished, llm_labels
from agentgauge.record import Record

_MOST_RECORDS: Final = 10_000


_PROVIDERS: Final = (
    ("gpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("codex", "openai"),
    ("chatgpt", "openai"),
    ("claude", "anthropic"),
    ("gemini", "gcp.gen_ai"),
    ("deepseek", "deepseek"),
    ("mistral", "mistral_ai"),
    ("codestral", "mistral_ai"),
    ("devstral", "mistral_ai"),
    ("grok", "x_ai"),
    ("command", "cohere"),
)


class Tokens(NamedTuple):
    """Tokens as OpenTelemetry counts them: input includes the cached ones, output the reasoning."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def share(self, part: int, parts: int) -> "Tokens":
        """Return the ``part``-th of so many nearly equal parts, whose sum is the whole."""
        return Tokens(*(count // parts + (part < count % parts) for count in self))


class Caller(NamedTuple):
    """Who calls which model: label values."""

    agent: str
    provider: str
    model: str

    def record(self, time: float, amounts: dict[str, float], *, error_type: str = "", cost_source: str = "") -> Record:
        """Return the record of one call."""
        return Record("llm", time, llm_labels(self.agent, self.provider, self.model, error_type, cost_source), amounts)

    def used(
        self,
        time: float,
        tokens: Tokens,
        *,
        cost_usd: float | None = None,
        duration: float | None = None,
        finish_reason: str = "",
    ) -> Record:
        """Return the record of one call and what it used.

        Args:
            time: unix seconds at its end; 0 where unknown.
            tokens: what it used.
            cost_usd: its cost where it is stated; else it has its list price, if there is one.
            duration: seconds, where known.
            finish_reason: why the response ended, in the words of ``normal_finish_reason``; empty where unknown.
        """
        amounts: dict[str, float] = {
            "input_tokens": tokens.input,
            "output_tokens": tokens.output,
            "cache_read_input_tokens": tokens.cache_read,
            "cache_write_input_tokens": tokens.cache_write,
            "reasoning_output_tokens": tokens.reasoning,
        }
        source = pricing.REPORTED
        if cost_usd is None:
            source = pricing.source_of(self.model, self.provider)
            cost_usd = pricing.cost_usd(
                self.model,
                provider=self.provider,
                time=time or None,
                input_tokens=tokens.input,
                output_tokens=tokens.output,
                cache_read_tokens=tokens.cache_read,
                cache_write_tokens=tokens.cache_write,
            )
        if cost_usd is None:
            source = pricing.UNPRICED
            amounts["unpriced"] = 1.0
        else:
            amounts["cost_usd"] = cost_usd
        if duration is not None:
            amounts["duration_seconds"] = duration
        record = self.record(time, amounts, cost_source=source)
        finished(record, finish_reason)
        return record

    def used_together(self, time: float, calls: int, tokens: Tokens, *, cost_usd: float | None = None) -> list[Record]:
        """Return the records of calls of which only the sums are known: each used its share.

        Args:
            time: unix seconds at their end; 0 where unknown.
            calls: how many there were.
            tokens: what all of them used.
            cost_usd: what all of them cost, where it is stated.
        """
        parts = min(max(calls, 1), _MOST_RECORDS)
        cost = None if cost_usd is None else cost_usd / parts
        return [self.used(time, tokens.share(part, parts), cost_usd=cost) for part in range(parts)]


def provider_of(model: str) -> str:
    """Return OpenTelemetry's name of the provider that a model's name tells, or "other"."""
    name = model.rsplit("/", 1)[-1].lower()
    for start, provider in _PROVIDERS:
        if name.startswith(start):
            return provider
    return "other"


def run_records(turn: Turn | None, agent: str, duration: float = 0.0) -> list[Record]:
    """Return the record of a run that has ended; one without a call is none.

    Args:
        turn: the run.
        agent: whose it was.
        duration: seconds where they are known better than from the run's lines.
    """
    if turn is None or not turn.calls:
        return []
    labels = {"gen_ai_agent_name": agent, "task_type": "", "error_type": turn.error, "outcome": turn.outcome}
    amounts: dict[str, float] = {"inference_calls": turn.calls, "tool_calls": turn.tools}
    if duration or (turn.start and turn.end >= turn.start):
        amounts["duration_seconds"] = duration or turn.end - turn.start
    return [Record("agent", turn.end or turn.start, labels, amounts)]


def tool_record(
    name: str, agent: str, time: float, duration: float, *, failed: bool, extension: bool = False
) -> Record:
    """Return the record of a tool call that has ended.

    Args:
        name: the tool's.
        agent: who called it.
        time: unix seconds at its end.
        duration: seconds; negative, where a clock was set, is 0.
        failed: whether it failed.
        extension: whether a server of the Model Context Protocol, or the provider, ran it.
    """
    labels = {
        "gen_ai_tool_name": name,
        "gen_ai_tool_type": "extension" if extension else "function",
        "gen_ai_agent_name": agent,
        "error_type": "tool_error" if failed else "",
    }
    return Record("tool", time, labels, {"duration_seconds": max(0.0, duration)})
