import pytest

from agentgauge_spool import home, spool_file, spool_max_bytes


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("AGENTGAUGE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "/home/ada/.local/state/agentgauge"),
        ({"XDG_STATE_HOME": "/state"}, "/state/agentgauge"),
        ({"XDG_STATE_HOME": "relative"}, "/home/ada/.local/state/agentgauge"),
        ({"XDG_STATE_HOME": "/state", "AGENTGAUGE_HOME": "/own/"}, "/own"),
        ({"AGENTGAUGE_HOME": "~/own"}, "/home/ada/own"),
        ({"AGENTGAUGE_HOME": ""}, "/home/ada/.local/state/agentgauge"),
    ],
)
def test_home(variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert home() == expected
    assert spool_file() == f"{expected}/spool/spool.jsonl"


@pytest.mark.parametrize(("value", "size"), [("", 1 << 30), ("4096", 4096), ("1 GiB", 1 << 30), ("-1", 1 << 30)])
def test_the_limit_of_the_spool(value: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTGAUGE_SPOOL_MAX_BYTES", value)
    assert spool_max_bytes() == size
