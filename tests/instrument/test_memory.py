"""The growth of memory during calls that ask for it, and of no others."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import agentgauge as ag
from agentgauge.errors import UsageError
from agentgauge.testing import assert_recorded, recorded_of

GROWTH = "agentgauge_call_memory_growth_bytes"
_MEGABYTE = 1 << 20


def test_what_a_call_keeps_is_its_growth() -> None:
    kept: list[bytes] = []

    @ag.tool("hoarder", memory=True)
    def hoarder(megabytes: int) -> int:
        kept.append(b"x" * (megabytes * _MEGABYTE))
        return megabytes

    assert hoarder(64) == 64
    growth = recorded_of(GROWTH, kind="tool", name="hoarder")
    assert growth.count == 1
    assert 60 * _MEGABYTE < growth.total < 100 * _MEGABYTE
    assert_recorded("gen_ai_execute_tool_duration_seconds", count=1, gen_ai_tool_name="hoarder")


def test_what_a_call_frees_is_no_growth() -> None:
    kept = [b"x" * (64 * _MEGABYTE)]
    with ag.workflow("frees", memory=True):
        kept.clear()
    assert_recorded(GROWTH, count=1, total=0, kind="workflow", name="frees")


def test_every_kind_of_call_and_every_end_is_observed() -> None:
    @ag.agent("streams", memory=True)
    def streams() -> Iterator[int]:
        yield 1
        yield 2

    @ag.agent("fails", memory=True)
    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError

    assert list(streams()) == [1, 2]
    next(streams())
    with pytest.raises(ValueError):
        asyncio.run(fails())
    with ag.agent("block", memory=True) as run:
        run.outcome("budget")
    assert_recorded(GROWTH, count=2, kind="agent", name="streams")
    assert_recorded(GROWTH, count=1, kind="agent", name="fails")
    assert_recorded(GROWTH, count=1, kind="agent", name="block")
    assert_recorded("agentgauge_agent_runs_total", count=1, gen_ai_agent_name="block", outcome="budget")


def test_a_call_that_does_not_ask_is_not_observed() -> None:
    with ag.agent("plain-memory"), ag.workflow("plain-memory"):
        pass
    assert recorded_of(GROWTH, name="plain-memory").series == 0


def test_where_memory_cannot_be_told_it_is_refused_at_decoration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: False)
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(UsageError, match="pip install psutil"):
        ag.tool("x", memory=True)(int.bit_length)
