"""Boards in the house style: rows and their places, variables, annotations, links."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from grafana import sdk
from grafana.panels import DATASOURCE, Panel

_COLUMNS: Final = 24
_LABEL_VALUES: Final = 1  # Grafana's numbers for its editor of a variable's query
_QUERY_RESULT: Final = 3


class Row(NamedTuple):
    """A row of the board; its id is the hundred its panels' ids begin with."""

    row_id: int
    title: str
    panels: Sequence[Panel]
    collapsed: bool = False


def board(uid: str, title: str, description: str, rows: Sequence[Row], variables: Sequence[Any]) -> Any:
    """Return the built dashboard, the SDK's model.

    Args:
        uid: stays the board's for ever, so that links keep working.
        title, description: what it is about.
        rows: from top to bottom.
        variables: beside the data source, which is the first of every board.
    """
    made = sdk.dashboard.Dashboard(title).uid(uid).tags(["agentgauge"]).description(description)
    made.readonly().timezone("utc").time("now-3h", "now").refresh("30s").version(1)
    made.timepicker(sdk.dashboard.TimePicker().refresh_intervals(["10s", "30s", "1m", "5m", "15m", "1h"]))
    made.tooltip(sdk.dashboard_model.DashboardCursorSync.CROSSHAIR)
    made.variables([_source(), *variables]).annotations(_annotations()).links(_links())
    y = 0
    for row in rows:
        y = _place(made, row, y)
    return made.build()


def _place(board: Any, row: Row, y: int) -> int:
    """Add a row at ``y``, its panels from left to right below it, and return where the next row begins.

    The SDK would leave the room of a collapsed row's panels empty.
    """
    header = sdk.dashboard.Row(row.title).id(row.row_id).collapsed(row.collapsed)
    header.grid_pos(sdk.dashboard_model.GridPos(h=1, w=_COLUMNS, x=0, y=y))
    x, top, height = 0, y + 1, 0
    for panel in row.panels:
        place = panel.build().grid_pos
        if x + place.w > _COLUMNS:
            x, top, height = 0, top + height, 0
        place.x, place.y = x, top
        x, height = x + place.w, max(height, place.h)
    if row.collapsed:
        for panel in row.panels:
            header.with_panel(panel)
        board.with_row(header)
        return y + 1
    board.with_row(header)
    for panel in row.panels:
        board.with_panel(panel)
    return top + height


def _source() -> Any:
    source = sdk.dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    return source.current(sdk.dashboard_model.VariableOption(text="Prometheus", value="agentgauge-prometheus"))


def choice(name: str, label: str, query: str) -> Any:
    """Return a variable with any number of values, all of them at first."""
    variable = query_variable(name, label, query).multi(True).include_all(True).all_value(".*")
    return variable.current(sdk.dashboard_model.VariableOption(text=["All"], value=["$__all"]))


def query_variable(name: str, label: str, query: str, sort: str = "ALPHABETICAL_ASC") -> Any:
    """Return a variable with one value, asked of Prometheus whenever the time changes."""
    variable = sdk.dashboard.QueryVariable(name).label(label).datasource(DATASOURCE)
    kind = _QUERY_RESULT if query.startswith("query_result(") else _LABEL_VALUES
    variable.query({"qryType": kind, "query": query, "refId": f"{name}-variable"}).definition(query)
    variable.refresh(sdk.dashboard_model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    return variable.sort(sdk.dashboard_model.VariableSort[sort])


def _annotations() -> list[Any]:
    return [
        _annotation(
            "Alerts",
            'ALERTS{alertname=~"Agentgauge.+", alertname!="AgentgaugeWatchdog", alertstate="firing"}',
            "red",
            "{{alertname}}",
            "{{severity}}",
            # A label an alert has not is left out of its tags; its text would show the label's name.
            "signal,level,kind,name,budget,gen_ai_agent_name,gen_ai_request_model,gen_ai_tool_name,hook_name",
        ),
        _annotation(
            "Versions",
            "count by (version) (agentgauge_build_info) unless count by (version) (agentgauge_build_info offset 1m)",
            "blue",
            "agentgauge {{version}}",
            "began to run",
            "version",
        ),
    ]


def _annotation(name: str, expr: str, color: str, title: str, text: str, tags: str) -> Any:
    annotation = sdk.dashboard.AnnotationQuery().name(name).datasource(DATASOURCE).enable(True).icon_color(color)
    return _in_sight(annotation.expr(expr).title_format(title).text_format(text).tag_keys(tags).step("15s"))


def _links() -> list[Any]:
    kinds = sdk.dashboard_model.DashboardLinkType
    pages = (
        ("Status page", "http://127.0.0.1:10420/"),
        ("Prometheus", "http://127.0.0.1:9090/alerts"),
        ("Runbook", "https://github.com/agentgauge/agentgauge/blob/main/prometheus/RUNBOOK.md"),
    )
    boards = sdk.dashboard.DashboardLink("Boards").type(kinds.DASHBOARDS).tags(["agentgauge"])
    boards.as_dropdown(True).include_vars(True).keep_time(True).icon("external link")
    outside = [sdk.dashboard.DashboardLink(title).type(kinds.LINK).url(url) for title, url in pages]
    return [_in_sight(boards), *(_in_sight(page.target_blank(True).icon("external link")) for page in outside)]


def _in_sight(control: Any) -> Any:
    """Keep a link or annotation's switch above the board; the SDK puts it into a menu."""
    control.build().placement = None
    return control
