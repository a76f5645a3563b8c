"""Decorated functions keep their types, in the eyes of mypy --strict."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def mypy(*files: Path) -> str:
    command = [sys.executable, "-m", "mypy", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT).stdout


def test_decorated_functions_keep_their_types() -> None:
    assert mypy(Path(__file__).with_name("kept_types.py")).startswith("Success")


def test_a_lost_type_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "lost.py"
    file.write_text(
        "import agentgauge as ag\n"
        "@ag.tool\n"
        "def f(key: int) -> str: return str(key)\n"
        "f('a')\n"
        "x: int = f(1)\n"
        "ag.tool('t')(f).missing\n"
    )
    found = mypy(file)
    assert 'Argument 1 to "f" has incompatible type "str"; expected "int"' in found
    assert 'expression has type "str", variable has type "int"' in found
    assert '"missing"' in found
