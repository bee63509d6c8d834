"""What a dashboard shows, apart from the form that Grafana reads it in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Look = Literal["timeseries", "stat", "table"]
COLUMNS = 24  # of Grafana's grid


@dataclass(frozen=True)
class Query:
    """expr: PromQL. legend: of each series, with {{label}} for the value of a label."""

    expr: str
    legend: str = ""
    has_exemplars: bool = False


@dataclass(frozen=True)
class Panel:
    """unit: one of Grafana's. thresholds: where each further colour begins; the first is green.

    width, height: in cells of the grid.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str = "short"
    look: Look = "timeseries"
    thresholds: tuple[tuple[float, str], ...] = ()
    base_colour: str = "green"
    low: float | None = None
    high: float | None = None
    is_stacked: bool = False
    width: int = 12
    height: int = 8


@dataclass(frozen=True)
class PanelRow:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Annotation:
    """A mark on the time axis wherever `expr` has a sample above 0."""

    name: str
    expr: str
    colour: str


@dataclass(frozen=True)
class Dashboard:
    """uid: part of the address of its page, and the name of its file."""

    uid: str
    title: str
    description: str
    rows: tuple[PanelRow, ...]
    annotations: tuple[Annotation, ...] = ()

    def panels(self) -> Iterator[Panel]:
        for row in self.rows:
            yield from row.panels


@dataclass(frozen=True)
class Place:
    """Of a panel in the grid."""

    x: int
    y: int
    width: int
    height: int


def places(panels: tuple[Panel, ...], top: int = 0) -> list[Place]:
    """Side by side from the left; a panel that does not fit begins a new line."""
    found: list[Place] = []
    x, y, tallest = 0, top, 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        found.append(Place(x, y, panel.width, panel.height))
        x, tallest = x + panel.width, max(tallest, panel.height)
    return found


def stat(title: str, description: str, expr: str, unit: str = "short", **more: object) -> Panel:
    """A panel of one number."""
    queries = (Query(expr),)
    sizes = {"width": 6, "height": 4} | more
    return Panel(title, description, queries, unit, "stat", **sizes)  # type: ignore[arg-type]
