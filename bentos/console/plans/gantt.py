"""A plan as bars on lanes, one lane for each slot that is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor

from runlore.planning.allocation_views import PlacedTask

WIDTH, LEFT, LANE, TOP = 1000, 150, 22, 26
MOST_BARS = 400
MOST_TICKS = 6
STEPS_S = (60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)  # then whole days
DAY_S = 86_400
LABELLED = 60  # a bar so wide has its name on it
LONGEST_LABEL = 18


@dataclass(frozen=True)
class GanttBar:
    """state: late, promised, uncertain (wanted, not promised) or free (nothing is wanted)."""

    x: float
    y: float
    width: float
    state: str
    label: str
    title: str


@dataclass(frozen=True)
class GanttTick:
    x: float
    text: str


@dataclass(frozen=True)
class GanttPool:
    y: float
    name: str


@dataclass(frozen=True)
class GanttChart:
    height: int
    bars: tuple[GanttBar, ...]
    ticks: tuple[GanttTick, ...]
    pools: tuple[GanttPool, ...]
    is_cut: bool


def draw_gantt(tasks: Sequence[PlacedTask], now: datetime) -> GanttChart | None:
    """None: there is nothing to draw."""
    shown = tasks[:MOST_BARS]
    if not shown:
        return None
    first = min(now, *(task.start for task in shown))
    last = max(task.end for task in shown)
    seconds = max((last - first).total_seconds(), 1.0)

    def x_of(at: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT) * (at - first).total_seconds() / seconds, 1)

    bars: list[GanttBar] = []
    pools: list[GanttPool] = []
    lane = 0
    for name in sorted({task.pool for task in shown}):
        pools.append(GanttPool(TOP + lane * LANE, name[:LONGEST_LABEL]))
        lanes = _lanes([task for task in shown if task.pool == name])
        for tasks_of_lane in lanes:
            bars += [_bar(task, TOP + lane * LANE, x_of) for task in tasks_of_lane]
            lane += 1
    ticks = tuple(GanttTick(x_of(at), text) for at, text in _ticks(first, seconds))
    return GanttChart(
        TOP + lane * LANE + 4, tuple(bars), ticks, tuple(pools), len(tasks) > MOST_BARS
    )


def _lanes(tasks: Sequence[PlacedTask]) -> list[list[PlacedTask]]:
    """Tasks that do not overlap share a lane."""
    lanes: list[list[PlacedTask]] = []
    for task in sorted(tasks, key=lambda one: (one.start, one.end)):
        free = next((lane for lane in lanes if lane[-1].end <= task.start), None)
        if free is None:
            lanes.append([task])
        else:
            free.append(task)
    return lanes


def _bar(task: PlacedTask, y: float, x_of) -> GanttBar:  # type: ignore[no-untyped-def]  # noqa: ANN001
    x, end = x_of(task.start), x_of(task.end)
    width = max(round(end - x, 1), 1.0)
    label = task.id[:LONGEST_LABEL] if width >= LABELLED else ""
    title = f"{task.id}: {task.start:%Y-%m-%d %H:%M} to {task.end:%Y-%m-%d %H:%M} UTC"
    return GanttBar(x, y, width, state_of(task), label, f"{title}, {state_of(task)}")


def state_of(task: PlacedTask) -> str:
    if task.late_s:
        return "late"
    if task.is_promised is None:
        return "free"
    return "promised" if task.is_promised else "uncertain"


def _ticks(first: datetime, seconds: float) -> list[tuple[datetime, str]]:
    """Full hours, days or the like, and their texts."""
    step = next((one for one in STEPS_S if seconds / one <= MOST_TICKS), 0)
    step = step or DAY_S * ceil(seconds / DAY_S / MOST_TICKS)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = ceil((first - midnight).total_seconds() / step)
    end = floor(((first - midnight).total_seconds() + 0.9 * seconds) / step)
    instants = [midnight + timedelta(seconds=step * at) for at in range(begin, end + 1)]
    return [(at, f"{at:%d %b}" if step >= DAY_S else f"{at:%d %b %H:%M}") for at in instants]
