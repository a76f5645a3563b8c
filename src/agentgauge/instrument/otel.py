"""OpenTelemetry: GenAI spans of frameworks that already emit them become the same metrics, in one line::

    from opentelemetry import trace
    from agentgauge.instrument.otel import SpanProcessor

    trace.get_tracer_provider().add_span_processor(SpanProcessor())

Spans of LangChain, LlamaIndex, pydantic-ai, CrewAI, the OpenAI Agents SDK and others are read, by whichever
instrumentation they are made; ``spans`` lists the dialects. A span that is not sampled is not seen, and a call that is
both decorated and traced is counted twice: instrument it in one way.
"""

import sys
import time
import weakref
from contextlib import suppress
from typing import Any, Final

from agentgauge.cells import CELLS, Cell
from agentgauge.instrument.agent import Run, current_run
from agentgauge.instrument.outcome import CANCELLED, error_type_of
from agentgauge.instrument.refusal import refuse
from agentgauge.instrument.spans import Reading, error_of, kind_of, name_of_span, read
from agentgauge.record import MAX_LABEL_CHARS, Record

try:
    from opentelemetry.sdk import trace as sdk
except ImportError:
    raise ImportError("agentgauge.instrument.otel needs OpenTelemetry's SDK: pip install 'agentgauge[otel]'") from None

MAX_OPEN_SPANS: Final = 10_000
"""Beyond so many spans begun and not ended the oldest are forgotten: their calls belong to no agent."""

_MOST_WAITING: Final = 1_000
_DEEPEST: Final = 1_000
_NEVER_AGENTS: Final = {"SERVER", "PRODUCER", "CONSUMER"}

_NAME_LABELS: Final = {
    "llm": "gen_ai_request_model",
    "agent": "gen_ai_agent_name",
    "tool": "gen_ai_tool_name",
    "workflow": "gen_ai_workflow_name",
}

_Key = tuple[int, int]


class _Waiting:
    """A record whose agent is not known yet: some instrumentations say what a span is when it ends.

    Args:
        record: of a call to a model or a tool, or of an agent's run.
        package: whose instrumentation it comes from.
    """

    __slots__ = ("package", "record", "within_tool")

    def __init__(self, record: Record, package: str) -> None:
        self.record = record
        self.package = package
        self.within_tool = False


class _Open:
    """A span that has begun: its place in the tree, and the calls made within it so far.

    Lists, because appending is one atomic step: spans end in any thread.
    """

    __slots__ = ("begun", "cell", "handled", "inferences", "parent", "run", "span", "tools", "waiting")

    def __init__(self, parent: _Key | None, run: Run | None, span: object) -> None:
        self.cell: Cell | None = None
        self.begun = 0.0
        self.handled = id(sys.exception())
        self.parent = parent
        self.run = run
        self.span = weakref.ref(span)  # its attributes may be large, and it may never end
        self.inferences: list[None] = []
        self.tools: list[None] = []
        self.waiting: list[_Waiting] = []

    def begin(self, kind: str, name: str) -> None:
        """Count it among the calls in flight."""
        self.cell = CELLS.cell(kind, name, {_NAME_LABELS[kind]: name}, declare=False)
        self.begun = self.cell.begin()

    def end(self) -> None:
        """It is in flight no longer."""
        cell, self.cell = self.cell, None
        if cell is not None:
            cell.end(self.begun)

    def is_cancelled(self) -> bool:
        """Return whether it ends because of a cancellation just now.

        OpenTelemetry's SDK notes exceptions, but not what is none: ``asyncio.CancelledError`` and KeyboardInterrupt.
        """
        error = sys.exception()
        return error is not None and id(error) != self.handled and error_type_of(error) == CANCELLED


class SpanProcessor(sdk.SpanProcessor):
    """Turns GenAI spans into records of calls to models, agents' runs, calls to tools and workflows' runs.

    A call belongs to the innermost agent around it: a span's, or a run of ``agentgauge.agent``. What is told twice
    counts once: of a framework's span of a call to a model and the model client's within it the inner one, of an
    agent's span and one of the same name within it, with no tool between, the outer one.

    Args:
        max_open_spans: bounds the memory for spans begun and not ended.
    """

    def __init__(self, max_open_spans: int = MAX_OPEN_SPANS) -> None:
        self._most = max_open_spans
        self._open: dict[_Key, _Open] = {}
        CELLS.watch(self._sweep)

    def on_start(self, span: Any, parent_context: object = None) -> None:
        """Take the span's place in the tree."""
        try:
            place = self._open[_key(span.context)] = _Open(_parent(span), current_run.get(), span)
            self._begin(span, place)
            while len(self._open) > self._most:
                self._forget(next(iter(self._open)))
        except Exception as error:  # noqa: BLE001 - the traced code is the user's
            refuse(f"otel: a span could not be followed: {type(error).__name__}")

    def on_end(self, span: Any) -> None:
        """Record what the span says."""
        try:
            place = self._open.pop(_key(span.context), None) or _Open(_parent(span), None, span)
            self._end(span, place)
        except Exception as error:  # noqa: BLE001 - the traced code is the user's
            refuse(f"otel: a span could not be read: {type(error).__name__}")

    def shutdown(self) -> None:
        """Forget open spans; what ended within them is recorded."""
        CELLS.unwatch(self._sweep)
        for key in list(self._open):
            self._forget(key)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits to be sent."""
        return True

    def _forget(self, key: _Key) -> None:
        place = self._open.pop(key, None)
        if place is not None:
            place.end()
            for waiting in place.waiting:
                CELLS.record(waiting.record)

    def _sweep(self) -> list[Record]:
        """Forget spans that will never end, because they are gone."""
        for key, place in list(self._open.items()):
            if place.span() is None:
                self._forget(key)
        return []

    def _begin(self, span: Any, place: _Open) -> None:
        """Count a span that says what it is among the calls in flight, once where it is told twice."""
        attributes = span.attributes or {}
        kind = kind_of(span.name, attributes, outermost=not self._is_within_openinference(place))
        if not kind:
            return
        name = name_of_span(kind, span.name, attributes)[:MAX_LABEL_CHARS]
        around = place
        for _ in range(_DEEPEST):
            parent = self._open.get(around.parent) if around.parent is not None else None
            if parent is None:
                place.begin(kind, name)
                return
            told = parent.cell
            if told is not None and told.kind == kind and (kind == "llm" or told.name == name):
                return
            around = parent

    def _end(self, span: Any, place: _Open) -> None:
        place.end()
        reading = read(span, outermost=not self._is_within_openinference(place))
        self._release(place, reading.kind, reading.name)
        duration = max(0.0, (span.end_time - span.start_time) / 1e9)
        error_type = error_of(span) or (CANCELLED if place.is_cancelled() else "")
        record = _record_of(span, reading, duration, error_type, place)
        if record is not None and record.kind == "workflow":
            CELLS.record(record)
        elif record is not None:
            self._record(_Waiting(record, _package(span)), place)
        if reading.kind != "agent":  # whose calls are its own, not those of an agent around it
            _add_calls(self._around(place), place.inferences, place.tools)

    def _release(self, place: _Open, kind: str | None, name: str) -> None:
        """Record what waited for a span to say what it is."""
        with suppress(IndexError):  # taken one by one: two threads may be at it
            while True:
                waiting = place.waiting.pop()
                if kind == "agent":
                    _settle(waiting, name, place)
                else:
                    waiting.within_tool |= kind == "tool"
                    self._record(waiting, place)

    def _record(self, waiting: _Waiting, place: _Open) -> None:
        """Record what ended at a place under the innermost agent around it, or leave it to a span that may be one."""
        for _ in range(_DEEPEST):
            around = self._around(place)
            if not isinstance(around, _Open):
                break
            span: Any = around.span()
            kind = kind_of(span.name, span.attributes or {}) if span is not None else ""
            if kind == "agent":
                _settle(waiting, name_of_span("agent", span.name, span.attributes), around)
                return
            if kind is None and _may_be_agent(span, waiting.package) and len(around.waiting) < _MOST_WAITING:
                around.waiting.append(waiting)
                if place.parent not in self._open:  # it ended meanwhile, in another thread
                    found = span.attributes or {}
                    self._release(around, kind_of(span.name, found), name_of_span("agent", span.name, found))
                return
            waiting.within_tool |= kind == "tool"
            place = around
        else:
            around = None
        _settle(waiting, around.agent if around is not None else "", around)

    def _around(self, place: _Open) -> "_Open | Run | None":
        """Return the span around a span, or the decorated agent's run that began within that one."""
        parent = self._open.get(place.parent) if place.parent is not None else None
        return place.run if parent is None or parent.run is not place.run else parent

    def _is_within_openinference(self, place: _Open) -> bool:
        parent = self._open.get(place.parent) if place.parent is not None else None
        span: Any = parent.span() if parent is not None else None
        return span is not None and (
            _package(span) == "openinference" or "openinference.span.kind" in (span.attributes or {})
        )


def _settle(waiting: _Waiting, agent: str, around: "_Open | Run | None") -> None:
    """Record something, now that the agent around it is known; one agent told twice is one."""
    record = waiting.record
    if record.kind != "agent":
        record.labels["gen_ai_agent_name"] = agent[:MAX_LABEL_CHARS]
    elif around is not None and not waiting.within_tool and record.labels["gen_ai_agent_name"] == agent:
        inferences, tools = (int(record.amounts[name]) for name in ("inference_calls", "tool_calls"))
        _add_calls(around, [None] * inferences, [None] * tools)
        return
    CELLS.record(record)


def _add_calls(around: "_Open | Run | None", inferences: list[None], tools: list[None]) -> None:
    if around is not None:
        around.inferences.extend(inferences)
        around.tools.extend(tools)


def _record_of(span: Any, reading: Reading, duration: float, error_type: str, place: _Open) -> Record | None:
    """Return the record of a span, and note the call; None where it is no call, or one told within it already."""
    labels, amounts = {"error_type": error_type}, {"duration_seconds": duration}
    if reading.kind == "agent":
        outcome = error_type if error_type in {"cancelled", "timeout"} else "failure" if error_type else "success"
        labels |= {"gen_ai_agent_name": reading.name, "outcome": outcome}
        amounts |= {"inference_calls": float(len(place.inferences)), "tool_calls": float(len(place.tools))}
    elif reading.kind == "llm" and not place.inferences:
        place.inferences.append(None)
        labels |= reading.labels
        amounts |= reading.amounts
    elif reading.kind == "tool":
        place.tools.append(None)
        tool_type = (span.attributes or {}).get("gen_ai.tool.type")
        labels |= {
            "gen_ai_tool_name": reading.name,
            "gen_ai_tool_type": tool_type if isinstance(tool_type, str) else "function",
        }
    elif reading.kind == "workflow":
        labels |= {"gen_ai_workflow_name": reading.name}
    else:
        return None
    cut = {name: value[:MAX_LABEL_CHARS] for name, value in labels.items()}
    return Record(reading.kind, min(time.time(), span.end_time / 1e9), cut, amounts)


def _may_be_agent(span: Any, package: str) -> bool:
    """Return whether an open span that does not say what it is may say at its end that it is an agent."""
    return span.kind.name not in _NEVER_AGENTS and _package(span) == package


def _package(span: Any) -> str:
    """Return whose instrumentation made a span: openinference, openlit, opentelemetry, pydantic-ai."""
    scope = span.instrumentation_scope
    return str(scope.name).partition(".")[0] if scope is not None else ""


def _key(context: Any) -> _Key:
    return context.trace_id, context.span_id


def _parent(span: Any) -> _Key | None:
    """Return the key of a span's parent in this process, or None."""
    return None if span.parent is None or span.parent.is_remote else _key(span.parent)
