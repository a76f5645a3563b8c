"""Where the clients of agents keep what they write: each one's own variable says so, else its usual place."""

import os


def claude_code(name: str) -> str:
    """Return the path of something in Claude Code's directory: CLAUDE_CONFIG_DIR, else ``~/.claude``."""
    return _inside("CLAUDE_CONFIG_DIR", "~/.claude", name)


def codex(name: str) -> str:
    """Return the path of something in Codex CLI's directory: CODEX_HOME, else ``~/.codex``."""
    return _inside("CODEX_HOME", "~/.codex", name)


def copilot(name: str) -> str:
    """Return the path of something in Copilot CLI's directory: COPILOT_HOME, else ``~/.copilot``."""
    return _inside("COPILOT_HOME", "~/.copilot", name)


def gemini(name: str) -> str:
    """Return the path of something in Gemini CLI's directory: ``.gemini`` in GEMINI_CLI_HOME, else in the home."""
    return _inside("GEMINI_CLI_HOME", "~", f".gemini/{name}")


def _inside(variable: str, usual: str, name: str) -> str:
    directory = os.environ.get(variable) or usual  # an empty one is none, for the clients as well
    return f"{directory.rstrip('/')}/{name}"
