"""How series move: lasting changes of level, and the trend of late."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import numpy as np
from pydantic import AwareDatetime, Field

from runlore.agents.builtin.task_kind import BuiltinContext, TaskRequest
from runlore.kernel.durations import DAY_S
from runlore.kernel.instants import from_us
from runlore.kernel.readable import readable_number, readable_share
from runlore.signals.actions.regressions import RegressionQuery, SeriesLevels, read_levels
from runlore.signals.rules.series.grid import SECOND_US, Floats

Direction = Literal["rising", "falling", "no clear trend", "too few points"]
Name = Annotated[str, Field(min_length=1, max_length=1_024, pattern=r"^[^\x00]+$")]
BLOCKS = 20  # means of neighbours, so that their correlation matters little
LEAST_POINTS = 40
WEEK_S = 7 * DAY_S


class TrendRequest(TaskRequest):
    """series: by name; null: all. least: the smallest change, as a share of the level before."""

    series: Name | None = None
    scope: Name | None = None
    source: Name | None = None
    least: Annotated[float, Field(ge=0.01, le=10)] = 0.1
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    as_of: AwareDatetime | None = None


@dataclass(frozen=True)
class TrendShift:
    """change, low, high: shares of `before`, with the interval of 95 %."""

    started_at: datetime
    change: float
    low: float
    high: float
    before: float
    after: float


@dataclass(frozen=True)
class SeriesTrend:
    """slope: per week, with its interval of 95 %, since the last change of level."""

    series: str
    scope: str
    source: str
    points: int
    first_at: datetime
    last_at: datetime
    level: float
    direction: Direction
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    shifts: tuple[TrendShift, ...]
    summary: str


@dataclass(frozen=True)
class TrendReport:
    """left_out: series beyond the limit."""

    as_of: datetime
    series: tuple[SeriesTrend, ...]
    left_out: int
    summary: str


def analyze_trends(request: TrendRequest, context: BuiltinContext) -> TrendReport:
    """Raises NotFound for a name that no series has."""
    at = request.as_of or context.at
    query = RegressionQuery(request.series, request.scope, request.source, request.least)
    levels = read_levels(context.store, query, at)
    trends = [_trend(one) for one in levels[: request.limit]]
    moving = [one for one in trends if one.direction in {"rising", "falling"} or one.shifts]
    trends.sort(key=lambda one: one not in moving)
    summary = f"{len(moving)} of {len(trends)} series have a trend or a lasting change"
    return TrendReport(at, tuple(trends), max(0, len(levels) - request.limit), summary)


def _trend(levels: SeriesLevels) -> SeriesTrend:
    values = levels.grid.values
    begin = max((change.start for change in levels.changes), default=0)
    direction, slope = measure_trend(values[begin:], levels.grid.step_s)
    shifts = tuple(
        TrendShift(levels.at(one.start), one.size, one.low, one.high, one.before, one.after)
        for one in levels.changes
    )
    known = values[np.isfinite(values)]
    late = known[-max(1, min(len(known), 24)) :]
    last = from_us(levels.grid.start_us + (len(values) - 1) * levels.grid.step_s * SECOND_US)
    return SeriesTrend(
        series=levels.series.name,
        scope=levels.series.scope,
        source=levels.series.source,
        points=len(known),
        first_at=levels.at(0),
        last_at=last,
        level=float(np.median(late)),
        direction=direction,
        slope=slope[0] if slope else None,
        slope_low=slope[1] if slope else None,
        slope_high=slope[2] if slope else None,
        shifts=shifts,
        summary=_sentence(direction, slope, shifts),
    )


def measure_trend(
    values: Floats, step_s: float
) -> tuple[Direction, tuple[float, float, float] | None]:
    """Slope per week with its interval of 95 %, from the means of 20 blocks.

    values: one a step; NaN where none came. A trend is clear where the interval leaves out 0.
    """
    from scipy.stats import t

    if np.isfinite(values).sum() < LEAST_POINTS:
        return "too few points", None
    blocks = [part[np.isfinite(part)] for part in np.array_split(values, BLOCKS)]
    middles = [part.mean() for part in np.array_split(np.arange(len(values)), BLOCKS)]
    kept = [at for at, part in enumerate(blocks) if len(part)]
    if len(kept) < BLOCKS // 2:
        return "too few points", None
    y = np.array([blocks[at].mean() for at in kept])
    x = np.array([middles[at] for at in kept]) * step_s / WEEK_S
    x = x - x.mean()
    spread = float(x @ x)
    slope = float(x @ y) / spread
    rest = y - y.mean() - slope * x
    error = float(np.sqrt(rest @ rest / (len(y) - 2) / spread)) * float(t.ppf(0.975, len(y) - 2))
    interval = (slope, slope - error, slope + error)
    if interval[1] > 0:
        return "rising", interval
    return ("falling", interval) if interval[2] < 0 else ("no clear trend", interval)


def _sentence(
    direction: Direction,
    slope: tuple[float, float, float] | None,
    shifts: tuple[TrendShift, ...],
) -> str:
    words: list[str] = [direction]
    if slope and direction in {"rising", "falling"}:
        low, high = readable_number(slope[1]), readable_number(slope[2])
        words = [f"{direction} by {readable_number(slope[0])} a week ({low} to {high})"]
    if shifts:
        last = shifts[-1]
        way = "up" if last.change > 0 else "down"
        words.append(
            f"{way} {readable_share(abs(last.change))} since {last.started_at:%Y-%m-%d %H:%M} UTC"
        )
    return "; ".join(words)
