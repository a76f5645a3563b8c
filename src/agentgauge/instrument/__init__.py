"""For services: decorators and context managers that record calls.

``agent``, ``tool``, ``workflow``, ``hook`` and ``llm_call`` each work as a decorator with and without
parentheses and as a context manager, for synchronous and asynchronous code. They never raise into the code they
measure and never look at its arguments; wrong use fails where the decorator is applied, with UsageError.
"""

from agentgauge.instrument.agent import agent
from agentgauge.instrument.cached import cached, instrument_redis
from agentgauge.instrument.database import instrument_dbapi, instrument_sqlalchemy
from agentgauge.instrument.events import cache, evaluation, event
from agentgauge.instrument.hook import hook
from agentgauge.instrument.llm import llm_call
from agentgauge.instrument.registry import register, serve
from agentgauge.instrument.tool import tool
from agentgauge.instrument.verdicts import feedback, outcome, revisions, tool_selection
from agentgauge.instrument.worker import report_to_spool
from agentgauge.instrument.workflow import workflow

register()

__all__ = [
    "agent",
    "cache",
    "cached",
    "evaluation",
    "event",
    "feedback",
    "hook",
    "instrument_dbapi",
    "instrument_redis",
    "instrument_sqlalchemy",
    "llm_call",
    "outcome",
    "register",
    "report_to_spool",
    "revisions",
    "serve",
    "tool",
    "tool_selection",
    "workflow",
]
