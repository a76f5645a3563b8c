"""GenAI spans of every dialect become the same records, through OpenTelemetry's real SDK."""

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

import agentgauge as ag
from agentgauge.cells import CELLS
from agentgauge.instrument.otel import SpanProcessor
from agentgauge.testing import assert_recorded, recorded_of, recording

LLM = "gen_ai_client_operation_duration_seconds"
AGENT = "gen_ai_invoke_agent_duration_seconds"
RUNS = "agentgauge_agent_runs_total"
TOOL = "gen_ai_execute_tool_duration_seconds"
WORKFLOW = "gen_ai_invoke_workflow_duration_seconds"
TOKENS = "gen_ai_client_inference_usage_{}_tokens_total"
INFERENCES = "gen_ai_invoke_agent_inference_calls"
TOOLS = "gen_ai_invoke_agent_tool_calls"
INVALID = "agentgauge_records_total"


@pytest.fixture
def processor() -> SpanProcessor:
    return SpanProcessor()


@pytest.fixture
def tracing(processor: SpanProcessor) -> Iterator[TracerProvider]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    yield provider
    provider.shutdown()


@pytest.fixture
def tracer(tracing: TracerProvider) -> Tracer:
    return tracing.get_tracer("tests")


SEMCONV: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.finish_reasons": ("tool_calls",),
    "gen_ai.response.time_to_first_chunk": 0.25,
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.cache_read.input_tokens": 60,
    "gen_ai.usage.cache_creation.input_tokens": 10,
    "gen_ai.usage.reasoning.output_tokens": 5,
    "gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "a secret"}]}]',
}
SEMCONV_BEFORE: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "az.ai.openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
}
OPENLLMETRY: dict[str, Any] = {
    "llm.request.type": "chat",
    "gen_ai.system": "Anthropic",
    "gen_ai.request.model": "claude-x",
    "gen_ai.usage.prompt_tokens": 100,
    "gen_ai.usage.completion_tokens": 20,
    "llm.usage.total_tokens": 120,
    "gen_ai.usage.cache_read_input_tokens": 60,
    "gen_ai.usage.cache_creation_input_tokens": 10,
    "gen_ai.completion.0.finish_reason": "end_turn",
    "gen_ai.prompt.0.content": "a secret",
    "traceloop.workflow.name": "a workflow",
    "traceloop.entity.path": "a.path",
}
OPENLIT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "mistral_ai",
    "gen_ai.request.model": "mistral-x",
    "gen_ai.request.is_stream": True,
    "gen_ai.response.finish_reasons": ("length",),
    "gen_ai.server.time_to_first_token": 0.25,
    "gen_ai.server.time_per_output_token": 0.01,
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.reasoning_tokens": 5,
    "gen_ai.usage.cost": 0.5,
    "gen_ai.tool.name": "of the answer, not of this span",
}
OPENINFERENCE: dict[str, Any] = {
    "openinference.span.kind": "LLM",
    "llm.provider": "google",
    "llm.system": "vertexai",
    "llm.model_name": "gemini-x",
    "llm.finish_reason": "STOP",
    "llm.token_count.prompt": 100,
    "llm.token_count.completion": 20,
    "llm.token_count.total": 120,
    "llm.token_count.prompt_details.cache_read": 60,
    "llm.token_count.completion_details.reasoning": 5,
    "llm.cost.total": 0.5,
    "input.value": "a secret",
    "llm.input_messages.0.message.content": "a secret",
}
PYDANTIC_AI: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "openai",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.agent.name": "of the agent around it",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.details.cache_read_tokens": 60,
    "gen_ai.usage.details.reasoning_tokens": 5,
    "operation.cost": 0.5,
}


@pytest.mark.parametrize(
    ("attributes", "provider", "model", "cache_read", "reasoning", "cost", "finish", "first_chunk"),
    [
        (SEMCONV, "openai", "gpt-4o", 60, 5, None, "tool_call", 0.25),
        (SEMCONV_BEFORE, "azure.ai.openai", "gpt-4o", None, None, None, "stop", None),
        (OPENLLMETRY, "anthropic", "claude-x", 60, None, None, "stop", None),
        (OPENLIT, "mistral_ai", "mistral-x", None, 5, 0.5, "length", 0.25),
        (OPENINFERENCE, "gcp.gen_ai", "gemini-x", 60, 5, 0.5, "stop", None),
        (PYDANTIC_AI, "openai", "gpt-4o", 60, 5, 0.5, None, None),
    ],
    ids=["semconv", "semconv before 1.37", "openllmetry", "openlit", "openinference", "pydantic-ai"],
)
def test_a_call_to_a_model_in_each_dialect(
    tracer: Tracer,
    attributes: Mapping[str, Any],
    provider: str,
    model: str,
    cache_read: int | None,
    reasoning: int | None,
    cost: float | None,
    finish: str | None,
    first_chunk: float | None,
) -> None:
    with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=attributes):
        pass
    labels = {"gen_ai_provider_name": provider, "gen_ai_request_model": model}
    assert_recorded(LLM, count=1, **labels, gen_ai_operation_name="chat", error_type="")
    assert_recorded(TOKENS.format("input"), count=100, **labels)
    assert_recorded(TOKENS.format("output"), count=20, **labels)
    assert_recorded(TOKENS.format("cache_read_input"), count=cache_read or 0, **labels)
    assert_recorded(TOKENS.format("reasoning_output"), count=reasoning or 0, **labels)
    assert_recorded("agentgauge_llm_cost_usd_total", count=cost or 0, **labels, cost_source="reported")
    assert_recorded(
        "agentgauge_llm_responses_total", count=1 if finish else 0, **labels, finish_reason=finish or "stop"
    )
    first = recorded_of("gen_ai_client_operation_time_to_first_chunk_seconds", **labels)
    assert (first.count, first.total) == ((1, first_chunk) if first_chunk else (0, 0))
    assert_recorded(TOOL, count=0)
    assert_recorded(AGENT, count=0)


TREES: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "semconv": {
        "workflow": ("invoke_workflow report", {"gen_ai.operation.name": "invoke_workflow"}),
        "agent": ("invoke_agent writer", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "writer"}),
        "tool": ("execute_tool search", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.type": "extension"}),
        "llm": ("chat gpt-4o", SEMCONV),
        "other": ("POST", {"http.request.method": "POST"}),
    },
    "openllmetry": {
        "workflow": ("report.workflow", {"traceloop.span.kind": "workflow", "traceloop.entity.name": "report"}),
        "agent": ("writer.agent", {"traceloop.span.kind": "agent", "traceloop.entity.name": "writer"}),
        "tool": ("search.tool", {"traceloop.span.kind": "tool", "traceloop.entity.name": "search"}),
        "llm": ("ChatAnthropic.chat", OPENLLMETRY),
        "other": ("step.task", {"traceloop.span.kind": "task", "traceloop.entity.name": "step"}),
    },
    "openlit": {
        "workflow": ("invoke_workflow report", {"gen_ai.operation.name": "invoke_workflow"}),
        "agent": ("agent", {"gen_ai.operation.name": "agent", "gen_ai.agent.name": "writer"}),
        "tool": ("execute_tool search", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}),
        "llm": ("chat mistral-x", OPENLIT),
        "other": ("framework", {"gen_ai.operation.name": "framework", "gen_ai.system": "langchain"}),
    },
    "openinference": {
        "workflow": ("report", {"openinference.span.kind": "CHAIN"}),
        "agent": ("writer", {"openinference.span.kind": "AGENT"}),
        "tool": ("run", {"openinference.span.kind": "TOOL", "tool.name": "search"}),
        "llm": ("ChatVertexAI", OPENINFERENCE),
        "other": ("RunnableSequence", {"openinference.span.kind": "CHAIN"}),
    },
    "pydantic-ai before 3": {
        "workflow": ("invoke_workflow report", {"gen_ai.operation.name": "invoke_workflow"}),
        "agent": ("agent run", {"agent_name": "writer", "gen_ai.usage.input_tokens": 999, "model_name": "gpt-4o"}),
        "tool": ("running tool", {"gen_ai.tool.name": "search", "tool_arguments": "a secret"}),
        "llm": ("chat gpt-4o", PYDANTIC_AI),
        "other": ("running 2 tools", {"tools": ("search", "search")}),
    },
}


@pytest.mark.parametrize("dialect", TREES)
def test_calls_are_counted_by_the_tree_of_spans(tracer: Tracer, dialect: str) -> None:
    tree = TREES[dialect]

    def span(kind: str) -> Any:
        name, attributes = tree[kind]
        return tracer.start_as_current_span(name, attributes=attributes)

    with span("workflow"):
        with span("agent"):
            with span("llm"):
                pass
            with span("other"):
                with span("tool"), span("other"), span("llm"):
                    pass
                with span("tool"):
                    pass
            with span("other"), span("llm"):
                pass
        with span("llm"):
            pass
    assert_recorded(WORKFLOW, count=1, gen_ai_workflow_name="report", error_type="")
    assert_recorded(WORKFLOW, count=1)
    assert_recorded(RUNS, count=1, gen_ai_agent_name="writer", outcome="success")
    assert_recorded(INFERENCES, count=1, total=3, gen_ai_agent_name="writer")
    assert_recorded(TOOLS, count=1, total=2, gen_ai_agent_name="writer")
    assert_recorded(TOOL, count=2, gen_ai_tool_name="search", gen_ai_agent_name="writer")
    assert_recorded(LLM, count=4)
    assert_recorded(TOKENS.format("input"), count=400)
    assert_recorded(INVALID, count=0, result="invalid")


@pytest.mark.parametrize("dialect", TREES)
def test_what_a_span_is_may_be_told_at_its_end(tracing: TracerProvider, dialect: str) -> None:
    tracer = tracing.get_tracer(f"{dialect}.instrumentation.tests")

    @contextmanager
    def span(kind: str) -> Iterator[None]:
        name, attributes = TREES[dialect][kind]
        with tracer.start_as_current_span(name) as begun:
            yield
            begun.set_attributes(attributes)

    server = tracing.get_tracer("opentelemetry.instrumentation.fastapi")
    with server.start_as_current_span("GET", kind=SpanKind.SERVER), span("other"):
        with span("llm"):
            pass
        with span("agent"), span("other"):
            with span("llm"):
                pass
            with span("tool"), span("other"), span("llm"):
                pass
            assert_recorded(LLM, count=0)  # whose they are is not known yet
    assert_recorded(LLM, count=3)
    assert_recorded(INFERENCES, count=1, total=2, gen_ai_agent_name="writer")
    assert_recorded(TOOLS, count=1, total=1, gen_ai_agent_name="writer")
    assert_recorded(TOOL, count=1, gen_ai_tool_name="search", gen_ai_agent_name="writer")
    assert_recorded(WORKFLOW, count=1 if dialect == "openinference" else 0)  # the outermost of its chains


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("decorated", [False, True])
def test_an_agent_told_twice_runs_once(tracer: Tracer, late: bool, decorated: bool) -> None:
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "writer"}

    @contextmanager
    def agent() -> Iterator[None]:
        with tracer.start_as_current_span("invoke_agent", attributes={} if late else attributes) as span:
            yield
            span.set_attributes(attributes)

    with ag.agent("writer") if decorated else agent(), tracer.start_as_current_span("step"), agent():
        tracer.start_span("chat", attributes=SEMCONV).end()
        tracer.start_span("execute_tool t", attributes={"gen_ai.operation.name": "execute_tool"}).end()
    assert_recorded(RUNS, count=1, gen_ai_agent_name="writer")
    assert_recorded(INFERENCES, count=1, total=1)
    assert_recorded(TOOLS, count=1, total=1)


def test_an_agent_that_calls_itself_as_a_tool_runs_twice(tracer: Tracer) -> None:
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "writer"}
    with (
        tracer.start_as_current_span("invoke_agent", attributes=attributes),
        tracer.start_as_current_span("execute_tool t", attributes={"gen_ai.operation.name": "execute_tool"}),
        tracer.start_as_current_span("invoke_agent", attributes=attributes),
        tracer.start_as_current_span("chat", attributes=SEMCONV),
    ):
        pass
    assert_recorded(RUNS, count=2, gen_ai_agent_name="writer")
    assert_recorded(INFERENCES, count=2, total=1)
    assert_recorded(TOOLS, count=2, total=1)


def test_what_waits_is_bounded_and_not_lost(tracer: Tracer, processor: SpanProcessor) -> None:
    with tracer.start_as_current_span("long"):
        for _ in range(3_000):
            tracer.start_span("chat", attributes=SEMCONV).end()
        assert_recorded(LLM, count=2_000)
        processor.shutdown()
        assert_recorded(LLM, count=3_000)
    assert_recorded(LLM, count=3_000)


def test_calls_that_end_after_their_agent_are_recorded(tracer: Tracer) -> None:
    with tracer.start_as_current_span("invoke_agent a", attributes={"gen_ai.operation.name": "invoke_agent"}):
        late = tracer.start_span("chat", attributes=SEMCONV)
    late.end()
    assert_recorded(LLM, count=1)
    assert_recorded(INFERENCES, count=1, total=0, gen_ai_agent_name="a")


def test_nothing_of_the_content_is_kept(tracer: Tracer) -> None:
    for tree in TREES.values():
        for name, attributes in tree.values():
            with tracer.start_as_current_span(name, attributes=attributes):
                pass
    CELLS.fold()
    values = {value for family in CELLS.totals.families() for key in family.samples for value in key}
    assert not [value for value in values if "secret" in value or "path" in value]


def test_an_agent_within_an_agent_has_its_own_calls(tracer: Tracer) -> None:
    def agent(name: str) -> Any:
        attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        return tracer.start_as_current_span(f"invoke_agent {name}", attributes=attributes)

    def chat() -> None:
        tracer.start_span("chat", attributes=SEMCONV).end()

    with agent("outer"):
        chat()
        with agent("inner"):
            chat()
            chat()
        chat()
    assert_recorded(INFERENCES, count=1, total=2, gen_ai_agent_name="outer")
    assert_recorded(INFERENCES, count=1, total=2, gen_ai_agent_name="inner")


def test_calls_in_tasks_and_threads_belong_to_the_agent_around_them(tracer: Tracer) -> None:
    async def chat() -> None:
        with tracer.start_as_current_span("chat", attributes=SEMCONV):
            await asyncio.sleep(0)

    def chat_in_thread() -> None:
        with tracer.start_as_current_span("chat", attributes=SEMCONV):
            pass

    async def run(name: str) -> None:
        attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        with tracer.start_as_current_span("invoke_agent", attributes=attributes):
            await asyncio.gather(*(chat() for _ in range(5)))
            thread = threading.Thread(target=contextvars.copy_context().run, args=(chat_in_thread,))
            thread.start()
            thread.join()

    async def both() -> None:
        await asyncio.gather(run("left"), run("right"))

    asyncio.run(both())
    for name in ("left", "right"):
        assert_recorded(INFERENCES, count=1, total=6, gen_ai_agent_name=name)


def test_a_decorated_agent_owns_the_spans_within_it(tracer: Tracer) -> None:
    @ag.agent("decorated")
    def decorated() -> None:
        for _ in range(2):
            with tracer.start_as_current_span("POST"), tracer.start_as_current_span("chat", attributes=SEMCONV):
                pass
        with tracer.start_as_current_span("execute_tool t", attributes={"gen_ai.operation.name": "execute_tool"}):
            pass

    with tracer.start_as_current_span("GET /"):
        decorated()
        with tracer.start_as_current_span("chat", attributes=SEMCONV):
            pass
    assert_recorded(INFERENCES, count=1, total=2, gen_ai_agent_name="decorated")
    assert_recorded(TOOLS, count=1, total=1, gen_ai_agent_name="decorated")
    assert_recorded(TOOL, count=1, gen_ai_tool_name="t", gen_ai_agent_name="decorated")


def test_a_clients_span_within_a_frameworks_is_the_one_call(tracer: Tracer) -> None:
    with (
        tracer.start_as_current_span("invoke_agent a", attributes={"gen_ai.operation.name": "invoke_agent"}),
        tracer.start_as_current_span("ChatOpenAI", attributes=OPENINFERENCE),
        tracer.start_as_current_span("POST"),
        tracer.start_as_current_span("openai.chat", attributes=SEMCONV),
    ):
        pass
    assert_recorded(LLM, count=1, gen_ai_request_model="gpt-4o")
    assert_recorded(LLM, count=1)
    assert_recorded(INFERENCES, count=1, total=1, gen_ai_agent_name="a")


@pytest.mark.parametrize(
    ("error", "error_type", "outcome"),
    [
        (ValueError("a secret"), "ValueError", "failure"),
        (TimeoutError(), "timeout", "timeout"),
        (subprocess.TimeoutExpired("a secret", 1), "TimeoutExpired", "failure"),
    ],
)
def test_an_error_is_its_class(tracer: Tracer, error: Exception, error_type: str, outcome: str) -> None:
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
    with (
        pytest.raises(type(error)),
        tracer.start_as_current_span("invoke_agent", attributes=attributes),
        tracer.start_as_current_span("chat", attributes=SEMCONV),
    ):
        raise error
    assert_recorded(LLM, count=1, error_type=error_type)
    assert_recorded(RUNS, count=1, gen_ai_agent_name="a", outcome=outcome)


def test_an_error_type_told_by_the_instrumentation_comes_first(tracer: Tracer) -> None:
    for told, kept in (
        ("429", "429"),
        ("openai.RateLimitError", "RateLimitError"),
        ("", "_OTHER"),
        ("x" * 999, "x" * 100),
    ):
        span = tracer.start_span("chat", attributes={**SEMCONV, "error.type": told})
        span.set_status(Status(StatusCode.ERROR, "a secret"))
        span.end()
        assert_recorded(LLM, count=1, error_type=kept)


def test_a_cancelled_call_is_cancelled_and_what_handles_it_is_not(tracer: Tracer) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "clean-up"}

    async def call() -> None:
        try:
            with tracer.start_as_current_span("invoke_agent", attributes=agent):
                with tracer.start_as_current_span("execute_tool", attributes=tool):
                    pass
                with tracer.start_as_current_span("chat", attributes=SEMCONV):
                    begun.set()
                    await asyncio.sleep(3600)
        except asyncio.CancelledError:
            with tracer.start_as_current_span("execute_tool", attributes=tool):
                await asyncio.sleep(0)
            raise

    async def cancel() -> None:
        task = asyncio.create_task(call())
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    begun = asyncio.Event()
    asyncio.run(cancel())
    assert_recorded(LLM, count=1, error_type="cancelled")
    assert_recorded(RUNS, count=1, gen_ai_agent_name="a", outcome="cancelled")
    assert_recorded(TOOL, count=2, error_type="")


@pytest.mark.parametrize(("status", "error_type"), [(StatusCode.UNSET, "cancelled"), (StatusCode.OK, "")])
def test_a_cancellation_told_by_an_event_is_one_unless_all_went_well(
    tracer: Tracer, status: StatusCode, error_type: str
) -> None:
    span = tracer.start_span("chat", attributes=SEMCONV)
    span.record_exception(asyncio.CancelledError())
    span.set_status(status)
    span.end()
    assert_recorded(LLM, count=1, error_type=error_type)


def test_a_span_that_says_what_it_is_is_in_flight_once_until_it_ends_or_is_gone(tracer: Tracer) -> None:
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}

    def flying() -> dict[str, float]:
        return {kind: recorded_of("agentgauge_in_flight", kind=kind).count for kind in ("agent", "llm", "tool")}

    with tracer.start_as_current_span("invoke_agent", attributes=agent):
        with (
            tracer.start_as_current_span("invoke_agent", attributes=agent),
            tracer.start_as_current_span("framework.chat", attributes=SEMCONV),
            tracer.start_as_current_span("openai.chat", attributes=OPENLLMETRY),
        ):
            assert flying() == {"agent": 1, "llm": 1, "tool": 0}
        with tracer.start_as_current_span("execute_tool", attributes=tool):
            assert flying() == {"agent": 1, "llm": 0, "tool": 1}
            assert_recorded("agentgauge_in_flight", count=1, kind="tool", name="t")
        lost = tracer.start_span("execute_tool", attributes=tool)
        assert flying()["tool"] == 1
        del lost
        gc.collect()
    assert flying() == {"agent": 0, "llm": 0, "tool": 0}


def test_the_chunks_of_a_stream_are_timed_by_their_events(tracer: Tracer) -> None:
    start = 1_700_000_000_000_000_000
    span = tracer.start_span("chat", attributes=OPENLLMETRY, start_time=start)
    for milliseconds in (200, 300, 500):
        span.add_event("llm.content.completion.chunk", timestamp=start + milliseconds * 1_000_000)
    span.end(start + 600_000_000)
    assert_recorded("gen_ai_client_operation_time_to_first_chunk_seconds", count=1, total=pytest.approx(0.2))
    assert_recorded("gen_ai_client_operation_time_per_output_chunk_seconds", count=1, total=pytest.approx(0.15))
    assert_recorded(LLM, count=1, total=pytest.approx(0.6))


def test_a_call_that_was_not_streamed_has_no_first_chunk(tracer: Tracer) -> None:
    # OpenLIT gives such calls their whole duration for it.
    tracer.start_span("chat", attributes={**OPENLIT, "gen_ai.request.is_stream": False}).end()
    assert_recorded(LLM, count=1)
    assert_recorded("gen_ai_client_operation_time_to_first_chunk_seconds", count=0)


def test_what_comes_to_wait_for_a_span_that_ends_just_then_is_not_lost(
    tracer: Tracer, processor: SpanProcessor
) -> None:
    parent = tracer.start_span("late")

    class EndsFirst(list[Any]):
        def append(self, waiting: Any) -> None:
            parent.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "late"})
            parent.end()
            super().append(waiting)

    (place,) = processor._open.values()
    place.waiting = EndsFirst()
    with trace.use_span(parent):
        tracer.start_span("execute_tool t", attributes={"gen_ai.operation.name": "execute_tool"}).end()
    assert_recorded(TOOL, count=1, gen_ai_tool_name="t", gen_ai_agent_name="late")


def test_a_stream_of_more_chunks_than_the_span_keeps_has_no_first_one(tracer: Tracer) -> None:
    span = tracer.start_span("chat", attributes=OPENLLMETRY)
    for _ in range(1_000):
        span.add_event("llm.content.completion.chunk")
    span.end()
    assert_recorded(LLM, count=1)
    assert_recorded("gen_ai_client_operation_time_to_first_chunk_seconds", count=0)


def test_cached_tokens_told_apart_are_added_to_the_input(tracer: Tracer) -> None:
    attributes = {**OPENLLMETRY, "gen_ai.usage.prompt_tokens": 4, "gen_ai.usage.cache_read_input_tokens": 5000}
    tracer.start_span("chat", attributes=attributes).end()
    assert_recorded(TOKENS.format("input"), count=5014)


def test_a_call_without_a_told_price_is_priced_by_the_list(tracer: Tracer) -> None:
    attributes = {**SEMCONV_BEFORE, "gen_ai.system": "openai", "gen_ai.usage.input_tokens": 1_000_000}
    tracer.start_span("chat", attributes=attributes).end()
    cost = recorded_of("agentgauge_llm_cost_usd_total", gen_ai_request_model="gpt-4o", cost_source="genai-prices")
    assert cost.count == pytest.approx(2.5 + 20 * 10e-6)


def test_spans_that_never_end_take_bounded_memory() -> None:
    processor = SpanProcessor(max_open_spans=100)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("tests")
    begun = [tracer.start_span("chat", attributes=SEMCONV) for _ in range(1_000)]
    assert len(processor._open) == 100
    for span in begun:
        span.end()
    assert len(processor._open) == 0
    assert_recorded(LLM, count=1_000)
    provider.shutdown()


def test_an_agent_forgotten_is_still_a_run(tracer: Tracer, processor: SpanProcessor) -> None:
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "long"}
    with tracer.start_as_current_span("invoke_agent", attributes=attributes):
        processor.shutdown()
        with tracer.start_as_current_span("chat", attributes=SEMCONV):
            pass
    assert_recorded(RUNS, count=1, gen_ai_agent_name="long")
    assert_recorded(INFERENCES, count=1, total=0, gen_ai_agent_name="long")
    assert_recorded(LLM, count=1)


KEYS = sorted({key for tree in TREES.values() for _, attributes in tree.values() for key in attributes})
VALUES = st.one_of(
    st.text(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.lists(st.text(), max_size=3)
)


@given(st.text(), st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_no_span_ever_raises_or_is_refused(name: str, attributes: dict[str, Any]) -> None:
    with recording():
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SpanProcessor())
        tracer = provider.get_tracer("tests")
        with tracer.start_as_current_span(name, attributes=attributes) as span:
            tracer.start_span("chat", attributes=SEMCONV).end()
            span.set_status(StatusCode.ERROR)
        provider.shutdown()
        assert_recorded(INVALID, count=0, result="invalid")
        assert recorded_of(LLM).count >= 1


def test_what_cannot_be_read_is_counted_and_never_raised(processor: SpanProcessor) -> None:
    processor.on_start(None)
    processor.on_end(object())
    assert processor.force_flush()
    assert_recorded(INVALID, count=2, source="instrument", result="invalid")


def test_spans_end_in_any_thread_and_none_is_lost(tracer: Tracer) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "parallel"}
        with tracer.start_as_current_span("invoke_agent", attributes=attributes) as agent:
            within = trace.set_span_in_context(agent)

            def work() -> None:
                for _ in range(500):
                    tracer.start_span("chat", attributes=SEMCONV, context=within).end()

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert_recorded(INFERENCES, count=1, total=2_000, gen_ai_agent_name="parallel")
    assert_recorded(LLM, count=2_000)


def test_without_the_sdk_the_import_says_what_to_install() -> None:
    program = "import sys; sys.modules['opentelemetry.sdk'] = None; import agentgauge.instrument.otel"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stderr.strip().endswith("pip install 'agentgauge[otel]'")


def test_a_span_of_the_future_is_not_of_the_future(tracer: Tracer) -> None:
    tracer.start_span("chat", attributes=SEMCONV, start_time=time.time_ns() + 10**12).end()
    assert_recorded(LLM, count=1, total=0)
