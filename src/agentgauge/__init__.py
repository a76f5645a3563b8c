"""Prometheus-native performance monitoring for AI agents and the hooks around them.

    import agentgauge as ag

    @ag.agent
    async def researcher(question): ...

Importing this package loads nothing; each name is loaded when it is first used.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers go by the name; importing typing costs a hook as much as all of its own work
if TYPE_CHECKING:
    from agentgauge.instrument import (
        agent,
        cache,
        cached,
        evaluation,
        event,
        feedback,
        hook,
        instrument_dbapi,
        instrument_redis,
        instrument_sqlalchemy,
        llm_call,
        outcome,
        register,
        report_to_spool,
        revisions,
        serve,
        tool,
        tool_selection,
        workflow,
    )

__all__ = [
    "__version__",
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


if not TYPE_CHECKING:  # to type checkers, a name that is not there is an error

    def __getattr__(name: str) -> object:
        if name in __all__:
            from agentgauge import instrument

            value = getattr(instrument, name)
            globals()[name] = value
            return value
        raise AttributeError(f"module 'agentgauge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
