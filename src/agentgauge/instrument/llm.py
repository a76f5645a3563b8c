"""Calls to models: ``@llm_call(...)`` and ``with llm_call(...) as call:``."""

import time
from collections.abc import Callable
from typing import Any, Final, overload

from agentgauge.cells import CELLS, Cell
from agentgauge.instrument.agent import Run, current_run
from agentgauge.instrument.meter import Flavour, checked_label
from agentgauge.instrument.outcome import error_type_of
from agentgauge.instrument.refusal import label_or_refuse, number_or_refuse, refuse
from agentgauge.instrument.scope import Scope, scope
from agentgauge.instrument.stream import until_the_end
from agentgauge.instrument.usage import read_finish_reason, read_model, read_usage, unpacked
from agentgauge.instrument.wrapping import F
from agentgauge.record import Record

_COUNTS: Final = ("input", "output", "cache_read_input", "cache_write_input", "reasoning_output")


class Call:
    """One call to a model; what a ``with llm_call(...)`` block is given.

    Attributes:
        model: the ``gen_ai_request_model``; read from the response where it was not given.
        amounts: what is known of its usage, by the catalogue's amount names.
        finish_reason: why the response ended: stop, length, tool_call, content_filter, error or other.
    """

    __slots__ = (
        "amounts",
        "chunks",
        "finish_reason",
        "first_chunk",
        "last_chunk",
        "model",
        "run",
        "started",
    )

    def __init__(self, model: str, run: Run | None, started: float) -> None:
        self.model = model
        self.run = run
        self.amounts: dict[str, float] = {}
        self.finish_reason = ""
        self.chunks = 0
        self.started = self.first_chunk = self.last_chunk = started

    def usage(
        self,
        *,
        input_tokens: float = 0,
        output_tokens: float = 0,
        cache_read_input_tokens: float = 0,
        cache_write_input_tokens: float = 0,
        reasoning_output_tokens: float = 0,
        saved_input_tokens: float | None = None,
        cost_usd: float | None = None,
    ) -> None:
        """Say what the call used.

        Args:
            input_tokens: all input, cached tokens included.
            output_tokens: all output, reasoning included.
            cache_read_input_tokens: the input read from the provider's cache.
            cache_write_input_tokens: the input written to it.
            reasoning_output_tokens: the output spent on reasoning.
            saved_input_tokens: the input that compressing the prompt saved; not a part of ``input_tokens``.
            cost_usd: the price, where the provider reports it; otherwise the list price is looked up.

        A number that is negative, not finite or none is counted as invalid and logged once, and the others kept.
        """
        counts = (
            input_tokens,
            output_tokens,
            cache_read_input_tokens,
            cache_write_input_tokens,
            reasoning_output_tokens,
        )
        amounts = dict(zip([f"{name}_tokens" for name in _COUNTS], counts, strict=True))
        if saved_input_tokens is not None:
            amounts["saved_input_tokens"] = saved_input_tokens
        if cost_usd is not None:
            amounts["cost_usd"] = cost_usd
        for name, value in amounts.items():
            number = number_or_refuse(f"llm_call: {name}", value)
            if number is not None:
                self.amounts[name] = number

    def response(self, response: object) -> None:
        """Read tokens, model and finish reason from an answer of OpenAI, Anthropic, Google or Bedrock."""
        try:
            response = unpacked(response)
            self.amounts.update(read_usage(response))
            self.model = self.model or read_model(response)
            self.finish_reason = read_finish_reason(response) or self.finish_reason
        except Exception as error:  # noqa: BLE001 - a response's own code may raise anything, wherever it is touched
            refuse(f"llm_call: a response could not be read: {type(error).__name__}")

    def chunk(self) -> None:
        """Note that a chunk of a streamed response arrived."""
        self.last_chunk = time.perf_counter()
        if not self.chunks:
            self.first_chunk = self.last_chunk
        self.chunks += 1


class LlmMeter:
    """Measures calls to one model."""

    __slots__ = ("_cell", "_labels")

    def __init__(self, name: str, labels: dict[str, str]) -> None:
        self._labels = labels
        self._cell: Cell = CELLS.cell("llm", labels["gen_ai_request_model"] or name, labels, declare=False)
        base = tuple(labels[label] for label in _LABELS)
        if base[2]:  # with the model left to the response, its series are not known yet
            CELLS.totals.declare("gen_ai_client_operation_duration_seconds", (*base, ""))
            for count in _COUNTS:
                CELLS.totals.declare(f"gen_ai_client_inference_usage_{count}_tokens_total", base[1:])

    def begin(self) -> Call:
        """Note that a call began."""
        run = current_run.get()
        if run is not None:
            run.inferences.append(None)
        return Call(self._labels["gen_ai_request_model"], run, self._cell.begin())

    def end(self, token: Call, result: object) -> None:
        """Note that a call returned, and read the response's usage where nobody gave it."""
        if result is not None and "input_tokens" not in token.amounts:
            token.response(result)
        self._record(token, "")

    def fail(self, token: Call, error: BaseException) -> None:
        """Note that a call raised; what a stream brought before counts."""
        self._record(token, error_type_of(error))

    def drop(self, token: Call) -> None:
        """Note that no call was made, or none yet."""
        self._cell.end(token.started)
        if token.run is not None:
            token.run.inferences.pop()

    def suspend(self, token: Call, item: object) -> None:
        """Note a chunk of a generator; the last ones may carry the usage."""
        token.chunk()
        if type(item) not in {str, bytes}:
            token.response(item)

    def resume(self, token: Call) -> None:
        """Nothing depends on who has control."""

    def around(self, function: Callable[..., Any], flavour: Flavour) -> Callable[..., Any] | None:
        """Return a plain or coroutine function measured, to the end of the stream it may return."""
        return until_the_end(function, self, flavour)

    def _record(self, call: Call, error_type: str) -> None:
        duration = self._cell.end(call.started)
        if duration is None:
            return
        amounts = {**call.amounts, "duration_seconds": duration}
        if call.chunks:
            amounts["time_to_first_chunk_seconds"] = call.first_chunk - call.started
        if call.chunks > 1:
            amounts["time_per_output_chunk_seconds"] = (call.last_chunk - call.first_chunk) / (call.chunks - 1)
        labels = {
            **self._labels,
            "gen_ai_request_model": label_or_refuse("llm_call: model", call.model) or "",
            "gen_ai_agent_name": call.run.agent if call.run else "",
            "error_type": error_type,
        }
        if "cost_usd" in amounts:
            labels["cost_source"] = "reported"
        if call.finish_reason:
            labels["finish_reason"] = call.finish_reason
            amounts["responses"] = 1.0
        CELLS.record(Record("llm", time.time(), labels, amounts))


def _priced(record: Record) -> Record:
    """Add the price to a call whose tokens are known and whose price nobody gave.

    Done when records are folded: the first look at the price table takes 0.3 s, which no caller should wait.
    """
    amounts = record.amounts
    if record.kind != "llm" or "cost_usd" in amounts or "input_tokens" not in amounts:
        return record
    from agentgauge.pricing import UNPRICED, cost_usd, source_of

    try:
        cost = cost_usd(
            record.labels["gen_ai_request_model"],
            input_tokens=amounts["input_tokens"],
            output_tokens=amounts.get("output_tokens", 0.0),
            cache_read_tokens=amounts.get("cache_read_input_tokens", 0.0),
            cache_write_tokens=amounts.get("cache_write_input_tokens", 0.0),
            provider=record.labels["gen_ai_provider_name"],
            time=record.time,
        )
    except ImportError:  # the price table comes with agentgauge[server]
        cost = None
    if cost is None:
        record.labels["cost_source"] = UNPRICED
        amounts["unpriced"] = 1.0
    else:
        record.labels["cost_source"] = source_of(
            record.labels["gen_ai_request_model"], record.labels["gen_ai_provider_name"]
        )
        amounts["cost_usd"] = cost
    return record


CELLS.finish_records(_priced)

_LABELS: Final = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "task_type")


@overload
def llm_call(function: F, /) -> F: ...
@overload
def llm_call(
    model: str | None = None, /, *, provider: str = "", operation: str = "chat", task_type: str = ""
) -> Scope: ...
def llm_call(model: object = None, /, *, provider: str = "", operation: str = "chat", task_type: str = "") -> Any:
    """Measure calls to a model: duration, tokens, cost, and of streams the time to and between chunks.

    A decorated function's result is asked for its usage, and so are the chunks of a decorated generator or of the
    stream that a decorated function returns.

    Args:
        model: the ``gen_ai_request_model``; read from the response where it is left out.
        provider: the ``gen_ai_provider_name``, for instance openai, anthropic, gcp.gemini, aws.bedrock.
        operation: the ``gen_ai_operation_name``: chat, text_completion, embeddings, generate_content.
        task_type: what kind of task it serves; a bounded set of your own words.

    Raises:
        UsageError: a label that is not a string, or what is decorated is no function.
    """
    labels = {
        "gen_ai_operation_name": checked_label("llm_call", "operation", operation),
        "gen_ai_provider_name": checked_label("llm_call", "provider", provider),
        "gen_ai_request_model": model if isinstance(model, str) else "",
        "task_type": checked_label("llm_call", "task_type", task_type),
    }
    return scope("llm_call", model, lambda name: LlmMeter(name, labels), block_name="llm_call")
