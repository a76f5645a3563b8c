import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentgauge.web.chart import Band, Chart, Line, Mark, draw
from agentgauge.web.units import unit_of
from tests.web.parsed import HOSTILE, Page

HEIGHT = 250.0
FLOATS = st.floats(allow_nan=True, allow_infinity=True)


def chart(**changes: Any) -> Chart:
    points = [(100.0, 1.0), (160.0, 2.0), (220.0, 1.5)]
    base = Chart("one", "title", "what there is", 100.0, 220.0, unit_of("llm_duration_p95"), [Line(points, "value")])
    return base._replace(**changes)


def places(page: Page) -> list[tuple[float, float]]:
    """Every point of every path."""
    found = []
    for tag, attributes in page.elements:
        if tag == "path":
            for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", str(attributes["d"])):
                found.append((float(x), float(y)))
    return found


def test_it_has_a_name_and_a_description_for_who_cannot_see_it() -> None:
    page = Page(draw(chart()))
    (svg, *_) = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert svg["role"] == "img"
    named = str(svg["aria-labelledby"]).split()
    ids = {attributes.get("id"): tag for tag, attributes in page.elements if tag in {"title", "desc"}}
    assert [ids[name] for name in named] == ["title", "desc"]
    assert "what there is" in page.text


def test_larger_is_higher_and_later_is_further_right() -> None:
    (first, second, third) = places(Page(draw(chart())))
    assert [first[0], second[0], third[0]] == [0.0, 500.0, 1000.0]
    assert second[1] < third[1] < first[1]


def test_a_gap_breaks_line_and_band() -> None:
    line = Line([(100.0, 1.0), (130.0, 1.0), (160.0, math.nan), (190.0, 2.0), (220.0, 2.0)], "value")
    band = Band([(100.0, 0.5, 1.5), (160.0, math.nan, math.nan), (220.0, 0.5, 1.5)], "band")
    drawn = {
        str(attributes["class"]): str(attributes["d"])
        for tag, attributes in Page(draw(chart(lines=[line], bands=[band]))).elements
        if tag == "path"
    }
    assert drawn["value"].count("M") == 2
    assert drawn["band"].count("Z") == 2


def test_a_band_far_beyond_leaves_the_line_its_room() -> None:
    band = Band([(100.0, -1e9, 1e9), (220.0, -1e9, 1e9)], "band")
    page = Page(draw(chart(bands=[band])))
    line = next(str(attributes["d"]) for tag, attributes in page.elements if attributes.get("class") == "value")
    heights = [float(y) for _, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", line)]
    assert max(heights) - min(heights) > HEIGHT / 8


@pytest.mark.parametrize("constant", [0.0, 1.0, 1e-12, 1e15])
def test_a_constant_is_a_line_across(constant: float) -> None:
    points = places(Page(draw(chart(lines=[Line([(100.0, constant), (220.0, constant)], "value")]))))
    assert len({y for _, y in points}) == 1


def test_marks_spans_rings_and_a_threshold_are_there_in_shape_and_words() -> None:
    page = Page(
        draw(
            chart(
                level=("threshold", 1.8),
                spans=[(130.0, 140.0)],
                rings=[(135.0, 2.0)],
                marks=[Mark(160.0, "1 s → 2 s", "change")],
            )
        )
    )
    classes = [attributes.get("class") for _, attributes in page.elements]
    assert classes.count("span") == classes.count("ring") == 1
    assert classes.count("change") == 2, "a line and its words"
    assert "1 s → 2 s" in page.text
    assert re.search(r"threshold 1\.8\ss", page.text)


def test_names_are_text() -> None:
    harmless = Page(draw(chart(title="x", marks=[Mark(160.0, "x", "change")])))
    attacked = Page(draw(chart(title=HOSTILE, description=HOSTILE, marks=[Mark(160.0, HOSTILE, "change")])))
    assert [tag for tag, _ in attacked.elements] == [tag for tag, _ in harmless.elements]


@given(st.lists(st.tuples(st.floats(0, 2e9), FLOATS), max_size=12), st.lists(st.tuples(FLOATS, FLOATS), max_size=6))
@settings(max_examples=80)
def test_anything_is_drawn_inside_the_frame(
    points: list[tuple[float, float]], edges: list[tuple[float, float]]
) -> None:
    times = sorted(when for when, _ in points) or [0.0]
    line = Line(sorted(points, key=lambda point: point[0]), "value")
    band = Band([(times[0] + at, *edge) for at, edge in enumerate(edges)], "band")
    drawn = draw(chart(start=times[0], end=times[-1], lines=[line], bands=[band]))
    assert "nan" not in drawn
    assert "inf" not in drawn
    for x, y in places(Page(drawn)):
        assert 0 <= x <= 1000
        assert 0 <= y <= HEIGHT
