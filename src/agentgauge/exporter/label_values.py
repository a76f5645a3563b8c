"""Label values: every one the exporter holds, and which of them look like what no label should say."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

_LONG_CHARS: Final = 80
_MANY_WORDS: Final = 6

_SUSPICIONS: Final = (
    ("an address of e-mail", re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")),
    ("a UUID", re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)),
    ("a URL", re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)),
    ("a path", re.compile(r"^~?/|^\.{1,2}/|/.*/|^[A-Za-z]:[\\/]|\\\\|\\.*\\|/(home|Users|tmp|root|var|etc)\b")),
    ("a secret", re.compile(r"\b(sk|pk|rk|ghp|gho|ghs|glpat|xox[abprs]|AKIA|eyJ)[-_A-Za-z0-9]{16,}")),
    ("an identifier", re.compile(r"(?<![0-9a-z])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{16,}", re.IGNORECASE)),
    ("an identifier", re.compile(r"\b(toolu|msg|req|session|chatcmpl|call)_[A-Za-z0-9]{8,}")),
    ("an address of a machine", re.compile(r"(?<![\d.])(\d{1,3}\.){3}\d{1,3}(?![\d.])")),
    ("text of several lines", re.compile(r"[\n\r]")),
)


def label_values(series: Iterable[Mapping[str, str]]) -> dict[str, dict[str, int]]:
    """Return the number of series by label and value, both in the order of their text."""
    found: dict[str, dict[str, int]] = {}
    for labels in series:
        for name, value in labels.items():
            values = found.setdefault(name, {})
            values[value] = values.get(value, 0) + 1
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def suspicion(value: str) -> str:
    """Return what a value looks like that should be in no label, or nothing."""
    for what, pattern in _SUSPICIONS:
        if pattern.search(value):
            return what
    if len(value) > _LONG_CHARS or len(value.split()) >= _MANY_WORDS:
        return "a long text"
    return ""
