"""The public names, frozen: a change here is a change for every user."""

import subprocess
import sys
from pathlib import Path

import pytest

import agentgauge

SOURCE = Path(agentgauge.__file__).parents[1]
NAMES = [
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


def test_the_public_names_are_these() -> None:
    assert agentgauge.__all__ == NAMES
    assert dir(agentgauge) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(agentgauge, name)
    assert name == "__version__" or (callable(value) and (value.__doc__ or type(value).__doc__))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'agentgauge' has no attribute 'agents'"):
        _ = agentgauge.agents  # type: ignore[attr-defined]


def test_importing_the_package_loads_nothing_else() -> None:
    program = (
        "import sys; before = set(sys.modules); import agentgauge; "
        "print(*sorted(set(sys.modules) - before - {'agentgauge'}))"
    )
    result = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, cwd=SOURCE)
    assert (result.stdout.strip(), result.stderr) == ("", "")


def test_instrumenting_loads_no_framework() -> None:
    program = (
        "import agentgauge as ag, sys; ag.agent('a')(print)('x'); "
        "print(*sorted({'sqlalchemy', 'opentelemetry', 'genai_prices', 'msgspec', 'psutil', 'numpy', 'pytest'}"
        " & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.stdout.split("x")[-1].strip(), result.stderr) == ("", "")
