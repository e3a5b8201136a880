"""A panel: its title, what it says, its unit, and its queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

#: The data source, by the uid that it is provisioned with.
SOURCE = model.DataSourceRef(type_val="prometheus", uid="rollcall-prometheus")

GRID_WIDTH = 24  # Grafana's, in columns

#: The selector of every query: the scrape job that is chosen above the dashboard.
JOB = 'job="$job"'


@dataclass(frozen=True)
class Query:
    """An expression, and the name of each series that comes of it (``{{label}}`` stands for the label's value)."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """A panel. ``text`` is shown behind its info sign. ``alarm`` is the value from which on a figure is red."""

    title: str
    text: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: Literal["figure", "graph", "table"] = "graph"
    alarm: float | None = None
    stacked: bool = False
    width: int = GRID_WIDTH // 2
    height: int = 8


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


def built(panel: Panel, number: int) -> Builder[model.Panel]:
    """The panel for Grafana; ``number`` is its own within the dashboard."""
    if panel.kind == "figure":
        return _figure(panel).id(number)
    if panel.kind == "table":
        return _table(panel).id(number)
    return _graph(panel).id(number)


def _graph(panel: Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(show_legend=True)
    legend.display_mode(common_model.LegendDisplayMode.LIST).placement(common_model.LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI)
    drawn = timeseries.Panel().title(panel.title).description(panel.text).datasource(SOURCE)
    drawn.span(panel.width).height(panel.height).unit(panel.unit).min(0).legend(legend).tooltip(tooltip)
    drawn.fill_opacity(25 if panel.stacked else 8).show_points(common_model.VisibilityMode.NEVER)
    if panel.stacked:
        drawn.stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))
    for ref, query in zip("ABCDEFGH", panel.queries, strict=False):
        drawn.with_target(_query(query, ref).range())
    return drawn


def _figure(panel: Panel) -> stat.Panel:
    steps = [model.Threshold(value=None, color="green")]
    if panel.alarm is not None:
        steps.append(model.Threshold(value=panel.alarm, color="red"))
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    drawn = stat.Panel().title(panel.title).description(panel.text).datasource(SOURCE)
    drawn.span(panel.width).height(panel.height).unit(panel.unit).reduce_options(last)
    drawn.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
    drawn.color_mode(common_model.BigValueColorMode.VALUE).graph_mode(common_model.BigValueGraphMode.AREA)
    for ref, query in zip("ABCDEFGH", panel.queries, strict=False):
        drawn.with_target(_query(query, ref).range())
    return drawn


def _table(panel: Panel) -> table.Panel:
    drawn = table.Panel().title(panel.title).description(panel.text).datasource(SOURCE)
    drawn.span(panel.width).height(panel.height).unit(panel.unit)
    for ref, query in zip("ABCDEFGH", panel.queries, strict=False):
        drawn.with_target(_query(query, ref).instant().format(PromQueryFormat.TABLE))
    return drawn


def _query(query: Query, ref: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().datasource(SOURCE).expr(query.expression).legend_format(query.legend).ref_id(ref)
