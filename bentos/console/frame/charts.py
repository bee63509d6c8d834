"""A chart as data: the script of the console draws it, and a table says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Literal

Place = float | str | datetime
Style = Literal["line", "points", "bars", "steps", "dashes", "curve"]
MOST_ROWS = 400  # of the table; the drawing has all


@dataclass(frozen=True)
class ChartSeries:
    """One row of points. low, high: ends of intervals, of the same length, or empty.

    style: a curve is a line whose points are never marked.

    colour: 1 to 6, the console's own in light and dark.
    """

    name: str
    x: Sequence[Place]
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    style: Style = "line"
    colour: int = 1

    def data(self) -> dict[str, Any]:
        ends = {"low": _plain(self.low), "high": _plain(self.high)} if self.low else {}
        return {
            "name": self.name,
            "x": [_place(place) for place in self.x],
            "y": _plain(self.y),
            "style": self.style,
            "colour": self.colour,
            **ends,
        }


@dataclass(frozen=True)
class Chart:
    """title: what it answers. x, y: names of the axes with their units.

    is_percent: values are shares. y_range: the ends of the axis, where they are known.
    is_square: both axes have that range. is_lying: bars lie, with their names at the left.
    """

    title: str
    x: str
    y: str
    series: tuple[ChartSeries, ...]
    caption: str = ""
    is_percent: bool = False
    y_range: tuple[float, float] | None = None
    is_square: bool = False
    is_lying: bool = False

    def data(self) -> dict[str, Any]:
        """What the script draws."""
        return {
            "x": self.x,
            "y": self.y,
            "series": [series.data() for series in self.series],
            "percent": self.is_percent,
            "range": self.y_range,
            "square": self.is_square,
            "lying": self.is_lying,
            "time": any(isinstance(place, datetime) for one in self.series for place in one.x),
        }

    def columns(self) -> list[str]:
        has_ends = any(series.low for series in self.series)
        return ["series", self.x, self.y, *(("from", "to") if has_ends else ())]

    def rows(self) -> list[tuple[Any, ...]]:
        has_ends = any(series.low for series in self.series)
        rows: list[tuple[Any, ...]] = []
        for series in self.series:
            for index, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
                ends = (series.low[index], series.high[index]) if series.low else (None, None)
                rows.append((series.name, x, y, *(ends if has_ends else ())))
        return rows[:MOST_ROWS]


def _plain(values: Sequence[float | None]) -> list[float | None]:
    """As JSON holds it: what is no number is unknown."""
    return [None if value is None or not isfinite(value) else float(value) for value in values]


def _place(place: Place) -> float | str:
    return place.isoformat() if isinstance(place, datetime) else place
