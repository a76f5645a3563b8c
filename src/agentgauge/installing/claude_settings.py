"""Claude Code's settings: hooks of type http that send every event to the exporter; its own commands timed."""

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agentgauge.errors import UsageError
from agentgauge.installing import hook_command, json_text
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
    "PostModelSwitch",
    "PostToolBatch",
    "StopFailure",
    "TaskCompleted",
    "TaskCreated",
    "TeammateIdle",
    "UserPromptExpansion",
    "WorktreeRemove",
)
"""The others, less those that a hook would change or that a hook of type http does not get.

SessionStart and Setup call no http hooks; WorktreeCreate's hook makes the worktree itself; a PreModelSwitch hook that
does not answer in time forbids the switch; FileChanged needs names of files; MessageDisplay comes several times a
second.
"""

_TIMEOUT_SECONDS: Final = 5
_BACKUP: Final = ".before-agentgauge"


def install(
    settings: Path, exporter: str, *, authorization: str | None = None, newer: bool = False, commands: bool = False
) -> Plan:
    """Plan hooks for a settings file.

    Args:
        settings: the file, made where it is missing.
        exporter: its base URL.
        authorization: the variable of Claude Code's environment that holds the Authorization header, empty for none;
            by default as it is.
        newer: also the events that only newer versions have.
        commands: also run the hooks of type command by agentgauge-hook.

    Raises:
        UsageError: the file cannot be read, or does not hold settings, or agentgauge-hook is not installed.
    """
    path, mark, current = _read(settings)
    ours = {} if current is None else _ours(current, path)
    hook = {"type": "http", "url": exporter.rstrip("/") + PATH, "timeout": _TIMEOUT_SECONDS}
    hook |= _credentials(authorization, ours)
    hooks = dict.fromkeys((*EVENTS, *NEWER_EVENTS) if newer else EVENTS, hook)
    left = [] if not commands or current is None else _left_alone(current, path)
    if current is not None and ours == hooks:
        as_wanted = _prefixed(current) if commands else _unprefixed(current)
        if as_wanted == current:
            return Plan((), left)
    base, notes = _without(path, current)
    after = _with(base, path, hooks, commands=commands)
    change = Rewrite(path, _encode(mark, current), _encode(mark, after), _backup(path), _encode(mark, base))
    return Plan([change], notes + left)


def uninstall(settings: Path) -> Plan:
    """Plan to give back what was there before; what others changed since then stays.

    Raises:
        UsageError: the file cannot be read, or does not hold settings.
    """
    path, mark, current = _read(settings)
    if current is None or not (_ours(current, path) or _unprefixed(current) != current):
        return Plan()
    base, notes = _without(path, current)
    return Plan([Rewrite(path, _encode(mark, current), _encode(mark, base), _backup(path))], notes)


def _read(settings: Path) -> tuple[Path, bytes, str | None]:
    """Return the file, its byte order mark, and its text after that."""
    path = settings.expanduser().resolve()  # a link stays one
    body = read_file(path)
    if body is None:
        return path, b"", None
    mark = codecs.BOM_UTF8 if body.startswith(codecs.BOM_UTF8) else b""
    try:
        text = body.removeprefix(mark).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text") from error
    _load(text, path)
    return path, mark, text


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


def _credentials(authorization: str | None, ours: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the keys of a hook that let it in; the secret itself is in Claude Code's environment alone."""
    if authorization is None:
        before = next(iter(ours.values()), {})
        return {key: before[key] for key in ("headers", "allowedEnvVars") if key in before}
    if not authorization:
        return {}
    # Claude Code puts in the variables that are allowed, and nothing for any other.
    return {"headers": {"Authorization": f"${authorization}"}, "allowedEnvVars": [authorization]}


def _ours(text: str, path: Path) -> dict[str, dict[str, Any]]:
    """Return our hook by event."""
    return {
        event: hook
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


def _with(text: str | None, path: Path, ours: Mapping[str, Mapping[str, Any]], *, commands: bool) -> str:
    """Return settings with our hooks, each in a group of its own at the end of its event's."""
    text = "{}\n" if text is None else text
    if commands:
        text = _prefixed(text)
    expected = json.loads(text)
    for event, hook in ours.items():
        group = {"hooks": [hook]}
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
    prefixed = current is not None and _unprefixed(current) != current
    if current is None or not (ours or prefixed):
        return current, []
    kept = read_file(_backup(path))
    before = None if kept is None else kept.decode("utf-8-sig", "replace")
    order: dict[str, dict[str, Any]] = {event: ours[event] for event in (*EVENTS, *NEWER_EVENTS) if event in ours}
    try:
        if _with(before, path, order, commands=prefixed) == current:
            return before, []
    except (ValueError, AttributeError, UsageError):
        pass  # the backup is no settings file any more
    return _cut(_unprefixed(current)), [
        f"{path}: changed since the installation; only agentgauge's own hooks are removed"
    ]


def _commands(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield event, command and where its text begins, of each hook of type command, the last one first."""
    hooks = json_text.parse(text).get("hooks")
    for event, groups in reversed(list(zip(hooks.keys, hooks.children, strict=True)) if hooks is not None else []):
        for group in reversed(groups.children):
            entries = group.get("hooks")
            for entry in reversed(entries.children if entries is not None else []):
                node, hook = entry.get("command"), json.loads(text[entry.start : entry.end])
                # With "args" no shell sees the command.
                plain = node is not None and hook.get("type") == "command" and "args" not in hook
                if node is not None and plain and isinstance(hook["command"], str):
                    yield event, hook["command"], node.start + 1


def _left_alone(text: str, path: Path) -> list[str]:
    """Say which hooks of type command cannot be timed; the commands are the user's own, and not repeated."""
    left = [
        event
        for event, command, _ in _commands(text)
        if not (hook_command.prefix(command, event) or hook_command.ours(command))
    ]
    return [f"{path}: a command of {event} left alone: it is more than one plain command" for event in reversed(left)]


def _prefixed(text: str) -> str:
    """Return settings with agentgauge-hook before each plain command."""
    for event, command, start in _commands(text):
        text = text[:start] + json.dumps(hook_command.prefix(command, event))[1:-1] + text[start:]
    return text


def _unprefixed(text: str) -> str:
    """Return settings without what ``_prefixed`` adds."""
    for _, command, start in _commands(text):
        ours = json.dumps(command[: hook_command.ours(command)])[1:-1]
        if text.startswith(ours, start):  # unless someone escapes what need not be
            text = text[:start] + text[start + len(ours) :]
    return text


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


def _encode(mark: bytes, text: str | None) -> bytes | None:
    return None if text is None else mark + text.encode("utf-8")
