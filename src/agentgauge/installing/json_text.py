"""JSON text: a value is put into or taken out of a file, and every other byte stays as it is."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR: Final = re.compile(r"[^\s,\]}]+")


@dataclass(slots=True)
class Node:
    """A value and where it is in the text.

    Args:
        start: its first character, and ``end`` the one after its last.
        children: of an array or an object, and ``keys`` those of an object.
        begins: where each child begins, its key included.
    """

    start: int
    end: int = 0
    children: list["Node"] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)

    def get(self, key: str) -> "Node | None":
        """Return an object's value under a key, of several the last, as parsers do; of anything else nothing."""
        if not self.keys:
            return None
        found = [child for name, child in zip(self.keys, self.children, strict=True) if name == key]
        return found[-1] if found else None


def parse(text: str) -> Node:
    """Return the nodes of a text that is JSON."""
    return _node(text, _skip(text, 0))


def insert(text: str, container: Node, value: Any, key: str | None = None) -> str:
    """Append a value to an array, or under a key to an object, laid out as its neighbours are.

    Args:
        text: JSON.
        container: of it.
        value: what JSON can say.
        key: of the new member; None for an array.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    unit = _unit(text)
    if container.children:
        last = container.children[-1].end
        indent = _indent(text, container.begins[-1])
        if indent is None:
            return f"{text[:last]},{_gap(text)}{_compact(text, value, key)}{text[last:]}"
        return f"{text[:last]},{newline}{indent}{_laid_out(value, key, unit or '  ', newline + indent)}{text[last:]}"
    inside = container.start + 1
    if unit is None:
        return f"{text[:inside]}{_compact(text, value, key)}{text[inside:]}"
    outer = _line_indent(text, container.start)
    indent = outer + unit
    closing = "" if "\n" in text[inside : container.end - 1] else newline + outer
    laid_out = _laid_out(value, key, unit, newline + indent)
    return f"{text[:inside]}{newline}{indent}{laid_out}{closing}{text[inside:]}"


def remove(text: str, container: Node, index: int) -> str:
    """Take a child out of an array or an object; the opposite of ``insert`` for the last of several."""
    if index > 0:
        return text[: container.children[index - 1].end] + text[container.children[index].end :]
    if len(container.children) > 1:
        return text[: container.begins[0]] + text[container.begins[1] :]
    return text[: container.start + 1] + text[container.end - 1 :]


def _node(text: str, start: int) -> Node:
    node = Node(start)
    if text[start] in "[{":
        at = _skip(text, start + 1)
        while text[at] not in "]}":
            node.begins.append(at)
            if text[start] == "{":
                key = _node(text, at)
                node.keys.append(json.loads(text[key.start : key.end]))
                at = _skip(text, _skip(text, key.end) + 1)
            child = _node(text, at)
            node.children.append(child)
            at = _skip(text, child.end)
            if text[at] == ",":
                at = _skip(text, at + 1)
        node.end = at + 1
    else:
        match = (_STRING if text[start] == '"' else _SCALAR).match(text, start)
        assert match is not None
        node.end = match.end()
    return node


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _indent(text: str, at: int) -> str | None:
    """Return the white space before a position if its line has nothing else before it."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line if "\n" in text[:at] and not line.strip() else None


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str | None:
    """Return one level of indentation; None where the text is on one line."""
    root = parse(text)
    if not root.children:
        return "  "
    indent = _indent(text, root.begins[0])
    return None if indent is None else indent or "  "


def _gap(text: str) -> str:
    return " " if re.search(r'[\]}"\w], ', text) else ""


def _compact(text: str, value: Any, key: str | None) -> str:
    colon = ": " if re.search(r'": ', text) else ":"
    body = json.dumps(value, separators=("," + _gap(text), colon))
    return body if key is None else f"{json.dumps(key)}{colon}{body}"


def _laid_out(value: Any, key: str | None, unit: str, margin: str) -> str:
    body = json.dumps(value, indent=unit).replace("\n", margin)
    return body if key is None else f"{json.dumps(key)}: {body}"
