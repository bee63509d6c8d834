"""A dashboard in the classic form, which every Grafana from 10 on imports and provisions."""

import json
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import DataSourceRef

from runlore_dashboards.declaration import Annotation, Dashboard, Look, Panel, Place, Query, places
from runlore_dashboards.looks import styled

LOOKS: dict[Look, Any] = {"timeseries": timeseries.Panel, "stat": stat.Panel, "table": table.Panel}
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
INSTANCES = "label_values(runlore_build_info, instance)"
ROW_HEIGHT = 1


def render(dashboard: Dashboard) -> str:
    built = (
        builders.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags(["runlore"])
        .editable()
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("Runlore")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["runlore"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(
            builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
        .with_variable(_instances())
    )
    for annotation in dashboard.annotations:
        built = built.annotation(_annotation(annotation))
    top = 0
    for row in dashboard.rows:
        at = models.GridPos(h=ROW_HEIGHT, w=24, x=0, y=top)
        built = built.with_row(builders.Row(row.title).grid_pos(at))
        spots = places(row.panels, top + ROW_HEIGHT)
        for panel, place in zip(row.panels, spots, strict=True):
            built = built.with_panel(_panel(panel, place))
        top = max(spot.y + spot.height for spot in spots)
    document = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    _number(document["panels"])
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _number(panels: list[dict[str, Any]]) -> None:
    """Ids by position, so that links to a panel stay right as long as the panels do."""
    for number, panel in enumerate(panels, 1):
        panel["id"] = number


def _instances() -> builders.QueryVariable:
    every = models.VariableOption(selected=True, text="All", value="$__all")
    return (
        builders.QueryVariable("instance")
        .label("Instance")
        .datasource(SOURCE)
        .query({"query": INSTANCES, "refId": "instance"})
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
        .datasource(SOURCE)
        .enable(True)
        .icon_color(annotation.colour)
        .expr(annotation.expr)
    )


def _panel(panel: Panel, place: Place) -> Any:  # noqa: ANN401  (one of the builders)
    built = (
        LOOKS[panel.look]()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .grid_pos(models.GridPos(h=place.height, w=place.width, x=place.x, y=place.y))
    )
    for number, query in enumerate(panel.queries):
        built = built.with_target(_target(query, chr(ord("A") + number), panel))
    return styled(built, panel, builders, models)


def _target(query: Query, name: str, panel: Panel) -> prometheus.Dataquery:
    target = (
        prometheus.Dataquery()
        .ref_id(name)
        .expr(query.expr)
        .legend_format(query.legend or "__auto")
        .exemplar(query.has_exemplars)
        .datasource(SOURCE)
    )
    return target.range() if panel.look == "timeseries" else target.instant()
