"""Hook command: a shell's command line with agentgauge-hook before it, where that changes nothing else."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path, PurePosixPath
from typing import Final

from agentgauge.errors import UsageError

_OURS: Final = re.compile(
    r"(?:'[^']*agentgauge-hook'|[^\s']*agentgauge-hook) --system claude_code --event \w+ --name [\w.-]+ -- "
)
_SYNTAX: Final = re.compile(r"[;&|<>()`\n]|\$\(|^\s*\w+=|^\s*[{!]")
_BUILTINS: Final = re.compile(
    r"[.:]|\[+|alias|builtin|case|cd|command|eval|exec|exit|export|false|for|function|if|set|shift|source|test|time|trap"
    r"|true|ulimit|umask|unset|until|while"
)
_INTERPRETERS: Final = re.compile(r"(ba|da|z|k)?sh|env|python[\d.]*|node|bun|deno|ruby|perl|uv|npx|run|bunx|poetry|php")


def program() -> str:
    """Return the path of agentgauge-hook.

    Raises:
        UsageError: it is not installed.
    """
    beside = Path(sys.executable).with_name("agentgauge-hook")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("agentgauge-hook")
    if found is None:
        raise UsageError("agentgauge-hook is not on PATH; install agentgauge where this command is")
    return found


def prefix(command: str, event: str) -> str:
    """Return what to put before a command line; nothing where it has it, or a shell would then do something else.

    Args:
        command: one command of a shell, its variables and quotes included.
        event: of the hook.

    Raises:
        UsageError: agentgauge-hook is not installed.
    """
    if _OURS.match(command) or _SYNTAX.search(command) or not re.fullmatch(r"\w+", event):
        return ""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    if not words or _BUILTINS.fullmatch(words[0]) or "agentgauge-hook" in words[0]:
        return ""
    return f"{shlex.quote(program())} --system claude_code --event {event} --name {_name(words)} -- "


def ours(command: str) -> int:
    """Return how many characters at the beginning of a command line are ours."""
    match = _OURS.match(command)
    return match.end() if match else 0


def _name(words: list[str]) -> str:
    """Return the name of what is run: a script's own, not its interpreter's, and neither its path nor arguments."""
    names = [PurePosixPath(word).name for word in words if not word.startswith("-")]
    first = next((name for name in names if not _INTERPRETERS.fullmatch(name)), names[0] if names else "")
    return label_name(first)


def label_name(text: str) -> str:
    """Return a text as a hook's name that needs no quotes."""
    return re.sub(r"[^\w.-]", "-", text, flags=re.ASCII).strip("-")[:60] or "hook"
