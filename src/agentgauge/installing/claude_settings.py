"""Claude Code's settings: hooks of type http that send every event to the exporter."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agentgauge.errors import UsageError
from agentgauge.installing import json_text
from agentgauge.installing.change import Plan, Rewrite, read_file
from agentgauge.web.hooks import PATH

EVENTS: Final = (
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "PostToolUseFailure",
    "Notification",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "PreCompact",
    "SessionEnd",
)
"""Those that every version with hooks of type http has: a version may refuse settings with an event it has not."""

NEWER_EVENTS: Final = (
    "ConfigChange",
    "CwdChanged",
    "DirectoryAdded",
    "Elicitation",
    "ElicitationResult",
    "InstructionsLoaded",
    "PermissionDenied",
    "PostCompact",
    "PostToolBatch",
    "StopFailure",
    "TaskCompleted",
    "TaskCreated",
    "TeammateIdle",
    "UserPromptExpansion",
    "WorktreeRemove",
)
"""The others, less those that a hook would change or that a hook of type http does not get.

SessionStart and Setup call no http hooks; WorktreeCreate's hook makes the worktree itself; FileChanged needs names of
files; MessageDisplay comes several times a second.
"""

_TIMEOUT_SECONDS: Final = 5
_BACKUP: Final = ".before-agentgauge"


def install(settings: Path, exporter: str, *, newer: bool = False) -> Plan:
    """Plan hooks for a settings file.

    Args:
        settings: the file, made where it is missing.
        exporter: its base URL.
        newer: also the events that only newer versions have.

    Raises:
        UsageError: the file cannot be read, or does not hold settings.
    """
    path, current = _read(settings)
    url = exporter.rstrip("/") + PATH
    events = (*EVENTS, *NEWER_EVENTS) if newer else EVENTS
    if current is not None and _ours(current, path) == dict.fromkeys(events, url):
        return Plan()
    base, notes = _without(path, current)
    after = _with(base, path, dict.fromkeys(events, url))
    return Plan([Rewrite(path, _encode(current), _encode(after), _backup(path), _encode(base))], notes)


def uninstall(settings: Path) -> Plan:
    """Plan to give back what was there before; what others changed since then stays.

    Raises:
        UsageError: the file cannot be read, or does not hold settings.
    """
    path, current = _read(settings)
    if current is None or not _ours(current, path):
        return Plan()
    base, notes = _without(path, current)
    return Plan([Rewrite(path, _encode(current), _encode(base), _backup(path))], notes)


def _read(settings: Path) -> tuple[Path, str | None]:
    path = settings.expanduser().resolve()  # a link stays one
    body = read_file(path)
    try:
        text = None if body is None else body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text") from error
    if text is not None:
        _load(text, path)
    return path, text


def _load(text: str, path: Path) -> dict[str, list[Any]]:
    """Return the hooks in a settings file, by event."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON, and so not changed: {error}") from error
    hooks = body.get("hooks", {}) if isinstance(body, dict) else None
    if not isinstance(hooks, dict) or not all(isinstance(groups, list) for groups in hooks.values()):
        raise UsageError(f"{path}: not settings of Claude Code: an object whose hooks are lists by event is expected")
    return hooks


def _ours(text: str, path: Path) -> dict[str, str]:
    """Return the URL of our hook by event."""
    return {
        event: hook["url"]
        for event, groups in _load(text, path).items()
        for group in groups
        for hook in _hooks(group)
        if _is_ours(hook)
    }


def _hooks(group: Any) -> Sequence[Any]:
    hooks = group.get("hooks") if isinstance(group, dict) else None
    return hooks if isinstance(hooks, list) else ()


def _is_ours(hook: Any) -> bool:
    return isinstance(hook, dict) and hook.get("type") == "http" and str(hook.get("url")).endswith(PATH)


def _with(text: str | None, path: Path, urls: Mapping[str, str]) -> str:
    """Return settings with our hooks, each in a group of its own at the end of its event's."""
    text = "{}\n" if text is None else text
    expected = json.loads(text)
    for event, url in urls.items():
        group = {"hooks": [{"type": "http", "url": url, "timeout": _TIMEOUT_SECONDS}]}
        expected.setdefault("hooks", {}).setdefault(event, []).append(group)
        root = json_text.parse(text)
        hooks = root.get("hooks")
        if hooks is None:
            text = json_text.insert(text, root, {event: [group]}, "hooks")
        elif (groups := hooks.get(event)) is None:
            text = json_text.insert(text, hooks, [group], event)
        else:
            text = json_text.insert(text, groups, group)
    if json.dumps(json.loads(text)) != json.dumps(expected):
        raise UsageError(f"{path}: its text is laid out in a way that cannot be edited; add the hooks by hand")
    return text


def _without(path: Path, current: str | None) -> tuple[str | None, list[str]]:
    """Return what was there before us and what there is to say: the very text if nobody has changed it since."""
    ours = {} if current is None else _ours(current, path)
    if current is None or not ours:
        return current, []
    kept = read_file(_backup(path))
    before = None if kept is None else kept.decode("utf-8", "replace")
    order: dict[str, str] = {event: ours[event] for event in (*EVENTS, *NEWER_EVENTS) if event in ours}
    try:
        if _with(before, path, order) == current:
            return before, []
    except (ValueError, AttributeError, UsageError):
        pass  # the backup is no settings file any more
    return _cut(current), [f"{path}: changed since the installation; only agentgauge's own hooks are removed"]


def _cut(text: str) -> str:
    """Take our hooks out of settings, with the groups, lists and objects that hold nothing else."""
    while True:
        root = json_text.parse(text)
        hooks = root.get("hooks")
        loaded = json.loads(text).get("hooks", {})
        found = [
            (event, group, hook)
            for event, bodies in loaded.items()
            for group, body in enumerate(bodies)
            for hook, one in enumerate(_hooks(body))
            if _is_ours(one)
        ]
        if not found or hooks is None:
            return text
        event, group, hook = found[-1]
        groups = hooks.get(event)
        entries = None if groups is None else groups.children[group].get("hooks")
        assert groups is not None
        assert entries is not None
        levels = [(root, hooks), (hooks, groups), (groups, groups.children[group]), (entries, entries.children[hook])]
        while len(levels) > 1 and len(levels[-1][0].children) == 1:
            levels.pop()
        container, child = levels[-1]
        text = json_text.remove(text, container, container.children.index(child))


def _backup(path: Path) -> Path:
    return path.with_name(path.name + _BACKUP)


def _encode(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8")
