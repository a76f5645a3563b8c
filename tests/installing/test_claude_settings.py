import codecs
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.collectors.hook_payload import EVENTS as KNOWN
from agentgauge.errors import UsageError
from agentgauge.installing.change import Plan
from agentgauge.installing.claude_settings import EVENTS, NEWER_EVENTS, install, uninstall

EXPORTER = "http://127.0.0.1:10420"
OURS = {"hooks": [{"type": "http", "url": f"{EXPORTER}/hooks/claude-code", "timeout": 5}]}


def apply(plan: Plan) -> Plan:
    for change in plan.changes:
        change.apply()
    return plan


def with_ours(
    body: dict[str, Any], events: tuple[str, ...] = EVENTS, authorization: str | None = None
) -> dict[str, Any]:
    """Return settings as they should be after an installation, less what is before commands."""
    body = json.loads(json.dumps(body))
    header = {"headers": {"Authorization": f"${authorization}"}, "allowedEnvVars": [authorization]}
    (hook,) = OURS["hooks"]
    group = {"hooks": [hook | header if authorization else hook]}
    for event in events:
        body.setdefault("hooks", {}).setdefault(event, []).append(group)
    return body


def same(one: object, other: object) -> bool:
    """Compare with the order of keys."""
    return json.dumps(one) == json.dumps(other)


COMMAND = {
    "matcher": "Bash",
    "hooks": [
        {"type": "command", "command": 'python3 "$CLAUDE_PROJECT_DIR"/hooks/check.py --strict', "timeout": 3},
        {"command": "a | b", "type": "command"},
        {"type": "command", "command": "a", "args": ["b"]},
        {"type": "prompt", "prompt": "command"},
    ],
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"model": "opus"},
    {"hooks": {}},
    {"hooks": {"PreToolUse": []}, "model": "opus"},
    {"env": {"A": "b"}, "hooks": {"PreToolUse": [COMMAND], "Other": [COMMAND, COMMAND]}, "permissions": {"allow": []}},
    {"hooks": {"Stop": [{"hooks": []}]}, "x": '}{"][,: \\" é'},
]
LAYOUTS: list[Callable[[dict[str, Any]], str]] = [
    lambda body: json.dumps(body, indent=2) + "\n",
    lambda body: json.dumps(body, indent=2),
    lambda body: json.dumps(body, indent=4) + "\n\n",
    lambda body: json.dumps(body, indent="\t") + "\n",
    lambda body: json.dumps(body, indent=2).replace("\n", "\r\n") + "\r\n",
    lambda body: json.dumps(body),
    lambda body: json.dumps(body, separators=(",", ":")) + "\n",
    lambda body: json.dumps(body, indent=2).replace(":", " :").replace("\n", "\n\n"),
    lambda body: f"  \n{json.dumps(body, indent=0)}",
    lambda body: json.dumps(body, ensure_ascii=False, indent=3).replace("{}", "{ }").replace("[]", "[\n\n]"),
]


def unprefixed(body: bytes) -> Any:
    """Return settings without what is before commands."""
    return json.loads(re.sub(rb"[^\"\s]*agentgauge-hook [^\"]*? -- ", b"", body))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("body", SETTINGS)
def test_hooks_are_added_and_the_very_bytes_given_back(
    tmp_path: Path, body: dict[str, Any], layout: Callable[[dict[str, Any]], str]
) -> None:
    path = tmp_path / "settings.json"
    original = layout(body).encode()
    path.write_bytes(original)
    path.chmod(0o640)
    expected = with_ours(json.loads(original))
    apply(install(path, EXPORTER, commands=True))
    installed = path.read_bytes()
    assert same(unprefixed(installed), expected)
    assert installed.count(b"--name check.py -- python3 ") == installed.count(b"check.py --strict")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert install(path, EXPORTER, commands=True).changes == ()
    assert uninstall(path).notes == []
    apply(uninstall(path))
    assert path.read_bytes() == original
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]
    assert uninstall(path).changes == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
COMMANDS = st.fixed_dictionaries({"type": st.just("command"), "command": st.text(max_size=8)})
GROUPS = st.lists(
    st.fixed_dictionaries({"hooks": st.lists(COMMANDS | JSON, max_size=2)})
    | st.dictionaries(st.text(), JSON, max_size=2),
    max_size=2,
)
HOOKS = st.dictionaries(st.sampled_from([*EVENTS[:3], "Another"]), GROUPS, max_size=3)
ANY_SETTINGS = st.tuples(st.dictionaries(st.text(max_size=5), JSON, max_size=3), st.none() | HOOKS, st.booleans()).map(
    lambda parts: (
        {k: v for k, v in parts[0].items() if k != "hooks"}
        if parts[1] is None
        else {"hooks": parts[1], **{k: v for k, v in parts[0].items() if k != "hooks"}}
        if parts[2]
        else {**{k: v for k, v in parts[0].items() if k != "hooks"}, "hooks": parts[1]}
    )
)


@settings(max_examples=25)
@given(
    body=ANY_SETTINGS,
    layout=st.sampled_from(LAYOUTS),
    newer=st.booleans(),
    commands=st.booleans(),
    mark=st.sampled_from([b"", codecs.BOM_UTF8]),
    authorization=st.sampled_from([None, "MY_SECRET"]),
)
def test_any_settings_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    body: dict[str, Any],
    layout: Callable[[dict[str, Any]], str],
    newer: bool,
    commands: bool,
    mark: bytes,
    authorization: str | None,
) -> None:
    path = tmp_path_factory.mktemp("any") / "settings.json"
    original = mark + layout(body).encode()
    path.write_bytes(original)
    events = (*EVENTS, *NEWER_EVENTS) if newer else EVENTS
    expected = with_ours(body, events, authorization)

    def installed() -> None:
        apply(install(path, EXPORTER, newer=newer, commands=commands, authorization=authorization))
        assert path.read_bytes().startswith(mark)
        assert same(unprefixed(path.read_bytes().removeprefix(mark)), expected)
        # Asked for a second time, also without the variable: there is nothing to change.
        assert install(path, EXPORTER, newer=newer, commands=commands).changes == ()

    installed()
    apply(uninstall(path))
    assert path.read_bytes() == original
    installed()
    # Without its backup, and with an edit, our part goes and no other does.
    edited = json.loads(path.read_bytes().removeprefix(mark))
    edited["added later"] = 1
    path.write_bytes(mark + json.dumps(edited, indent=2).encode())
    (path.parent / "settings.json.before-agentgauge").unlink()
    plan = apply(uninstall(path))
    assert plan.notes
    assert path.read_bytes().startswith(mark)
    left = json.loads(path.read_bytes().removeprefix(mark))
    assert left.pop("added later") == 1
    assert _without_empty(left) == _without_empty(body)


def _without_empty(body: dict[str, Any]) -> dict[str, Any]:
    hooks = {event: groups for event, groups in body.get("hooks", {}).items() if groups}
    return {**{k: v for k, v in body.items() if k != "hooks"}, "hooks": hooks}


def test_text_around_an_edit_stays_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{\n   "b"  : [1,2,   3],\n   "hooks": {"Stop": [ {"hooks": []} ]},\n   "a": 1.50e3\n}')
    apply(install(path, EXPORTER))
    path.write_text(path.read_text().replace('"a": 1.50e3', '"a": 1.50e3,\n   "z": 0'))
    plan = apply(uninstall(path))
    assert "changed since" in plan.notes[0]
    assert path.read_text() == (
        '{\n   "b"  : [1,2,   3],\n   "hooks": {"Stop": [ {"hooks": []} ]},\n   "a": 1.50e3,\n   "z": 0\n}'
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_not_there_is_gone_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.json"
    apply(install(path, EXPORTER))
    assert same(json.loads(path.read_text()), with_ours({}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    apply(uninstall(path))
    assert not path.exists()
    assert uninstall(path).changes == ()


def test_another_exporter_or_more_events_replace_ours(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"hooks": {"Stop": []}}')
    apply(install(path, EXPORTER))
    apply(install(path, EXPORTER, newer=True))
    assert same(json.loads(path.read_text()), with_ours({"hooks": {"Stop": []}}, (*EVENTS, *NEWER_EVENTS)))
    apply(install(path, "https://elsewhere:1/"))
    assert path.read_text().count("https://elsewhere:1/hooks/claude-code") == len(EVENTS)
    assert EXPORTER not in path.read_text()
    apply(uninstall(path))
    assert path.read_text() == '{"hooks": {"Stop": []}}'


def test_headers_stay_until_they_are_asked_away(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{}\n")
    apply(install(path, EXPORTER, authorization="MINE"))
    apply(install(path, "https://elsewhere:1"))
    assert path.read_text().count('"Authorization": "$MINE"') == len(EVENTS)
    assert json.loads(path.read_text())["hooks"]["Stop"][0]["hooks"][0]["allowedEnvVars"] == ["MINE"]
    apply(install(path, "https://elsewhere:1", authorization=""))
    assert "MINE" not in path.read_text()
    # Those that someone wrote himself are kept as well.
    path.write_text(path.read_text().replace('"timeout": 5', '"timeout": 5, "headers": {"X-Team": "a"}'))
    assert install(path, "https://elsewhere:1").changes == ()
    apply(install(path, EXPORTER))
    assert path.read_text().count('"X-Team": "a"') == len(EVENTS)
    apply(uninstall(path))
    assert path.read_text() == "{}\n"


def test_commands_may_be_added_and_left_out_later(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    original = json.dumps({"hooks": {"Stop": [COMMAND]}}, indent=2)
    path.write_text(original)
    apply(install(path, EXPORTER))
    plan = apply(install(path, EXPORTER, commands=True))
    assert plan.notes == [f"{path}: a command of Stop left alone: it is more than one plain command"]
    assert path.read_text().count("agentgauge-hook --system claude_code --event Stop --name check.py -- ") == 1
    apply(install(path, EXPORTER))
    assert "agentgauge-hook" not in path.read_text()
    apply(install(path, EXPORTER, commands=True))
    path.write_text(path.read_text() + "\n\n")
    apply(uninstall(path))
    assert path.read_text() == original + "\n\n"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "dotfiles.json", tmp_path / "settings.json"
    target.write_text("{}")
    link.symlink_to(target)
    apply(install(link, EXPORTER))
    assert link.is_symlink()
    assert same(json.loads(target.read_text()), with_ours({}))


def test_what_is_shown_is_what_is_done(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{\n  "model": "opus"\n}')
    (change,) = install(path, EXPORTER).changes
    diff = change.diff()
    assert path.read_text() == '{\n  "model": "opus"\n}'
    assert re.search(r'^-  "model": "opus"$', diff, re.MULTILINE)
    assert re.search(r'^\+  "hooks": \{$', diff, re.MULTILINE)
    assert "\\ No newline at end of file" in diff


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"hooks": []}', '{"hooks": {"Stop": {}}}', '{"a": 1} // why', "{'a': 1}", "[" * 100_000],
)
def test_what_is_no_settings_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    for direction in ("install", "uninstall"):
        with pytest.raises(UsageError) as caught:
            install(path, EXPORTER) if direction == "install" else uninstall(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.read_text() == text


def test_a_file_that_cannot_be_replaced_is_said_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{}")
    plan = install(path, EXPORTER)
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match=r"settings\.json: cannot be changed"):
        apply(plan)
    assert not [name for name in tmp_path.iterdir() if "before" not in name.name and name != path]


def test_every_event_is_one_that_is_known_and_none_changes_what_claude_code_does() -> None:
    chosen = {*EVENTS, *NEWER_EVENTS}
    assert len(chosen) == len(EVENTS) + len(NEWER_EVENTS)
    assert chosen < KNOWN
    left = {"FileChanged", "MessageDisplay", "PreModelSwitch", "SessionStart", "Setup", "WorktreeCreate"}
    assert KNOWN - chosen == left
