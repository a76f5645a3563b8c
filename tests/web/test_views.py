import math
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote_plus

import pytest

from agentgauge.web.app import Surface, make_app
from agentgauge.web.page import render_page
from agentgauge.web.status import Change, Expected, Related, SignalDetail, SignalRow, Status
from agentgauge.web.views import SignalViews
from tests.web.conftest import Serve
from tests.web.parsed import HOSTILE, Page

NOW = 1_795_262_400.0  # 2026-11-21 12:00 UTC
TICKS = [(NOW - 3600 + 5 * at, 3.0 if at == 380 else 1.0 + 0.1 * (at % 3)) for at in range(720)]
STEPS = [(NOW - 7200 + 60 * at, 1.0 if at < 90 else 2.0) for at in range(120)]
ROW = SignalRow(
    "llm_duration_p95",
    {"gen_ai_request_model": "opus", "task_type": "review"},
    *(2.4, 2.0, 1.7, 2.3, 4.2, 1e-6),
    anomaly=True,
    regression=True,
    regression_ratio=1.0,
    history=TICKS[-120:],
    unusual=[when for when, _ in TICKS[-20:]],
    change=NOW - 300,
    predicted_in=1200.0,
    leak=True,
)
DETAIL = SignalDetail(
    ROW,
    "higher",
    60.0,
    ticks=TICKS,
    band=[Expected(when, 1.1, -0.2, 1.4) for when, _ in TICKS[::12]],
    anomalies=[(NOW - 1800, NOW - 1500), (NOW - 100, NOW)],
    since=NOW - 100,
    steps=STEPS,
    changes=[Change(NOW - 1800, 1.0, 2.0)],
    ahead=[Expected(NOW + 60 * at, 2.0, 1.5, 2.5 + 0.01 * at) for at in range(60)],
    trend=0.25,
    regression_pvalue=1e-5,
    threshold=3.0,
    eta=(math.nan, 1800.0, math.nan),
)


def views(rows: list[SignalRow], detail: SignalDetail | None = DETAIL) -> SignalViews:
    status = Status("1.2.3", NOW, NOW - 60, True, signals=rows)

    def found(name: str, labels: Mapping[str, str]) -> SignalDetail | None:
        return detail if detail and (name, dict(labels)) == (detail.row.signal, {**detail.row.labels}) else None

    return SignalViews(status=lambda: status, detail=found)


def shown(detail: SignalDetail) -> Page:
    body, found = views([detail.row], detail).shown(detail.row.signal, detail.row.labels)
    assert found
    return Page(body)


def many(count: int) -> list[SignalRow]:
    return [SignalRow("tool_duration_p95", {"tool": f"tool{at:04}"}, 1.0, zscore=at / 1000) for at in range(count)]


def test_a_signals_page_links_to_what_may_have_caused_it_and_what_moved_with_it() -> None:
    tool = SignalRow("tool_duration_p95", {"gen_ai_tool_name": HOSTILE}, 3.0, zscore=9.0, anomaly=True)
    quiet, agent = (SignalRow("agent_duration_p95", {"gen_ai_agent_name": name}, 8.0) for name in ("calm", "busy"))
    page = shown(replace(DETAIL, related=[Related(quiet, correlation=-0.8), Related(agent, together=True)]))
    assert re.search(r"agent_duration_p95 busy .*began at the same time.*agent_duration_p95 calm", page.text)
    assert "moved the other way (rank correlation −0.80)" in page.text
    page = shown(replace(DETAIL, related=[Related(agent, 2), Related(tool, 1, 0.91, together=True)]))
    words = "likeliest cause; began at the same time; moved together (rank correlation 0.91) anomaly"
    assert re.search(rf"{re.escape(words)}.*agent_duration_p95 busy second likeliest cause", page.text)
    links = [unquote_plus(attributes["href"] or "") for tag, attributes in page.elements if tag == "a"]
    assert f"/signals/tool_duration_p95?gen_ai_tool_name={HOSTILE}" in links
    assert "moved together" not in shown(DETAIL).text
    many = [Related(SignalRow("x", {"n": str(number)}), correlation=0.9) for number in range(20)]
    assert "and 8 more that moved together" in shown(replace(DETAIL, related=many)).text


def test_a_signals_page_says_in_numbers_what_the_analyzer_sees() -> None:
    text = shown(DETAIL).text
    for words in (
        r"Value 2\.4\ss over 60\ss",
        r"Expected 2\ss 1\.7\ss … 2\.3\ss",
        r"Deviation z \+4\.2 p <0\.0001",
        r"Since 11:58 anomalous for 100\ss",
        r"Level \+100\s% against the baseline, p <0\.0001",
        r"Trend \+250\sms per hour",
        r"Forecast, in 1\sh 2\ss 1\.5\ss … 3\.09\ss",
        r"Threshold 3\ss not crossed before the horizon, at the soonest in 30\smin",
        r"Regression ahead in 20\smin",
        r"Leak grows",
        r"Worse when it rises",
        r"11:30 1\ss 2\ss \+100\s%",
    ):
        assert re.search(words, text), words


@pytest.mark.parametrize(
    ("eta", "words"),
    [
        ((0.0, 0.0, 0.0), r"3\ss crossed Regression"),
        ((600.0, 600.0, 600.0), r"crossed in 10\smin Regression"),
        ((600.0, 0.0, 1200.0), r"crossed in 10\smin, at the soonest now, at the latest in 20\smin"),
        ((math.nan, math.nan, math.nan), r"not crossed before the horizon Regression"),
    ],
)
def test_when_a_threshold_is_crossed(eta: tuple[float, float, float], words: str) -> None:
    assert re.search(words, shown(replace(DETAIL, eta=eta)).text)


def test_the_charts_show_band_anomalies_changes_and_forecast_and_say_them() -> None:
    page = shown(DETAIL)
    classes = [attributes.get("class") for _, attributes in page.elements]
    assert {"value", "expected", "band", "span", "ring", "change", "plateau", "forecast", "interval", "level"} <= {
        *classes
    }
    charts = [attributes for tag, attributes in page.elements if attributes.get("class") == "chart"]
    assert [chart["role"] for chart in charts] == ["img", "img"]
    assert re.search(r"Anomaly from 11:30 to 11:35, as far as 3\ss", page.text)
    assert re.search(r"Level changed at 11:30: 1\ss → 2\ss", page.text)
    assert re.search(r"Forecast for 12:59: 2\ss, between 1\.5\ss … 3\.09\ss", page.text)
    assert re.search(r"Expected now: 1\.7\ss … 2\.3\ss", page.text)


def test_ids_are_unique_and_what_refers_to_one_finds_it() -> None:
    page = shown(DETAIL)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len({*ids})
    for _, attributes in page.elements:
        referred = str(attributes.get("aria-labelledby") or "").split()
        referred += re.findall(r"url\(#([^)]*)\)", str(attributes.get("fill") or ""))
        assert {*referred} <= {*ids}


def test_a_series_just_begun_says_what_comes() -> None:
    text = shown(SignalDetail(replace(ROW, anomaly=False, regression=False), "higher", 60.0, TICKS[:1])).text
    assert "Two values make a line" in text
    assert "a quarter of an hour" in text
    text = shown(SignalDetail(ROW, "both", 60.0, TICKS[:30], steps=STEPS[:3])).text
    assert "The band appears" in text
    assert "Worse either way" in text


def test_hostile_names_are_text_everywhere() -> None:
    def both(name: str) -> list[Page]:
        row = replace(ROW, signal=name, labels={name: name, "b": name})
        detail = replace(DETAIL, row=row)
        one = views([row], detail)
        return [Page(one.listed(1, name)), Page(one.shown(name, row.labels)[0]), shown(detail)]

    for harmless, attacked in zip(both("duration"), both(f"duration{HOSTILE}"), strict=True):
        assert [tag for tag, _ in attacked.elements] == [tag for tag, _ in harmless.elements]
        assert [{*a} for _, a in attacked.elements] == [{*a} for _, a in harmless.elements]
        assert attacked.tags.isdisjoint({"script", "img", "iframe"})
        assert not [a for _, a in attacked.elements if "style" in a]


def test_the_list_is_bounded_turns_pages_and_holds_every_series_once() -> None:
    one = views(many(120))
    pages = [Page(one.listed(number, "")) for number in (1, 2, 3)]
    names = [name for page in pages for name in re.findall(r"tool\d{4}", page.text) if name]
    links = [str(a["href"]) for page in pages for tag, a in page.elements if tag == "a" and "?tool=" in str(a["href"])]
    assert [len(re.findall(r"\?tool=", str(page.elements))) for page in pages] == [50, 50, 20]
    assert len({*links}) == 120
    assert {*names} == {f"tool{at:04}" for at in range(120)}
    assert "next" in {a.get("rel") for _, a in pages[0].elements}
    assert "next" not in {a.get("rel") for _, a in pages[2].elements}
    assert "prev" in {a.get("rel") for _, a in pages[2].elements}
    assert "101 to 120 of 120" in Page(one.listed(99, "")).text


def test_the_list_can_hold_one_signal_only() -> None:
    text = Page(views([*many(3), ROW]).listed(1, "llm_duration_p95")).text
    assert "1 to 1 of 1" in text
    assert "tool0001" not in text
    assert "none" in Page(views(many(3)).listed(1, "no_such")).text


def test_links_lead_to_the_series_they_name(serve: Serve) -> None:
    row = replace(ROW, signal="duration/%2f ?", labels={"a b": "c&d=é", "e": HOSTILE})
    one = views([row], replace(DETAIL, row=row))
    page = Page(one.listed(1, ""))
    (url,) = {str(a["href"]) for _, a in page.elements if str(a.get("href")).startswith("/signals/")}
    assert "c&d=é" in unquote_plus(url)
    with serve(make_app(Surface(list, lambda: "", lambda: True, signals=one))) as client:
        answer = client.ask(url)
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "script" not in answer.headers["content-security-policy"]
        assert "sha256" in answer.headers["content-security-policy"]
        assert client.ask("/signals").status == 200


@pytest.mark.parametrize(
    "query", ["page=2", "page=-1", "page=x", f"page={'9' * 5000}", "page=%C2%B2", "name=%00%ff", ""]
)
def test_any_question_to_the_list_has_an_answer(serve: Serve, query: str) -> None:
    with serve(make_app(Surface(list, lambda: "", lambda: True, signals=views(many(60))))) as client:
        assert client.ask(f"/signals?{query}").status == 200


def test_a_series_that_is_none_is_a_404_that_says_so(serve: Serve) -> None:
    with serve(make_app(Surface(list, lambda: "", lambda: True, signals=views([ROW])))) as client:
        answer = client.ask("/signals/llm_duration_p95?gen_ai_request_model=another")
        assert answer.status == 404
        assert "No such signal" in Page(answer.body.decode()).text
    with serve(make_app(Surface(list, lambda: "", lambda: True))) as client:
        assert client.ask("/signals").status == 404


def test_the_status_page_links_to_each_series_and_to_the_rest() -> None:
    page = Page(render_page(Status("1", NOW, NOW, True, signals=many(130))))
    links = [str(a["href"]) for tag, a in page.elements if tag == "a"]
    assert "/signals?page=2" in links
    assert "80 more" in page.text
    assert "/signals/tool_duration_p95?tool=tool0129" in links


def test_the_status_page_stays_small_where_everything_is_wrong() -> None:
    rows = [replace(row, anomaly=True, regression=True) for row in many(1000)]
    page = render_page(Status("1", NOW, NOW, True, signals=rows))
    assert page.count('<tr class="anomaly">') <= 100
    assert "1000 anomalies" in page


def test_a_thousand_series_are_no_burden() -> None:
    """A bound an order of magnitude above what it takes, so that it fails for what grows with the square only."""
    rows = [replace(row, history=TICKS[:120]) for row in many(1000)]
    status = Status("1", NOW, NOW, True, signals=rows)
    began = time.process_time()
    render_page(status)
    views(rows).listed(2, "")
    assert time.process_time() - began < 1.0


def test_an_anomaly_and_a_change_are_in_the_small_line_too() -> None:
    page = Page(views([ROW]).listed(1, ""))
    classes = [attributes.get("class") for _, attributes in page.elements]
    assert "unusual" in classes
    assert "change" in classes
    (label,) = [str(a["aria-label"]) for tag, a in page.elements if a.get("class") == "spark"]
    assert "it was anomalous" in label
    assert "its level changed" in label
