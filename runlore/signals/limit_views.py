"""Dates on which limits are reached, as the terminal, HTTP and the console show them."""

from dataclasses import dataclass
from datetime import datetime

from runlore.kernel.durations import DAY_S
from runlore.kernel.readable import readable_quantity
from runlore.signals.actions.limits import LimitForecast, conclude_limit
from runlore.signals.rules.limits.crossing import CrossingState, LimitSide
from runlore.signals.views import name_series


@dataclass(frozen=True)
class LimitView:
    """early, late: the interval of 90 %; None: beyond the horizon, or withheld.

    probability: of a crossing within the horizon. growth_per_day, growth_low, growth_high: between
    clean-ups, with the interval of 90 %. is_due: an alert is raised, as the lead time says.
    """

    series: str
    scope: str
    source: str
    unit: str
    limit: float
    side: LimitSide
    state: CrossingState
    finding: str
    early_at: datetime | None
    median_at: datetime | None
    late_at: datetime | None
    probability: float | None
    horizon_days: float
    growth_per_day: float | None
    growth_low: float | None
    growth_high: float | None
    clean_ups: int
    bursts: int
    last_value: float | None
    last_point_at: datetime
    step_s: int
    is_due: bool


def show_limit(one: LimitForecast) -> LimitView:
    crossing, steps_per_day = one.crossing, DAY_S / one.past.step_s
    slope, low, high = (
        None if value is None else value * steps_per_day
        for value in (crossing.slope, crossing.low, crossing.high)
    )
    return LimitView(
        series=one.series.name,
        scope=one.series.scope,
        source=one.series.source,
        unit=one.series.unit,
        limit=one.limit.limit,
        side=one.limit.side,
        state=crossing.state,
        finding=conclude_limit(one),
        early_at=one.at(crossing.early),
        median_at=one.at(crossing.median),
        late_at=one.at(crossing.late),
        probability=crossing.probability,
        horizon_days=one.horizon_s / DAY_S,
        growth_per_day=slope,
        growth_low=low,
        growth_high=high,
        clean_ups=crossing.clean_ups,
        bursts=crossing.bursts,
        last_value=one.last_value if one.last_value == one.last_value else None,
        last_point_at=one.last_at,
        step_s=one.past.step_s,
        is_due=one.is_due,
    )


def tabulate_limit(view: LimitView) -> dict[str, object]:
    """A row that fits 80 columns; JSON has the rest."""
    value = view.last_value
    dates = (view.early_at, view.median_at)
    early, middle = ("-" if one is None else f"{one:%Y-%m-%d}" for one in dates)
    return {
        "series": name_series(view.series, view.scope),
        "value": "-" if value is None else readable_quantity(value, view.unit),
        "limit": readable_quantity(view.limit, view.unit),
        "early": early,
        "middle": middle,
        "state": view.state,
    }


def explain_growth(view: LimitView) -> str:
    """How it grows, in a sentence; empty where nothing is known."""
    if view.growth_per_day is None:
        return ""
    slope, low, high = (
        readable_quantity(value or 0.0, view.unit)
        for value in (view.growth_per_day, view.growth_low, view.growth_high)
    )
    return (
        f"grows by {slope} a day (90 %: {low} to {high}) between {view.clean_ups} clean-ups,"
        f" with {view.bursts} bursts"
    )
