"""Dashboards as Grafana reads them, by the builders of its Foundation SDK.

Importing the SDK takes a fifth of a second, so only what writes dashboards imports this module, and only then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphGradientMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from kubewright.api.meta import Manifest
from kubewright.monitoring.dashboards.board import CLUSTER, DATA_SOURCE, Amount, Board, Limits, Panel, Row, Variable

TAG = "kubewright"
_HEIGHTS = {"number": 4, "ranking": 8, "table": 8, "lines": 8, "stack": 8}
_UNITS = {"cores": "suffix: cores", "MHz": "suffix: MHz"}
"""What Grafana has no name for."""
_NO_HISTORY = {"dateTimeFromNow", "bool_yes_no"}
_TAKEN_ALONG = {
    "node": {"node": "node"},
    "namespace": {"namespace": "namespace"},
    "application": {"namespace": "namespace", "app": "appservice"},
}
"""For each board that panels lead to: its variables, and the labels that they are set from."""
_SOURCE = DataSourceRef(type_val="prometheus", uid=f"${{{DATA_SOURCE}}}")
_MARK_STEP = "1m"
_OF_INTERVALS = ("auto", "auto_min", "auto_count")
"""What the SDK gives to every variable, and Grafana knows of those that are intervals."""

_Visual: TypeAlias = timeseries.Panel | stat.Panel | bargauge.Panel | table.Panel


def documents(boards: Sequence[Board], runbooks: str) -> dict[str, Manifest]:
    """Return each board as a JSON document, by its name; `runbooks` is the address of their folder."""
    return {board.name: _document(board, runbooks.rstrip("/")) for board in boards}


def _document(board: Board, runbooks: str) -> Manifest:
    built = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.about)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-3h", "now")
        .link(
            dashboard.DashboardLink("kubewright")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(as_dropdown=True)
            .include_vars(include_vars=True)
            .keep_time(keep_time=True)
        )
        .with_variable(dashboard.DatasourceVariable(DATA_SOURCE).label("Prometheus").type("prometheus"))
    )
    for choice in (CLUSTER, *board.choices):
        built = built.with_variable(_variable(choice))
    for row in board.rows:
        built = _with_row(built, row, runbooks)
    found: Manifest = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    found["annotations"] = {"list": list(_annotations(board))}
    for variable in found["templating"]["list"]:
        for part in _OF_INTERVALS:
            variable.pop(part, None)
    return found


def _annotations(board: Board) -> Iterator[Manifest]:
    """Yield marks; those of Prometheus have a query and a text that the SDK does not know of."""
    for marks in board.marks:
        known = dashboard.AnnotationQuery().name(marks.name).datasource(_SOURCE).enable(enable=True)
        query = prometheus.Dataquery().expr(marks.expr).interval(_MARK_STEP).ref_id("Anno").build()
        built = known.icon_color(marks.color).build()
        yield built.to_json() | {"datasource": _SOURCE.to_json(), "target": query.to_json(), "titleFormat": marks.text}


def _variable(choice: Variable | Amount) -> dashboard.QueryVariable | dashboard.TextBoxVariable:
    if isinstance(choice, Amount):
        text = f"{choice.default:g}"
        option = VariableOption(selected=True, text=text, value=text)
        return (
            dashboard.TextBoxVariable(choice.name)
            .label(choice.label)
            .default_value(text)
            .current(option)
            .options([option])
        )
    built = (
        dashboard.QueryVariable(choice.name)
        .label(choice.label)
        .datasource(_SOURCE)
        .query(choice.query)
        .regex(choice.regex)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
        .include_all(choice.everything)
    )
    if choice.everything:
        built = built.current(VariableOption(selected=True, text="All", value="$__all"))
    return built


def _with_row(built: dashboard.Dashboard, row: Row, runbooks: str) -> dashboard.Dashboard:
    built = built.with_row(dashboard.Row(row.title))
    for panel in row.panels:
        built = built.with_panel(_panel(panel, runbooks))
    return built


def _panel(panel: Panel, runbooks: str) -> _Visual:
    drawn = _shaped(panel)
    drawn = (
        drawn.title(panel.title)
        .description(panel.about)
        .datasource(_SOURCE)
        .unit(_UNITS.get(panel.unit, panel.unit))
        .span(panel.width)
        .height(_HEIGHTS[panel.shape])
        .thresholds(_thresholds(panel.limits))
    )
    if panel.highest is not None:
        drawn = drawn.min(0).max(panel.highest)
    if panel.page:
        runbook = dashboard.DashboardLink("Runbook").url(f"{runbooks}/{panel.page}.md").target_blank(target_blank=True)
        drawn = drawn.links([runbook])
    if panel.leads_to:
        drawn = drawn.data_links([_leading(panel)])
    for at, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + at))
        target = target.datasource(_SOURCE)
        if panel.shape == "table":
            drawn = drawn.with_target(target.instant().format(PromQueryFormat.TABLE))
        elif panel.shape == "ranking":
            drawn = drawn.with_target(target.instant())
        else:
            drawn = drawn.with_target(target.range())
    return drawn


def _shaped(panel: Panel) -> _Visual:
    """Return an empty panel of the shape that is asked for."""
    latest = common.ReduceDataOptions().calcs(["lastNotNull"])
    match panel.shape:
        case "number":
            history = BigValueGraphMode.NONE if panel.unit in _NO_HISTORY else BigValueGraphMode.AREA
            color = BigValueColorMode.VALUE if panel.limits else BigValueColorMode.NONE
            return stat.Panel().graph_mode(history).color_mode(color).reduce_options(latest)
        case "ranking":
            return (
                bargauge.Panel()
                .orientation(VizOrientation.HORIZONTAL)
                .display_mode(BarGaugeDisplayMode.GRADIENT)
                .reduce_options(latest)
            )
        case "table":
            without = DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}})
            return table.Panel().with_transformation(without)
        case "lines" | "stack":
            return _lines(panel)


def _lines(panel: Panel) -> timeseries.Panel:
    drawn = (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(8)
        .gradient_mode(GraphGradientMode.OPACITY)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if panel.shape == "stack":
        drawn = drawn.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)
    if panel.limits:
        drawn = drawn.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return drawn


def _thresholds(limits: Limits | None) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green")]
    if limits is not None and limits.bad >= limits.look:
        steps += [Threshold(value=limits.look, color="orange"), Threshold(value=limits.bad, color="red")]
    elif limits is not None:
        steps = [
            Threshold(value=None, color="red"),
            Threshold(value=limits.bad, color="orange"),
            Threshold(value=limits.look, color="green"),
        ]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _leading(panel: Panel) -> dashboard.DashboardLink:
    """Return the link from a series to the board about what its labels name."""
    taken = _TAKEN_ALONG[panel.leads_to]
    where = "__data.fields" if panel.shape == "table" else "__field.labels"
    values = [f"var-{name}=${{{where}.{label}}}" for name, label in taken.items()]
    kept = [f"${{{DATA_SOURCE}:queryparam}}", f"${{{CLUSTER.name}:queryparam}}", "${__url_time_range}"]
    url = f"/d/kubewright-{panel.leads_to}?{'&'.join([*values, *kept])}"
    return dashboard.DashboardLink(f"Open {panel.leads_to}").url(url)
