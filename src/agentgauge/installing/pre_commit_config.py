"""pre-commit's configuration: agentgauge-hook before the ``entry`` of each hook that runs a command of this machine."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from agentgauge.errors import UsageError
from agentgauge.installing.change import Plan, Rewrite, read_file
from agentgauge.installing.hook_command import label_name

FILE: Final = ".pre-commit-config.yaml"

_NO_COMMAND: Final = frozenset({"docker", "docker_image", "fail", "pygrep", "script", "unsupported_script"})
"""Languages whose entry is no command that is looked for on PATH: an image, a message, a pattern, a file."""

_OURS: Final = re.compile(r"agentgauge-hook --system pre_commit --event pre-commit --name [\w.-]+ -- ")
_QUOTED: Final = {"'": 1, '"': 1}


class _Entry(NamedTuple):
    """A hook's entry: its value, where its text begins, and what it belongs to."""

    hook: str
    language: str
    value: str
    start: int


def install(repository: Path) -> Plan:
    """Plan agentgauge-hook before the entries of a repository's configuration.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    notes: list[str] = []

    def edit(path: Path, text: str) -> str:
        entries = list(_entries(text, path))
        for entry in reversed(entries):
            if entry.language in _NO_COMMAND or not entry.language:
                what = f"its language is {entry.language}" if entry.language else "it does not say its language here"
                notes.append(f"{path}: hook {entry.hook} left alone: {what}")
            elif not entry.value.startswith("agentgauge-hook "):
                name = label_name(entry.hook)
                prefix = f"agentgauge-hook --system pre_commit --event pre-commit --name {name} -- "
                text = text[: entry.start] + prefix + text[entry.start :]
        if not entries:
            notes.append(f"{path}: no hook has an entry here; agentgauge hooks install git counts all of them as one")
        return text

    return _plan(repository, edit, notes)


def uninstall(repository: Path) -> Plan:
    """Plan to take agentgauge-hook out again.

    Raises:
        UsageError: there is no configuration, or it cannot be read.
    """

    def edit(path: Path, text: str) -> str:
        for entry in reversed(list(_entries(text, path))):
            ours = _OURS.match(text, entry.start)
            if ours is not None:
                text = text[: ours.start()] + text[ours.end() :]
        return text

    return _plan(repository, edit, [])


def _plan(repository: Path, edit: Callable[[Path, str], str], notes: list[str]) -> Plan:
    path = (repository / FILE).resolve()
    body = read_file(path)
    if body is None:
        raise UsageError(f"{path}: does not exist; give the repository with --directory")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text") from error
    edited = edit(path, text)
    if edited == text:
        return Plan((), notes)
    if _bare(edited) != _bare(text):
        raise UsageError(f"{path}: its text is laid out in a way that cannot be edited; edit the entries by hand")
    return Plan([Rewrite(path, body, edited.encode("utf-8"))], notes)


def _bare(text: str) -> Any:
    """Return the configuration without agentgauge-hook, which neither direction may change."""
    body = yaml.safe_load(text)
    for hook in (hook for repo in body["repos"] for hook in repo.get("hooks") or ()):
        if isinstance(hook.get("entry"), str):
            hook["entry"] = _OURS.sub("", hook["entry"], count=1)
    return body


def _entries(text: str, path: Path) -> Iterator[_Entry]:
    """Yield the entries in the order of the text."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UsageError(f"{path}: {where}not YAML: {getattr(error, 'problem', None) or 'unreadable'}") from error
    repos = _member(root, "repos")
    if not isinstance(repos, yaml.SequenceNode):
        raise UsageError(f"{path}: not a configuration of pre-commit: it has no list of repos")
    seen: set[int] = set()
    for repo in repos.value:
        hooks = _member(repo, "hooks")
        for hook in hooks.value if isinstance(hooks, yaml.SequenceNode) else ():
            entry = _member(hook, "entry")
            if isinstance(entry, yaml.ScalarNode) and entry.start_mark.index not in seen:
                seen.add(entry.start_mark.index)  # an alias is the same text once more
                yield _Entry(_text(hook, "id"), _text(hook, "language"), entry.value, _begin(text, entry))


def _begin(text: str, entry: yaml.ScalarNode) -> int:
    """Return where a scalar's own text begins, after its quote or its block's header."""
    start: int = entry.start_mark.index
    if entry.style in ("|", ">"):
        start = text.index("\n", start)
        match = re.compile(r"\s*").match(text, start)
        return start if match is None else match.end()
    return start + _QUOTED.get(entry.style or "", 0)


def _member(node: Any, key: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                return value
    return None


def _text(node: Any, key: str) -> str:
    member = _member(node, key)
    return str(member.value) if isinstance(member, yaml.ScalarNode) else ""
