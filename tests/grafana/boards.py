"""The committed dashboards as tests read them: panels, expressions with their variables put in, metric names."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

PROJECT: Final = Path(__file__).resolve().parents[2]
FILES: Final = sorted((PROJECT / "grafana" / "dashboards").glob("*.json"))
BOARDS: Final[dict[str, dict[str, Any]]] = {file.stem: json.loads(file.read_text()) for file in FILES}

BUILT_IN: Final = {"__rate_interval": "10s", "__interval": "5s", "__range": "30s"}
"""Grafana's own variables, short enough for a Prometheus that has just begun."""

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_VARIABLE_QUERY: Final = re.compile(r"(label_values|query_result)\((.*)\)", re.DOTALL)
_NOT_NAMES: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"'  # strings
    r"|\{[^}]*\}"  # matchers
    r"|\[[^\]]*\]"  # ranges
    r"|\boffset\s+\w+"
    r"|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"
)
_KEYWORDS: Final = {"and", "or", "unless", "bool", "by", "without", "on", "ignoring", "group_left", "group_right"}


class Expression(NamedTuple):
    """A PromQL expression: where it stands, its text with variables, and the legend of its series."""

    where: str
    text: str
    legend: str = ""


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that shows something, those of collapsed rows included."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def panel_expressions(board: Mapping[str, Any]) -> list[Expression]:
    return [
        Expression(f"{panel['id']} {panel['title']} {target['refId']}", target["expr"], target.get("legendFormat", ""))
        for panel in panels(board)
        for target in panel["targets"]
    ]


def annotation_expressions(board: Mapping[str, Any]) -> list[Expression]:
    return [Expression(f"annotation {one['name']}", one["expr"]) for one in board["annotations"]["list"]]


def variable_expressions(board: Mapping[str, Any]) -> dict[str, Expression]:
    """What each query variable asks for: a selector, whose label is the legend, or an instant query."""
    found = {}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            match = _VARIABLE_QUERY.fullmatch(variable["query"]["query"])
            assert match, variable["query"]
            expr, label = match[2], ""
            if match[1] == "label_values":
                expr, _, label = match[2].rpartition(", ")
            found[variable["name"]] = Expression(f"variable {variable['name']}", expr, label)
    return found


def all_expressions(board: Mapping[str, Any]) -> list[Expression]:
    variables = variable_expressions(board).values()
    return [*panel_expressions(board), *annotation_expressions(board), *variables]


def variables_in(text: str) -> set[str]:
    return {match[1] or match[2] for match in _VARIABLE.finditer(text)}


def substituted(text: str, values: Mapping[str, str]) -> str:
    """The expression Grafana would send; `values` are the dashboard's variables."""
    known = {**BUILT_IN, **values}
    return _VARIABLE.sub(lambda match: known[match[1] or match[2]], text)


def metric_names(expr: str) -> set[str]:
    """The names of series in an expression whose variables are put in."""
    named = set(re.findall(r'__name__=~?"([^"]*)"', expr))
    rest = _NOT_NAMES.sub(" ", expr)
    words = set(re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])", rest)) - _KEYWORDS
    return words | {name for names in named for name in names.split("|")}


def selectors(expr: str) -> set[str]:
    """The vector selectors of an expression, matchers included, ranges and offsets not."""
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        strings.append(match[0])
        return f'"{len(strings) - 1}"'

    found = set()
    safe = re.sub(r'"(?:[^"\\]|\\.)*"', keep, expr)
    names = metric_names(safe)
    for match in re.finditer(r"(?<![\w:])([a-zA-Z_:][\w:]*)?(\{[^}]*\})?", safe):
        if match[0] and (match[1] in names or (match[1] is None and match[2])):
            found.add(re.sub(r'"(\d+)"', lambda number: strings[int(number[1])], match[0]))
    return found
