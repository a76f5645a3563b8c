"""The overview board: its variables, annotations, links, and the order of its rows."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from grafana import sdk
from grafana.overview import details, fleet, hooks, llm, machinery, signals
from grafana.panels import DATASOURCE, Panel

UID: Final = "agentgauge-overview"
_COLUMNS: Final = 24
_LABEL_VALUES: Final = 1  # Grafana's numbers for its editor of a variable's query
_QUERY_RESULT: Final = 3
_MODELS: Final = (
    '{__name__=~"gen_ai_client_operation_duration_seconds_count|agentgauge_llm_cost_usd_total'
    '|agentgauge_llm_unpriced_calls_total", gen_ai_agent_name=~"$agent"}'
)
_WORST_FIRST: Final = 'sort_desc(abs(max without (instance, job) (agentgauge_signal_zscore{signal=~"$signal"})))'


class Row(NamedTuple):
    """A row of the board; its id is the hundred its panels' ids begin with."""

    row_id: int
    title: str
    panels: Sequence[Panel]
    collapsed: bool = False


def overview() -> Any:
    """Return the built dashboard, the SDK's model."""
    board = sdk.dashboard.Dashboard("agentgauge overview").uid(UID).tags(["agentgauge"])
    board.description("State of a fleet of AI agents: rate, errors, duration, tokens, cost, hooks, anomalies.")
    board.readonly().timezone("utc").time("now-3h", "now").refresh("30s").version(1)
    board.timepicker(sdk.dashboard.TimePicker().refresh_intervals(["10s", "30s", "1m", "5m", "15m", "1h"]))
    board.tooltip(sdk.dashboard_model.DashboardCursorSync.CROSSHAIR)
    board.variables(_variables()).annotations(_annotations()).links(_links())
    y = 0
    for row in _rows():
        y = _place(board, row, y)
    return board.build()


def _rows() -> list[Row]:
    return [
        Row(100, "Fleet", fleet.state()),
        Row(200, "Agents", fleet.agents()),
        Row(300, "Calls to models", llm.calls()),
        Row(400, "Hooks", hooks.hooks()),
        Row(500, "Anomalies", signals.anomalies()),
        Row(600, "Regressions and forecast", signals.regressions()),
        Row(700, "More about signals", signals.more(), collapsed=True),
        Row(800, "Tools", details.tools(), collapsed=True),
        Row(900, "Workflows", details.workflows(), collapsed=True),
        Row(1000, "Quality", details.quality(), collapsed=True),
        Row(1100, "Processes", machinery.processes(), collapsed=True),
        Row(1200, "agentgauge itself", machinery.itself(), collapsed=True),
    ]


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


def _variables() -> list[Any]:
    labels = {
        "agent": ("Agent", "label_values(agentgauge_agent_runs_total, gen_ai_agent_name)"),
        "task_type": (
            "Task",
            'label_values(agentgauge_agent_runs_total{gen_ai_agent_name=~"$agent"}, task_type)',
        ),
        "model": ("Model", f"label_values({_MODELS}, gen_ai_request_model)"),
        "signal": ("Signal", "label_values(agentgauge_signal_value, signal)"),
    }
    source = sdk.dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    source.current(sdk.dashboard_model.VariableOption(text="Prometheus", value="agentgauge-prometheus"))
    chosen = _query_variable("series", "Series", f"query_result({_WORST_FIRST})", sort="DISABLED")
    # The label set as text, to be put between the braces of a selector; the worst series comes first.
    chosen.regex(r"/\{(.*)\}/").description("The series shown with its band; the one that deviates most comes first.")
    horizon = _query_variable("horizon", "Horizon", "label_values(agentgauge_signal_forecast, horizon)")
    return [
        source,
        *(_choice(name, label, query) for name, (label, query) in labels.items()),
        chosen,
        horizon.hide(sdk.dashboard_model.VariableHide.HIDE_VARIABLE),
    ]


def _choice(name: str, label: str, query: str) -> Any:
    """Return a variable with any number of values, all of them at first."""
    variable = _query_variable(name, label, query).multi(True).include_all(True).all_value(".*")
    return variable.current(sdk.dashboard_model.VariableOption(text=["All"], value=["$__all"]))


def _query_variable(name: str, label: str, query: str, sort: str = "ALPHABETICAL_ASC") -> Any:
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
