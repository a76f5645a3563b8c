"""Which format and which encoding a client prefers, by RFC 9110 (12.4.2, 12.5.1 and 12.5.3)."""

from typing import NamedTuple


class _Range(NamedTuple):
    value: str
    parameters: dict[str, str]
    quality: float


def wants_openmetrics(accept: str) -> bool:
    """Return whether an Accept header prefers OpenMetrics 1.0 to the Prometheus text format.

    The most specific range that matches a format gives its quality. Equal qualities go to the format that was
    named rather than meant by ``*``, then to the first named. A header that accepts neither gets text.
    """
    ranges = _ranges(accept)
    openmetrics = _preference(ranges, "application/openmetrics-text", ("1.0.0", "0.0.1"))
    text = _preference(ranges, "text/plain", ("0.0.4",))
    return openmetrics[0] > 0 and openmetrics > text


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header names gzip, or everything, with a quality above 0."""
    qualities = {r.value: r.quality for r in _ranges(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _preference(ranges: list[_Range], media_type: str, versions: tuple[str, ...]) -> tuple[float, int, int]:
    """Return (quality, specificity, -position) of the most specific range that matches, best first among equals."""
    best = (0, 0.0, 0)
    for position, item in enumerate(ranges):
        if item.value == media_type:
            version = item.parameters.get("version")
            if version is not None and version not in versions:
                continue
            specificity = 4 if version == versions[0] else 3
        elif item.value == media_type.split("/")[0] + "/*":
            specificity = 2
        elif item.value == "*/*":
            specificity = 1
        else:
            continue
        best = max(best, (specificity, item.quality, -position))
    specificity, quality, position = best
    return quality, min(specificity, 3), position


def _ranges(header: str) -> list[_Range]:
    ranges = []
    for part in header.split(","):
        value, *rest = (piece.strip() for piece in part.split(";"))
        parameters = {}
        for piece in rest:
            name, _, text = piece.partition("=")
            parameters[name.strip().lower()] = text.strip().strip('"')
        if value:
            ranges.append(_Range(value.lower(), parameters, _quality(parameters.pop("q", "1"))))
    return ranges


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
