"""The hours of a week as cells of an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from runlore.advice.rules.patterns.names import DAYS

LEFT, TOP, CELL, GAP = 34, 18, 24, 2


@dataclass(frozen=True)
class HourCell:
    """x, y: pixels. opacity: of the fill, by the share of the busiest hour."""

    x: int
    y: int
    opacity: float
    title: str


@dataclass(frozen=True)
class WeekMap:
    cells: tuple[HourCell, ...]
    days: tuple[tuple[str, int], ...]
    hours: tuple[tuple[str, int], ...]
    width: int = LEFT + 24 * CELL
    height: int = TOP + 7 * CELL
    size: int = CELL - GAP
    summary: str = ""


def draw_week(hours: Sequence[int]) -> WeekMap:
    """hours: 168 counts from Monday 0:00 on."""
    most = max(*hours, 1)
    cells = []
    for at, count in enumerate(hours):
        day, hour = divmod(at, 24)
        title = f"{DAYS[day]} {hour:02}:00: {count:,} executions"
        opacity = round(0.06 + 0.94 * count / most, 3) if count else 0.03
        cells.append(HourCell(LEFT + hour * CELL, TOP + day * CELL, opacity, title))
    busiest = max(range(len(hours)), key=lambda at: hours[at])
    day, hour = divmod(busiest, 24)
    return WeekMap(
        tuple(cells),
        tuple((name[:3], TOP + at * CELL + 16) for at, name in enumerate(DAYS)),
        tuple((f"{at:02}", LEFT + at * CELL) for at in range(0, 24, 3)),
        summary=f"Busiest: {DAYS[day]}, {hour:02}:00, {hours[busiest]:,} executions.",
    )
