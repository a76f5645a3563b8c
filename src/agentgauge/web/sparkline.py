"""A series as a small SVG line, with the band it is expected in."""

import math
from collections.abc import Sequence

from agentgauge.web.text import Html, html

_WIDTH, _HEIGHT, _MARGIN = 150.0, 34.0, 3.0


def sparkline(
    history: Sequence[tuple[float, float]],
    lower: float,
    upper: float,
    label: str,
    *,
    unusual: Sequence[float] = (),
    change: float = math.nan,
) -> Html:
    """Draw a series.

    Args:
        history: (unix seconds, value), ascending; values that are not finite break the line.
        lower: the band's lower bound; not finite for no band.
        upper: the band's upper bound.
        label: what a screen reader says.
        unusual: times at which the series was anomalous; underlined.
        change: when the level last changed; a vertical line, where that is in sight.
    """
    points = [(when, value) for when, value in history if math.isfinite(value)]
    if len(points) < 2:
        return Html("")
    banded = math.isfinite(lower) and math.isfinite(upper)
    values = [value for _, value in points] + ([lower, upper] if banded else [])
    low, high = min(values), max(values)
    if high <= low:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    start, end = points[0][0], points[-1][0]

    def x(when: float) -> float:
        return _MARGIN + (when - start) / ((end - start) or 1.0) * (_WIDTH - 2 * _MARGIN)

    def y(value: float) -> float:
        return _HEIGHT - _MARGIN - (value - low) / (high - low) * (_HEIGHT - 2 * _MARGIN)

    parts = []
    if banded:
        top, height = y(upper), max(y(lower) - y(upper), 1.0)
        parts.append(f'<rect class="band" x="0" y="{top:.1f}" width="{_WIDTH:g}" height="{height:.1f}" rx="2"/>')
    if start < change <= end:
        parts.append(f'<line class="change" x1="{x(change):.1f}" x2="{x(change):.1f}" y1="0" y2="{_HEIGHT:g}"/>')
        label += "; its level changed"
    inside = [when for when in unusual if start <= when <= end]
    if inside:
        left, right = x(inside[0]), x(inside[-1])
        width = max(right - left, 3.0)
        parts.append(f'<rect class="unusual" x="{left:.1f}" y="{_HEIGHT - 3:g}" width="{width:.1f}" height="3"/>')
        label += "; it was anomalous"
    for run in _runs(history):
        line = " ".join(f"{x(when):.1f},{y(value):.1f}" for when, value in run)
        parts.append(f'<polyline points="{line}"/>')
    last_time, last_value = points[-1]
    parts.append(f'<circle cx="{x(last_time):.1f}" cy="{y(last_value):.1f}" r="2.4"/>')
    return Html(
        f'<svg class="spark" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{html(label)}"><title>{html(label)}</title>{"".join(parts)}</svg>'
    )


def _runs(history: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Split a series where a value is missing."""
    runs: list[list[tuple[float, float]]] = [[]]
    for when, value in history:
        if math.isfinite(value):
            runs[-1].append((when, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
