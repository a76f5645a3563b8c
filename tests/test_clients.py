import pytest

from agentgauge.configuration import Collectors, Configuration

VARIABLES = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "GEMINI_CLI_HOME")


def directories(collectors: Collectors) -> list[tuple[str, ...]]:
    clients = (collectors.claude_code, collectors.codex, collectors.copilot, collectors.gemini)
    return [client.directories for client in clients]


@pytest.mark.parametrize("empty", [True, False])
def test_sessions_are_looked_for_where_clients_usually_keep_them(monkeypatch: pytest.MonkeyPatch, empty: bool) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        if empty:
            monkeypatch.setenv(variable, "")
    assert directories(Configuration().collectors) == [
        ("~/.claude/projects",),
        ("~/.codex/sessions",),
        ("~/.copilot/session-state",),
        ("~/.gemini/tmp",),
    ]


def test_a_clients_own_variable_says_where_its_sessions_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, f"/srv/{variable}/")
    assert directories(Configuration().collectors) == [
        ("/srv/CLAUDE_CONFIG_DIR/projects",),
        ("/srv/CODEX_HOME/sessions",),
        ("/srv/COPILOT_HOME/session-state",),
        ("/srv/GEMINI_CLI_HOME/.gemini/tmp",),
    ]
