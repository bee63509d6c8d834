"""When causes of alerts about series stood, drawn over the days of a period."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from runlore.plots import svg
from runlore.plots.svg import Drawing

Row = Mapping[str, Any]
MOST = 8
ROW, WIDE = 30.0, 400.0  # readable on a phone, too
BAR = 9.0
LONGEST = 60
TICKS = 7


def causes_over_days(signals: Sequence[Row], period: Row) -> str:
    """The first MOST of the period as bars, coloured while they stand. "": there is none."""
    if not signals:
        return ""
    shown = signals[:MOST]
    first, last = (datetime.fromisoformat(period[end]) for end in ("starts_at", "ends_at"))
    drawing = Drawing("When series were unusual", ROW * len(shown) + 26.0, width=WIDE)
    drawing.left, drawing.x_end = 6.0, (last - first).total_seconds()
    _days(drawing, period, ROW * len(shown) + 4.0)
    for at, row in enumerate(shown):
        _bar(drawing, row, first, at * ROW + 12.0)
    return drawing.svg()


def _bar(drawing: Drawing, row: Row, first: datetime, top: float) -> None:
    begin = (datetime.fromisoformat(row["since"]) - first).total_seconds()
    end = drawing.x_end
    if row["until"] is not None:
        end = (datetime.fromisoformat(row["until"]) - first).total_seconds()
    x, css = drawing.x(begin), "all" if row["until"] else "bad"
    said = f"{row['kind']}: {row['subject']}"
    drawing.add(svg.text(drawing.left, top, _short(said), css="name"))
    y, width = top + 4.0, max(drawing.x(end) - x, 2.0)
    drawing.add(svg.rectangle(drawing.left, y, drawing.x(drawing.x_end) - 6.0, BAR, "rail"))
    drawing.add(svg.rectangle(x, y, width, BAR, css, row["what"]))


def _days(drawing: Drawing, period: Row, bottom: float) -> None:
    first, last = (date.fromisoformat(period[end]) for end in ("first", "last"))
    days = (last - first).days + 1
    every = -(-days // TICKS)
    for number in range(0, days, every):
        x = drawing.left + (drawing.width - drawing.left - svg.RIGHT) * number / days
        day = first + timedelta(days=number)
        drawing.add(svg.line(x, 0.0, x, bottom, "grid"))
        drawing.add(svg.text(x + 2, bottom + 13.0, f"{day.day} {day:%b}", css="tick"))


def _short(said: str) -> str:
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
