"""A chart as inline SVG: bands, lines, spans and marks over an axis of time.

Text keeps its size on any screen: places are percentages, and only the lines, in a drawing of their own, are stretched.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from agentgauge.web.axes import time_marks, value_marks
from agentgauge.web.text import Html, html, join
from agentgauge.web.units import Unit

_HEIGHT: Final = 250
_TOP: Final = 8.0
_BOTTOM: Final = 222.0
_WIDE: Final = 1000.0
_HEADROOM: Final = 1.0
_LEAST_SPAN: Final = 0.06
_LINE_HEIGHT: Final = 15.0
_LARGEST: Final = 1e300

Point = tuple[float, float]


class Line(NamedTuple):
    """A line of (unix seconds, value), broken where a value is not finite; ``css`` says what it stands for."""

    points: Sequence[Point]
    css: str


class Band(NamedTuple):
    """An area of (unix seconds, lower, upper); ``css`` says what it stands for."""

    points: Sequence[tuple[float, float, float]]
    css: str


class Mark(NamedTuple):
    """A vertical line at a time, with words at its top."""

    time: float
    words: str
    css: str


class Chart(NamedTuple):
    """What is drawn.

    Args:
        name: an identifier, of its own on the page.
        title: its name for who cannot see it.
        description: what there is to see, in words.
        start, end: of the axis of time.
        unit: of the values.
        lines, bands: over time.
        level: a value drawn as a horizontal line with this name, or NaN.
        spans: (from, to), hatched.
        rings: points with a ring around them.
        marks: vertical lines.
    """

    name: str
    title: str
    description: str
    start: float
    end: float
    unit: Unit
    lines: Sequence[Line]
    bands: Sequence[Band] = ()
    level: tuple[str, float] = ("", math.nan)
    spans: Sequence[tuple[float, float]] = ()
    rings: Sequence[Point] = ()
    marks: Sequence[Mark] = ()


class _Frame:
    """Where a time and a value lie."""

    def __init__(self, chart: Chart) -> None:
        self.low, self.high = _range(chart)
        self._start, self._span = chart.start, max(chart.end - chart.start, 1e-9)

    def x(self, when: float) -> float:
        """Return a share of the width."""
        return min(max((when - self._start) / self._span, 0.0), 1.0)

    def y(self, value: float) -> float:
        """Return pixels from the top; what lies beyond the frame is at its edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _BOTTOM - share * (_BOTTOM - _TOP)


def draw(chart: Chart) -> Html:
    """Return the chart's SVG."""
    frame = _Frame(chart)
    inner = [_area(band, frame) for band in chart.bands] + [_path(line, frame) for line in chart.lines]
    name, level = html(chart.name), chart.level[1]
    parts = [
        f'<title id="{name}-title">{html(chart.title)}</title>',
        f'<desc id="{name}-desc">{html(chart.description)}</desc>',
        f'<defs><pattern id="{name}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="2.4" height="6"/></pattern></defs>',
        *(_span(name, span, frame) for span in chart.spans),
        *_grid(chart, frame),
        f'<svg width="100%" height="{_HEIGHT}" viewBox="0 0 {_WIDE:g} {_HEIGHT}" preserveAspectRatio="none">'
        f"{join(inner)}</svg>",
        _level(chart.level[0], frame.y(level), chart.unit.say(level)) if math.isfinite(level) else "",
        *(
            f'<circle class="ring" cx="{frame.x(when):.2%}" cy="{frame.y(value):.1f}" r="5"/>'
            for when, value in chart.rings
        ),
        *_marks(chart.marks, frame),
        *_labels(chart, frame),
    ]
    return Html(
        f'<svg class="chart" width="100%" height="{_HEIGHT}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">{"".join(parts)}</svg>'
    )


def _range(chart: Chart) -> tuple[float, float]:
    """Return the values the frame reaches from and to: the lines, and of the bands what leaves them room."""
    values = [value for line in chart.lines for _, value in line.points if abs(value) < _LARGEST]
    values += [chart.level[1]] if math.isfinite(chart.level[1]) else []
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = _HEADROOM * (high - low) or abs(high) or 1.0
    edges = [edge for band in chart.bands for _, lower, upper in band.points for edge in (lower, upper)]
    edges = [edge for edge in edges if math.isfinite(edge)]
    low = min(low, max(min(edges, default=low), low - room))
    high = max(high, min(max(edges, default=high), high + room))
    least = _LEAST_SPAN * max(abs(low), abs(high)) or 1.0
    if high - low < least:
        low, high = low - least / 2, high + least / 2
    pad = (high - low) * 0.06
    floor = chart.unit.floor
    # A scale that begins at zero shows proportions; where that would flatten the line it shows differences.
    low = floor if math.isfinite(floor) and low - floor < 0.6 * (high - floor) else low - pad
    ceiling = chart.unit.ceiling
    return low, min(high + pad, max(ceiling + pad, high)) if math.isfinite(ceiling) else high + pad


def _runs(points: Iterable[tuple[float, ...]]) -> Iterator[list[tuple[float, ...]]]:
    """Split points where a value is not finite."""
    run: list[tuple[float, ...]] = []
    for point in points:
        if all(map(math.isfinite, point)):
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _path(line: Line, frame: _Frame) -> Html:
    parts = []
    for run in _runs(line.points):
        # A value alone between gaps is a dot as wide as the line.
        run = [*run, run[0]] if len(run) == 1 else run
        parts.append("M" + "L".join(f"{frame.x(when) * _WIDE:.1f} {frame.y(value):.1f}" for when, value in run))
    return Html(f'<path class="{html(line.css)}" d="{"".join(parts)}"/>' if parts else "")


def _area(band: Band, frame: _Frame) -> Html:
    parts = []
    for run in _runs(band.points):
        above = [f"{frame.x(when) * _WIDE:.1f} {frame.y(upper):.1f}" for when, _, upper in run]
        below = [f"{frame.x(when) * _WIDE:.1f} {frame.y(lower):.1f}" for when, lower, _ in reversed(run)]
        parts.append(f"M{'L'.join(above + below)}Z")
    return Html(f'<path class="{html(band.css)}" d="{"".join(parts)}"/>' if parts else "")


def _span(name: str, span: tuple[float, float], frame: _Frame) -> str:
    left, right = frame.x(span[0]), frame.x(span[1])
    return (
        f'<rect class="span" fill="url(#{name}-hatch)" x="{left:.2%}" y="0" width="{max(right - left, 0.004):.2%}" '
        f'height="{_BOTTOM:g}"/>'
    )


def _grid(chart: Chart, frame: _Frame) -> Iterator[str]:
    for value in value_marks(frame.low, frame.high, binary=chart.unit.binary):
        y = frame.y(value)
        yield f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
    for when, _ in time_marks(chart.start, chart.end):
        x = frame.x(when)
        yield f'<line class="grid" x1="{x:.2%}" x2="{x:.2%}" y1="{_BOTTOM:g}" y2="{_BOTTOM + 5:g}"/>'


def _labels(chart: Chart, frame: _Frame) -> Iterator[str]:
    said = ""
    for value in value_marks(frame.low, frame.high, binary=chart.unit.binary):
        y, words = frame.y(value), chart.unit.say(value)
        if y > _TOP + 6 and words != said:
            yield f'<text x="2" y="{y - 4:.1f}">{html(words)}</text>'
            said = words
    for when, words in time_marks(chart.start, chart.end):
        x = frame.x(when)
        anchor = "start" if x < 0.05 else "end" if x > 0.95 else "middle"
        yield f'<text x="{x:.2%}" y="{_HEIGHT - 9}" text-anchor="{anchor}">{html(words)}</text>'


def _level(words: str, y: float, value: str) -> str:
    return (
        f'<line class="level" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="level" x="99.5%" y="{y - 4:.1f}" text-anchor="end">{html(words)} {html(value)}</text>'
    )


def _marks(marks: Sequence[Mark], frame: _Frame) -> Iterator[str]:
    for number, mark in enumerate(marks):
        x, y = frame.x(mark.time), 12 + number % 3 * _LINE_HEIGHT
        before = x > 0.6
        place = f'x="{x:.2%}" dx="{-5 if before else 5}" y="{y:g}" text-anchor="{"end" if before else "start"}"'
        yield f'<line class="{html(mark.css)}" x1="{x:.2%}" x2="{x:.2%}" y1="0" y2="{_BOTTOM:g}"/>'
        yield f'<text class="{html(mark.css)}" {place}>{html(mark.words)}</text>'
