"""When series in the store reach their limits, and an alert for each that may do so soon."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from math import isfinite
from typing import cast, get_args

import numpy as np

from runlore.kernel.durations import DAY_S
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import from_us, to_us
from runlore.kernel.readable import readable_duration, readable_number, readable_share
from runlore.signals import queries
from runlore.signals.actions.forecasting import SeriesName, find_series, list_series
from runlore.signals.queries import Points, StoredSeries
from runlore.signals.rules.limits.crossing import Crossing, LimitRule, LimitSide, find_crossing
from runlore.signals.rules.series.grid import (
    SECOND_US,
    STEPS_S,
    Floats,
    SeriesGrid,
    find_step,
    to_grid,
)
from runlore.specs.series_spec import PERCENT, SeriesSpec
from runlore.store.engine import Store

MOST_POINTS = 50_000
MOST_LIMITS = 1_000
MOST_STEPS = 240  # of the past; finer series are averaged over longer steps
AHEAD = 2  # pasts that are looked ahead
FURTHEST_AHEAD = 5
MOST_AHEAD_S = 365 * DAY_S
LATE_SHARE, LATE_STEPS = 0.1, 3  # of the past: without a point for longer, nothing is said


@dataclass(frozen=True)
class SeriesLimit:
    """A value that a series should not reach. lead_s: when it is an alert before."""

    limit: float
    side: LimitSide = "above"
    lead_s: float = 7 * DAY_S


@dataclass(frozen=True)
class LimitForecast:
    """past: what was seen, averaged by step. first_at: of the first step to come."""

    series: StoredSeries
    limit: SeriesLimit
    as_of: datetime
    past: SeriesGrid
    first_at: datetime
    last_value: float
    last_at: datetime
    horizon_s: float
    crossing: Crossing

    def at(self, step: int | None) -> datetime | None:
        """When a step to come is, from 1; never before `as_of`."""
        if step is None:
            return None
        return max(self.first_at + timedelta(seconds=(step - 1) * self.past.step_s), self.as_of)

    @property
    def is_due(self) -> bool:
        """Whether the limit is crossed, or may be within the lead time."""
        if self.crossing.state == "crossed":
            return True
        early = self.at(self.crossing.early)
        return early is not None and (early - self.as_of).total_seconds() <= self.limit.lead_s


def declared_limit(specs: Sequence[SeriesSpec], series: StoredSeries) -> SeriesLimit | None:
    """The limit of the first spec that takes the series and knows one."""
    for spec in specs:
        if spec.takes(series.name, series.scope, series.source):
            limit = spec.limit_of(series.unit)
            if limit is not None:
                return SeriesLimit(limit, spec.limit_side, spec.lead_s)
    return None


def read_limit(text: str, side: str = "above") -> SeriesLimit:
    """A limit in the words of an address. Raises BadInput for what is no number or no side."""
    if side not in get_args(LimitSide):
        raise BadInput(f"side: {side[:40]!r} is none of {', '.join(get_args(LimitSide))}", "side")
    try:
        number = float(text)
    except ValueError as error:
        raise BadInput(f"at: {text[:40]!r} is not a number", "at") from error
    if not isfinite(number):
        raise BadInput(f"at: {text[:40]!r} is not a number", "at")
    return SeriesLimit(number, cast("LimitSide", side))


def forecast_limit(
    store: Store,
    specs: Sequence[SeriesSpec],
    wanted: SeriesName,
    as_of: datetime,
    limit: SeriesLimit | None = None,
    days: float | None = None,
) -> LimitForecast:
    """When a series reaches its limit, from the points that were known at an instant.

    limit: None takes what a spec declares, or 100 of a series in percent. days: how far to look
    ahead; None: twice the past, at most a year. Raises NotFound, and BadInput without a limit.
    """
    if limit is not None and not isfinite(limit.limit):
        raise BadInput(f"at: {limit.limit} is not a number", "at")
    series = find_series(store, wanted)
    limit = limit or declared_limit(specs, series) or _own_limit(series)
    if limit is None:
        raise BadInput(
            f"at: no series spec has a limit for {series.name!r}; name one, such as --at 100", "at"
        )
    return _forecast(store, series, limit, as_of, days)


def forecast_limits(
    store: Store, specs: Sequence[SeriesSpec], as_of: datetime, most: int = MOST_LIMITS
) -> list[LimitForecast]:
    """The same of every series for which a spec declares a limit, the soonest first.

    most: of more series, the first ones by name are taken.
    """
    declared = ((one, declared_limit(specs, one)) for one in list_series(store))
    taken = islice(((one, limit) for one, limit in declared if limit is not None), most)
    made = [_forecast(store, series, limit, as_of, None) for series, limit in taken]
    return sorted(made, key=_urgency)


def conclude_limit(one: LimitForecast) -> str:
    """When it is reached, in a sentence."""
    crossing, limit = one.crossing, readable_number(one.limit.limit)
    ahead = readable_duration(one.horizon_s)
    early, median, late = (
        _day(one.at(step)) for step in (crossing.early, crossing.median, crossing.late)
    )
    if crossing.state == "crossed":
        return f"{readable_number(one.last_value)} is {_beyond(one)} the limit of {limit}"
    if crossing.state == "expected":
        until = late or f"later than {ahead} ahead"
        return f"reaches {limit} about {median} UTC (90 %: {early} to {until})"
    chance = crossing.probability
    if crossing.state == "unlikely":
        why = f"; {crossing.reason}" if crossing.reason else ""
        first = f"; not before {early} UTC" if early else ""
        none = readable_share(1 - (chance or 0.0))
        return f"no crossing of {limit} within {ahead} ({none} likely){first}{why}"
    within = "" if chance is None else f"; a crossing within {ahead}: {readable_share(chance)}"
    return f"no date for {limit}: {crossing.reason}{within}"


def _own_limit(series: StoredSeries) -> SeriesLimit | None:
    return SeriesLimit(100.0) if series.unit.lower() in PERCENT else None


def _forecast(
    store: Store,
    series: StoredSeries,
    limit: SeriesLimit,
    as_of: datetime,
    days: float | None,
) -> LimitForecast:
    with store.connect() as connection:
        points = queries.read_points(connection, series, as_of, MOST_POINTS)
    if len(points.at) < 2:
        return _without_past(series, limit, as_of, points)
    past, first_us = _coarse(points)
    last_at, last_value = from_us(int(points.at[-1])), float(points.value[-1])
    late_s = max((as_of - last_at).total_seconds(), 0.0)
    span_s = len(past.values) * past.step_s
    horizon_s = _horizon_s(span_s, days)
    steps = max(int(np.ceil((horizon_s + late_s) / past.step_s)), 1)
    rule = LimitRule(limit.limit, min(steps, (FURTHEST_AHEAD + 1) * MOST_STEPS), limit.side)
    if late_s > max(LATE_SHARE * span_s, LATE_STEPS * past.step_s):
        found = Crossing("withheld", f"no point came for {readable_duration(late_s)}")
    elif (last_value - limit.limit) * (1 if limit.side == "above" else -1) >= 0:
        found = Crossing("crossed", probability=1.0)
    else:
        found = find_crossing(_ending_at(past.values, last_value, limit), rule)
    return LimitForecast(
        series, limit, as_of, past, from_us(first_us), last_value, last_at, horizon_s, found
    )


def _without_past(
    series: StoredSeries, limit: SeriesLimit, as_of: datetime, points: Points
) -> LimitForecast:
    at = from_us(int(points.at[-1])) if len(points.at) else as_of
    value = float(points.value[-1]) if len(points.at) else float("nan")
    found = Crossing("withheld", f"{len(points.at)} points were known")
    grid = SeriesGrid(to_us(at), 1, points.value)
    return LimitForecast(series, limit, as_of, grid, at, value, at, 0.0, found)


def _coarse(points: Points) -> tuple[SeriesGrid, int]:
    """At most MOST_STEPS steps, of which the last is complete; and when the next one's mean is."""
    own = find_step(points.at)
    span_s = (int(points.at[-1]) - int(points.at[0])) / SECOND_US + own
    longer = [step_s for step_s in STEPS_S if step_s >= max(own, span_s / MOST_STEPS)]
    step_s = longer[0] if longer else STEPS_S[-1]
    step_us, own_us = step_s * SECOND_US, own * SECOND_US
    shift = -(int(points.at[-1]) + own_us) % step_us
    grid = to_grid(points.at + shift, points.value, step_s)
    middle = int(np.mean((points.at + shift) % step_us))
    return SeriesGrid(grid.start_us - shift, step_s, grid.values), grid.end_us - shift + middle


def _ending_at(values: Floats, last: float, limit: SeriesLimit) -> Floats:
    """With the last point for the last mean, where only the mean is beyond the limit."""
    is_beyond = values[-1] >= limit.limit if limit.side == "above" else values[-1] <= limit.limit
    return np.append(values[:-1], last) if is_beyond else values


def _horizon_s(span_s: float, days: float | None) -> float:
    if days is None:
        return min(AHEAD * span_s, MOST_AHEAD_S)
    if not 0 < days * DAY_S <= FURTHEST_AHEAD * span_s:
        raise BadInput(
            f"days: {days:g} is not within {FURTHEST_AHEAD} times the past,"
            f" {readable_duration(FURTHEST_AHEAD * span_s)}",
            "days",
        )
    return days * DAY_S


def _urgency(one: LimitForecast) -> tuple[bool, float, str, str]:
    early = one.as_of if one.crossing.state == "crossed" else one.at(one.crossing.early)
    ahead_s = (early - one.as_of).total_seconds() if early else float("inf")
    return (early is None, ahead_s, one.series.name, one.series.scope)


def _beyond(one: LimitForecast) -> str:
    return "at or above" if one.limit.side == "above" else "at or below"


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
