"""Panels in the house style: what every graph, number, heatmap and table of our boards has in common."""

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from grafana import sdk

DATASOURCE: Final = sdk.common_model.DataSourceRef(type_val="prometheus", uid="${datasource}")

GREEN: Final = "green"
YELLOW: Final = "yellow"
RED: Final = "red"
BLUE: Final = "blue"

Panel = Any  # the SDK's panel builders share no type of their own
Step = tuple[float | None, str]


class Query(NamedTuple):
    """One PromQL query of a panel.

    Args:
        expr: PromQL.
        legend: the series' name, ``{{label}}`` replaced by a label's value.
        instant: the value now, rather than over the dashboard's time.
        format: how Grafana reads the answer.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    format: Literal["time_series", "table", "heatmap"] = "time_series"


def graph(
    panel_id: int,
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    width: int = 8,
    minimum: float | None = 0,
    maximum: float | None = None,
    stacked: bool = False,
    bars: bool = False,
    thresholds: Sequence[Step] = (),
    calcs: Sequence[str] = ("mean", "lastNotNull"),
    interval: str = "1m",
) -> Panel:
    """Return a time series panel.

    Args:
        panel_id: stays the panel's for ever, so that links and embeds keep working.
        title, description: what it shows, and how that is counted.
        queries: lines, in the order of the legend.
        unit: Grafana's identifier of a unit.
        width: of the 24 columns.
        minimum, maximum: of the axis; None lets the data decide.
        stacked: series add up to a whole.
        bars: bars instead of lines.
        thresholds: (from value, colour), the first value None; drawn as dashed lines.
        calcs: what the legend's table says of each series.
        interval: shortest step, and with it the shortest window of ``$__rate_interval``.
    """
    panel = _begin(sdk.timeseries.Panel(), panel_id, title, description, queries, unit, width, 8)
    panel.interval(interval)
    panel.tooltip(
        sdk.common.VizTooltipOptions()
        .mode(sdk.common_model.TooltipDisplayMode.MULTI)
        .sort(sdk.common_model.SortOrder.DESCENDING)
    )
    panel.legend(
        sdk.common.VizLegendOptions()
        .show_legend(True)
        .display_mode(sdk.common_model.LegendDisplayMode.TABLE)
        .placement(sdk.common_model.LegendPlacement.BOTTOM)
        .calcs(list(calcs))
    )
    panel.show_points(sdk.common_model.VisibilityMode.AUTO).line_width(1).fill_opacity(8)
    panel.color_scheme(_color(sdk.dashboard_model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    if bars:
        panel.draw_style(sdk.common_model.GraphDrawStyle.BARS).fill_opacity(70)
    if stacked:
        panel.stacking(sdk.common.StackingConfig().mode(sdk.common_model.StackingMode.NORMAL).group("A"))
        panel.fill_opacity(70 if bars else 40)
    if minimum is not None:
        panel.min(minimum)
    if maximum is not None:
        panel.max(maximum)
    panel.thresholds(_thresholds(thresholds or [(None, GREEN)]))
    if thresholds:
        panel.thresholds_style(
            sdk.common.GraphThresholdsStyleConfig().mode(sdk.common_model.GraphThresholdsStyleMode.DASHED)
        )
    return panel


def band(panel: Panel, lower: str, upper: str, middle: str) -> Panel:
    """Turn three of a graph's series into a shaded band around a dashed line; the names are their legends."""
    edge = [
        _property("custom.lineWidth", 0),
        _property("custom.showPoints", "never"),
        _property("color", {"mode": "fixed", "fixedColor": "semi-dark-blue"}),
        _property("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
    ]
    panel.override_by_name(lower, [*edge, _property("custom.fillOpacity", 0)])
    panel.override_by_name(upper, [*edge, _property("custom.fillBelowTo", lower), _property("custom.fillOpacity", 18)])
    panel.override_by_name(
        middle,
        [
            _property("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}),
            _property("custom.fillOpacity", 0),
            _property("custom.showPoints", "never"),
            _property("color", {"mode": "fixed", "fixedColor": "semi-dark-blue"}),
        ],
    )
    return panel


def number(
    panel_id: int,
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    width: int = 3,
    thresholds: Sequence[Step] = ((None, GREEN),),
    mappings: dict[str, tuple[str, str]] | None = None,
    no_value: str = "none",
    decimals: int | None = None,
    sparkline: bool = False,
    interval: str = "5m",
) -> Panel:
    """Return a panel of big numbers.

    Args:
        panel_id, title, description, queries, unit, width, interval: as in ``graph``.
        thresholds: (from value, colour), the first value None.
        mappings: value to (text, colour).
        no_value: shown where there is no sample.
        decimals: digits after the point.
        sparkline: the course of the value in the background.
    """
    panel = _begin(sdk.stat.Panel(), panel_id, title, description, queries, unit, width, 4)
    panel.interval(interval).min(0).no_value(no_value)
    panel.reduce_options(sdk.common.ReduceDataOptions().values(False).calcs(["lastNotNull"]))
    panel.color_mode(sdk.common_model.BigValueColorMode.VALUE)
    panel.text_mode(
        sdk.common_model.BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else sdk.common_model.BigValueTextMode.AUTO
    )
    panel.graph_mode(sdk.common_model.BigValueGraphMode.AREA if sparkline else sdk.common_model.BigValueGraphMode.NONE)
    panel.color_scheme(_color(sdk.dashboard_model.FieldColorModeId.THRESHOLDS))
    panel.thresholds(_thresholds(thresholds))
    if mappings:
        results = {
            value: sdk.dashboard_model.ValueMappingResult(text=text, color=color, index=index)
            for index, (value, (text, color)) in enumerate(mappings.items())
        }
        panel.mappings([sdk.dashboard_model.ValueMap(options=results)])
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def gauges(
    panel_id: int,
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    width: int = 8,
    maximum: float = 1,
    thresholds: Sequence[Step],
    no_value: str = "none",
) -> Panel:
    """Return a panel of horizontal bars from 0 to a maximum; the arguments are those of ``number``."""
    panel = _begin(sdk.bargauge.Panel(), panel_id, title, description, queries, unit, width, 8)
    panel.min(0).max(maximum).no_value(no_value)
    panel.reduce_options(sdk.common.ReduceDataOptions().values(False).calcs(["lastNotNull"]))
    panel.orientation(sdk.common_model.VizOrientation.HORIZONTAL)
    panel.display_mode(sdk.common_model.BarGaugeDisplayMode.BASIC)
    panel.color_scheme(_color(sdk.dashboard_model.FieldColorModeId.THRESHOLDS))
    panel.thresholds(_thresholds(thresholds))
    return panel


def heatmap(
    panel_id: int, title: str, description: str, expr: str, unit: str, *, width: int = 8, interval: str = "1m"
) -> Panel:
    """Return a heatmap of a histogram's buckets; ``expr`` keeps the label ``le``."""
    queries = [Query(expr, "{{le}}", format="heatmap")]
    panel = _begin(sdk.heatmap.Panel(), panel_id, title, description, queries, "short", width, 8)
    panel.interval(interval).calculate(False).show_legend()
    panel.y_axis(sdk.heatmap.YAxisConfig().unit(unit))
    panel.filter_values(sdk.heatmap.FilterValueRange().le(1e-9))
    panel.color(
        sdk.heatmap.HeatmapColorOptions()
        .mode(sdk.heatmap_model.HeatmapColorMode.SCHEME)
        .scheme("Oranges")
        .scale(sdk.heatmap_model.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(64)
    )
    return panel


def table(
    panel_id: int,
    title: str,
    description: str,
    columns: Sequence[tuple[str, str, str]],
    keys: Sequence[tuple[str, str]],
    *,
    sort_by: str,
) -> Panel:
    """Return a table with one row per series: instant queries joined on the labels they share.

    Args:
        panel_id, title, description: as in ``graph``.
        columns: (heading, PromQL, unit) of each value.
        keys: (label, heading) of each label shown before the values.
        sort_by: heading, largest first.
    """
    queries = [Query(expr, instant=True, format="table") for _, expr, _ in columns]
    panel = _begin(sdk.table.Panel(), panel_id, title, description, queries, "short", 24, 8)
    panel.with_transformation(sdk.dashboard_model.DataTransformerConfig(id_val="merge", options={}))
    names = dict(keys)
    names |= {f"Value #{_ref(index)}": heading for index, (heading, _, _) in enumerate(columns)}
    panel.with_transformation(
        sdk.dashboard_model.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {name: index for index, name in enumerate(names)},
                "renameByName": names,
            },
        )
    )
    panel.sort_by([sdk.common.TableSortByFieldState().display_name(sort_by).desc(True)])
    panel.thresholds(_thresholds([(None, "text")]))
    for heading, _, unit in columns:
        panel.override_by_name(heading, [_property("unit", unit), _property("noValue", "–")])
    return panel


def flag(panel: Panel, name: str, text: str, color: str) -> Panel:
    """Show a table's column of zeros and ones as a coloured word where it is 1."""
    options = {"0": {"text": "–", "color": "text"}, "1": {"text": text, "color": color}}
    mapping = {"type": "value", "options": options}
    panel.override_by_name(
        name, [_property("mappings", [mapping]), _property("custom.cellOptions", {"type": "color-text"})]
    )
    return panel


def link(title: str, url: str) -> Any:
    """Return a link for a panel's data."""
    return sdk.dashboard.DashboardLink(title).type(sdk.dashboard_model.DashboardLinkType.LINK).url(url)


def _begin(
    panel: Panel,
    panel_id: int,
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    width: int,
    height: int,
) -> Panel:
    panel.id(panel_id).title(title).description(description).datasource(DATASOURCE)
    panel.unit(unit).span(width).height(height)
    for index, query in enumerate(queries):
        target = sdk.prometheus.Dataquery().ref_id(_ref(index)).datasource(DATASOURCE)
        target.expr(query.expr).editor_mode(sdk.prometheus_model.QueryEditorMode.CODE)
        target.format(sdk.prometheus_model.PromQueryFormat(query.format))
        if query.legend:
            target.legend_format(query.legend)
        if query.instant:
            target.instant()
        else:
            target.range()
        panel.with_target(target)
    return panel


def _ref(index: int) -> str:
    return chr(ord("A") + index)


def _thresholds(steps: Sequence[Step]) -> Any:
    rows = [sdk.dashboard_model.Threshold(value=value, color=color) for value, color in steps]
    return sdk.dashboard.ThresholdsConfig().mode(sdk.dashboard_model.ThresholdsMode.ABSOLUTE).steps(rows)


def _color(mode: Any) -> Any:
    return sdk.dashboard.FieldColor().mode(mode)


def _property(name: str, value: object) -> Any:
    return sdk.dashboard_model.DynamicConfigValue(id_val=name, value=value)
