"""Results of ``claude -p --output-format json`` (or ``stream-json``) become records of a run and its calls.

Tokens and cost are the run's own sums by model (``modelUsage``): calls of a model used their share. A result says
turns, not calls; they are the calls of the model that wrote most, and any other model made one. What a transcript of
the same session says is the same again: count one of them.
"""

import time
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from agentgauge.collectors.call import Caller, Tokens, tool_record
from agentgauge.collectors.conversation import OTHER, label, provider_and_model
from agentgauge.collectors.results import Format, decoded, judged, run
from agentgauge.collectors.transcript import MAIN_AGENT
from agentgauge.errors import InvalidRecordError
from agentgauge.record import Record

_Amount = Annotated[float, Meta(ge=0, le=1e12)]
_Count = Annotated[int, Meta(ge=0, le=10**12)] | None


class _Model(Struct, rename="camel"):
    input_tokens: _Count = None
    output_tokens: _Count = None
    cache_read_input_tokens: _Count = None
    cache_creation_input_tokens: _Count = None
    cost: _Amount | None = msgspec.field(default=None, name="costUSD")

    def tokens(self) -> Tokens:
        read, written = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        return Tokens((self.input_tokens or 0) + read + written, self.output_tokens or 0, read, written)


class _Typed(Struct):
    type: str = ""


class _Denial(Struct):
    tool_name: str = ""


class _Result(Struct):
    type: str
    subtype: str = ""
    is_error: bool = False
    duration_ms: _Amount | None = None
    num_turns: _Count = None
    total_cost_usd: _Amount | None = None
    models: dict[str, _Model] = msgspec.field(default_factory=dict, name="modelUsage")
    permission_denials: list[_Denial] | None = None
    resolved: bool | None = msgspec.field(default=None, name="_swebench_resolved")


def records(body: bytes) -> list[Record]:
    """Return the records of all results in a file: one, a list that ends with one, or lines of them.

    Raises:
        InvalidRecordError: there is none.
    """
    now, found, errors = time.time(), list[_Result](), list[str]()
    for number, item in enumerate(_items(body.strip()), 1):
        try:
            if decoded(item, _Typed).type == "result":
                found.append(decoded(item, _Result))
        except InvalidRecordError as error:
            errors.append(f"line {number}: {error}")
    if not found:
        raise InvalidRecordError(errors[0] if errors else 'no object of type "result" in it')
    refused = {"source": CLAUDE_PRINT.name, "result": "invalid"}
    return [
        *(record for result in found for record in _records(result, now)),
        *([Record("read", now, refused, {"count": len(errors)})] if errors else []),
    ]


def _items(body: bytes) -> list[msgspec.Raw] | list[bytes]:
    if body.startswith(b"["):
        return decoded(body, list[msgspec.Raw])
    first, _, rest = body.partition(b"\n")
    return [line for line in body.splitlines() if line.strip()] if rest and _is_object(first) else [body]


def _is_object(line: bytes) -> bool:
    try:
        decoded(line, _Typed)
    except InvalidRecordError:
        return False
    return True


def _records(result: _Result, now: float) -> list[Record]:
    models = sorted(result.models.items(), key=lambda item: -(item[1].output_tokens or 0))
    turns = max(1, result.num_turns or 1)
    calls: list[Record] = []
    for index, (name, used) in enumerate(models):
        provider, model = provider_and_model(name, "")
        caller = Caller(MAIN_AGENT, provider, model)
        calls += caller.used_together(now, 1 if index else turns, used.tokens(), cost_usd=used.cost)
    if not models and result.total_cost_usd is not None:
        calls.append(
            Caller(MAIN_AGENT, "anthropic", "").record(now, {"cost_usd": result.total_cost_usd}, cost_source="reported")
        )
    denials = [
        tool_record(label(denial.tool_name, OTHER), MAIN_AGENT, now, 0.0, failed=True)
        for denial in result.permission_denials or ()
    ]
    for record in denials:
        record.labels["error_type"] = "permission_denied"
    outcome, error = _outcome(result)
    duration = result.duration_ms / 1000 if result.duration_ms is not None else None
    amounts = {"inference_calls": turns, "duration_seconds": duration}
    return [*calls, *denials, run(MAIN_AGENT, outcome, error, amounts, now)]


def _outcome(result: _Result) -> tuple[str, str]:
    if result.subtype.startswith("error_"):
        return judged(result.subtype)
    if result.is_error:
        return "failure", "error"
    if result.resolved is False:
        return "failure", "unresolved"
    return "success", ""


CLAUDE_PRINT: Final = Format("claude_print", "result of claude -p", (".json", ".jsonl"), records)
