"""A sample agent with tools, calls to a model and hooks, so that a newcomer sees numbers move.

Everything it records has ``sample`` in its name, and nothing it does leaves the machine. It is a process of its own
that reaches the exporter as a service's workers do, through the spool; it ends when its parent does.
"""

import contextlib
import os
import random
import subprocess
import sys
import time

import agentgauge as ag

_PROVIDER = "sample"
_FAST, _LARGE = "sample-model-fast", "sample-model-large"

_faithfulness = ag.evaluation("sample-faithfulness", evaluator="sample")
_cache = ag.cache("sample-cache")


class _ToolError(Exception):
    """What a tool of the sample sometimes raises."""


def _wait(median_seconds: float) -> None:
    time.sleep(median_seconds * random.lognormvariate(0, 0.15))


def _ask(model: str, input_tokens: int) -> None:
    with ag.llm_call(model, provider=_PROVIDER) as call:
        _wait(0.06 if model == _FAST else 0.15)
        cached = int(input_tokens * random.uniform(0.5, 0.8))
        output = random.randint(50, 400)
        call.usage(
            input_tokens=input_tokens,
            output_tokens=output,
            cache_read_input_tokens=cached,
            cost_usd=(input_tokens - cached) * 1e-6 + cached * 1e-7 + output * 5e-6,
        )


@ag.tool("sample-search")
def _search() -> None:
    _wait(0.04)
    if random.random() < 0.03:
        raise _ToolError


@ag.tool("sample-calculator")
def _calculate() -> None:
    _wait(0.005)


@ag.agent("sample-researcher", task_type="research")
def _research() -> None:
    for _ in range(random.randint(1, 3)):
        _ask(_FAST, random.randint(800, 3000))
        if random.random() < 0.6:
            _cache.hit()
        else:
            _cache.miss()
            try:
                _search()
                ag.tool_selection("sample-search", "correct" if random.random() < 0.9 else "unnecessary")
            except _ToolError:
                _calculate()
                ag.workflow.recovery("sample-fallback")
    _faithfulness.score(min(1.0, random.betavariate(18, 2)))


@ag.agent("sample-writer", task_type="draft")
def _write() -> None:
    _ask(_LARGE, random.randint(2000, 8000))
    ag.revisions(random.choice((0, 0, 0, 1, 1, 2)))
    if random.random() < 0.02:
        raise TimeoutError


@ag.workflow("sample-report")
def _report() -> None:
    ag.workflow.transition("researching")
    _research()
    ag.workflow.branch("sample-long" if random.random() < 0.3 else "sample-short")
    ag.workflow.transition("writing")
    _write()
    ag.feedback(random.random() < 0.9, agent="sample-writer", task_type="draft")


def _run_hook() -> None:
    hook = [sys.executable, "-m", "agentgauge.spool.hook", "--system", "git", "--event", "pre-commit"]
    subprocess.run([*hook, "--name", "sample-lint", "--", "true"], check=False)


def main(parent: int) -> None:
    """Work until the parent process ends.

    Args:
        parent: its id, told by itself: asked for here it might be another's already.
    """
    ag.report_to_spool()
    hook_due = 0.0
    while os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            _report()
        if time.monotonic() >= hook_due:
            _run_hook()
            hook_due = time.monotonic() + 5
        _wait(0.2)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else os.getppid())
    except KeyboardInterrupt:
        sys.exit(130)
