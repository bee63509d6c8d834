"""A dashboard as a resource of `dashboard.grafana.app/v2beta1`, for Grafana 12 and later."""

import json
from typing import Any

from grafana_foundation_sdk.builders import dashboardv2beta1 as builders
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import resource as resources
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboardv2beta1 as models
from grafana_foundation_sdk.models.resource import DashboardKind, DashboardV2Beta1

from runlore_dashboards.classic import INSTANCES
from runlore_dashboards.declaration import (
    Annotation,
    Dashboard,
    Look,
    Panel,
    PanelRow,
    Query,
    places,
)
from runlore_dashboards.looks import styled

LOOKS: dict[Look, Any] = {
    "timeseries": timeseries.Visualization,
    "stat": stat.Visualization,
    "table": table.Visualization,
}


def render(dashboard: Dashboard) -> str:
    built = (
        builders.Dashboard(dashboard.title)
        .description(dashboard.description)
        .tags(["runlore"])
        .editable(True)
        .cursor_sync(models.DashboardCursorSync.CROSSHAIR)
        .time_settings(
            builders.TimeSettings()
            .from_val("now-6h")
            .to("now")
            .auto_refresh("30s")
            .timezone("browser")
        )
        .links([_link()])
        .variable(
            builders.DatasourceVariable("datasource").label("Prometheus").plugin_id("prometheus")
        )
        .variable(_instances())
        .annotations([_annotation(annotation) for annotation in dashboard.annotations])
    )
    for number, panel in enumerate(dashboard.panels(), 1):
        built = built.element(_name(number), _panel(number, panel))
    rows, number = builders.RowsLayout(), 1
    for row in dashboard.rows:
        rows = rows.row(_row(row, number))
        number += len(row.panels)
    manifest = (
        resources.Manifest()
        .api_version(DashboardV2Beta1)
        .kind(DashboardKind)
        .metadata(resources.Metadata().name(dashboard.uid))
        .spec(built.rows_layout(rows).build())
        .build()
    )
    return json.dumps(manifest, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _name(number: int) -> str:
    return f"panel-{number}"


def _link() -> builders.DashboardLink:
    return (
        builders.DashboardLink()
        .title("Runlore")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(["runlore"])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def _source() -> builders.Dashboardv2beta1DataQueryKindDatasource:
    return builders.Dashboardv2beta1DataQueryKindDatasource().name("${datasource}")


def _query(expr: str) -> prometheus.Query:
    return prometheus.Query().version("v0").datasource(_source()).expr(expr)


def _instances() -> builders.QueryVariable:
    every = models.VariableOption(selected=True, text="All", value="$__all")
    query = (
        builders.DataQueryKind()
        .group("prometheus")
        .version("v0")
        .datasource(_source())
        .spec({"query": INSTANCES, "refId": "instance"})
    )
    return (
        builders.QueryVariable("instance")
        .label("Instance")
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(every)
    )


def _annotation(annotation: Annotation) -> builders.AnnotationQuery:
    return (
        builders.AnnotationQuery()
        .name(annotation.name)
        .query(_query(annotation.expr))
        .enable(True)
        .hide(False)
        .icon_color(annotation.colour)
    )


def _panel(number: int, panel: Panel) -> builders.Panel:
    group = builders.QueryGroup()
    for at, query in enumerate(panel.queries):
        group = group.target(_target(query, chr(ord("A") + at), panel))
    look = styled(LOOKS[panel.look](), panel, builders, models)
    return (
        builders.Panel()
        .id(number)
        .title(panel.title)
        .description(panel.description)
        .data(group)
        .visualization(look)
    )


def _target(query: Query, name: str, panel: Panel) -> builders.Target:
    expression = _query(query.expr).legend_format(query.legend or "__auto")
    expression = expression.exemplar(query.has_exemplars)
    looked = expression.range() if panel.look == "timeseries" else expression.instant()
    return builders.Target().ref_id(name).query(looked)


def _row(row: PanelRow, first: int) -> Any:  # noqa: ANN401  (a builder)
    grid = builders.GridLayout()
    for number, place in enumerate(places(row.panels), first):
        grid = grid.item(
            builders.GridLayoutItem(_name(number))
            .x(place.x)
            .y(place.y)
            .width(place.width)
            .height(place.height)
        )
    return builders.RowsLayoutRow(row.title).grid_layout(grid)
