import base64
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import bcrypt
import pytest
from click.testing import CliRunner, Result

from agentgauge.cli import group
from agentgauge.errors import UsageError
from tests.cli.conftest import Start
from tests.collectors.payload import SECRET, payload


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(group, ["hooks", *arguments], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.json"
    path.write_text('{"model": "opus"}\n')
    return path


def test_a_dry_run_shows_and_changes_nothing(settings: Path) -> None:
    for direction in ("install", "uninstall"):
        before = settings.read_bytes()
        result = run(direction, "claude-code", "--settings", str(settings), "--dry-run")
        assert result.exit_code == 0
        assert result.output.startswith("--- ")
        assert "/hooks/claude-code" in result.output
        assert settings.read_bytes() == before
        run("install", "claude-code", "--settings", str(settings))


def test_a_second_time_changes_nothing(settings: Path) -> None:
    assert "report to the exporter" in run("install", "claude-code", "--settings", str(settings)).output
    installed = settings.read_bytes()
    assert run("install", "claude-code", "--settings", str(settings)).output == "nothing to change\n"
    assert settings.read_bytes() == installed
    assert "as they were" in run("uninstall", "claude-code", "--settings", str(settings)).output
    assert run("uninstall", "claude-code", "--settings", str(settings)).output == "nothing to change\n"
    assert settings.read_text() == '{"model": "opus"}\n'


def test_git_and_pre_commit_are_wired_in_a_directory(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    hook = tmp_path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    config = tmp_path / ".pre-commit-config.yaml"
    config.write_text("repos: [{repo: local, hooks: [{id: a, entry: b, language: system}]}]\n")
    for what, path in (("git", hook), ("pre-commit", config)):
        before = path.read_bytes()
        assert "+" in run("install", what, "--directory", str(tmp_path), "--dry-run").output
        assert path.read_bytes() == before
        assert "counted" in run("install", what, "--directory", str(tmp_path)).output
        assert b"agentgauge-hook" in path.read_bytes()
        assert "as they were" in run("uninstall", what, "--directory", str(tmp_path)).output
        assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["127.0.0.1:10420", "ftp://a", "http://", "http://a?b"])
def test_what_is_no_url_is_refused(settings: Path, url: str) -> None:
    with pytest.raises(UsageError, match="--exporter"):
        run("install", "claude-code", "--settings", str(settings), "--exporter", url)


def test_a_mistake_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agentgauge", "hooks", "install", "git", "--directory", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("agentgauge: ")
    assert done.stderr.count("\n") == 1


def test_what_is_installed_reaches_the_exporter(start: Start, settings: Path) -> None:
    exporter = start("exporter", "--web.listen-address", "127.0.0.1:0")
    run("install", "claude-code", "--settings", str(settings), "--exporter", f"http://127.0.0.1:{exporter.port}")
    (group_of_one,) = json.loads(settings.read_text())["hooks"]["PreToolUse"]
    (hook,) = group_of_one["hooks"]

    def send(body: bytes) -> bytes:
        request = urllib.request.Request(hook["url"], body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: bytes = response.read()
            return answer

    assert send(payload("PreToolUse", "Bash", "toolu_1")) == b"{}"
    assert send(payload("PermissionRequest", "Bash")) == b"{}"
    exporter.scrape()
    exporter.kill()
    exporter = start("exporter", "--web.listen-address", f"127.0.0.1:{exporter.port}")
    assert send(payload("PostToolUse", "Bash", "toolu_1")) == b"{}"
    exporter.scrape()
    samples = exporter.scrape()
    events = {dict(labels)["hook_event"]: value for (name, labels), value in samples.items() if "hook_events" in name}
    assert events == {"PreToolUse": 1, "PermissionRequest": 1, "PostToolUse": 1}
    granted = frozenset({("gen_ai_tool_name", "Bash"), ("decision", "granted")})
    assert samples["agentgauge_tool_permissions_total", granted] == 1
    assert SECRET not in str(samples)
    checkpoint = (settings.parent / "state" / "exporter" / "checkpoint.json").read_text()
    assert SECRET not in checkpoint
    assert "toolu" not in checkpoint


def test_a_hook_is_let_in_by_the_variable_its_settings_name(
    start: Start, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = settings.with_name("web.yml")
    hashed = bcrypt.hashpw(b"a password", bcrypt.gensalt(4)).decode()
    web.write_text(f"basic_auth_users: {{claude: {hashed}}}\n")
    # Whoever is not let in cannot ask whether it is ready; payloads are taken before.
    exporter = start("exporter", "--web.listen-address", "127.0.0.1:0", "--web.config.file", str(web), ready=False)
    url = f"http://127.0.0.1:{exporter.port}"
    run("install", "claude-code", "--settings", str(settings), "--exporter", url, "--authorization", "MY_SECRET")
    assert "a password" not in settings.read_text()
    (group_of_one,) = json.loads(settings.read_text())["hooks"]["Stop"]
    (hook,) = group_of_one["hooks"]
    monkeypatch.setenv("MY_SECRET", "Basic " + base64.b64encode(b"claude:a password").decode())

    def send(headers: dict[str, str]) -> int:
        request = urllib.request.Request(
            hook["url"], payload("Stop"), {"Content-Type": "application/json", **headers}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                status: int = response.status
        except urllib.error.HTTPError as error:
            status = error.code
        return status

    # As Claude Code does: variables that are allowed are put in, any other is empty.
    allowed = {name: os.environ[name] for name in hook["allowedEnvVars"]}
    filled = {name: re.sub(r"\$(\w+)", lambda of: allowed.get(of[1], ""), v) for name, v in hook["headers"].items()}
    assert send(filled) == 200
    assert send({}) == 401


@pytest.mark.parametrize("value", ["Basic abc=", "a b", "1A", "$A", "A=b"])
def test_a_secret_in_place_of_its_variables_name_is_refused_and_not_repeated(settings: Path, value: str) -> None:
    before = settings.read_bytes()
    with pytest.raises(UsageError, match="--authorization") as refused:
        run("install", "claude-code", "--settings", str(settings), "--authorization", value)
    assert value not in str(refused.value)
    assert settings.read_bytes() == before


def test_settings_are_those_of_claude_codes_own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    run("install", "claude-code")
    assert b"/hooks/claude-code" in (tmp_path / "elsewhere" / "settings.json").read_bytes()
    run("uninstall", "claude-code")
    assert not (tmp_path / "elsewhere" / "settings.json").exists()
