"""Capacity as people and programs read it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from runlore.kernel.readable import readable_duration, readable_number, readable_share
from runlore.planning.actions.capacity import PoolCapacity, ScenarioOutcome
from runlore.planning.actions.capacity_text import conclude_full, conclude_spend
from runlore.planning.rules.capacity.alert_rule import is_due
from runlore.planning.rules.capacity.full_date import FullState
from runlore.planning.rules.capacity.spend import BudgetState, SpendOutlook
from runlore.planning.rules.capacity.waiting import Waiting

HOUR_S = 3_600.0


@dataclass(frozen=True)
class FullView:
    """early, late: the interval; None: beyond the horizon. is_due: an alert is raised."""

    state: FullState
    finding: str
    early: date | None
    median: date | None
    late: date | None
    probability: float | None
    is_due: bool


@dataclass(frozen=True)
class WaitingView:
    """In open time. low_s, high_s: the middle 90 % of simulated weeks. share: of tasks that start
    as the objective says, with that of simulated weeks.
    """

    tasks: int
    mean_s: float
    low_s: float
    high_s: float
    median_s: float
    p95_s: float
    share: float | None
    share_low: float | None
    share_high: float | None


@dataclass(frozen=True)
class MonthSpendView:
    """month: its first day. spent: so far. low, middle, high: of the whole month.

    probability: that it costs more than the budget; None: there is none.
    """

    month: date
    spent: float
    low: float
    middle: float
    high: float
    probability: float | None


@dataclass(frozen=True)
class SpendView:
    """Of the hours that work takes. spent: in this month so far. early, late: the interval of the
    day on which a month's budget is exceeded. months: those that end within the horizon.
    """

    budget_per_month: float | None
    state: BudgetState
    finding: str
    spent: float
    early: date | None
    median: date | None
    late: date | None
    probability: float | None
    is_due: bool
    months: tuple[MonthSpendView, ...]


@dataclass(frozen=True)
class ScenarioView:
    """utilisation: demand of the last 28 days by their capacity; utilisation_ahead: of the next 28.

    cheapest_size: the smallest that meets the objective. costs: of a usual month, all hours that
    the pool is open. spend: None: the pool has neither a cost nor a budget.
    """

    name: str
    size: float
    arrivals: float
    durations: float
    utilisation: float | None
    utilisation_ahead: float | None
    utilisation_low: float | None
    utilisation_high: float | None
    full: FullView
    waiting: WaitingView | None
    why_no_waiting: str
    cheapest_size: float | None
    cost_per_month: float | None
    cheapest_cost_per_month: float | None
    spend: SpendView | None


@dataclass(frozen=True)
class PastDay:
    """Slot-hours. demand: of tasks submitted that day. used: that were occupied."""

    day: date
    demand: float
    used: float
    capacity: float


@dataclass(frozen=True)
class DayAhead:
    """Slot-hours. low, high: the interval of a single day."""

    day: date
    low: float
    middle: float
    high: float
    capacity: float


@dataclass(frozen=True)
class PoolView:
    """seen_wait_median_s, seen_wait_p95_s: waits of the log's last weeks, on the clock."""

    pool: str
    zone: str
    level: float
    horizon_days: int
    tasks: int
    seen_wait_median_s: float | None
    seen_wait_p95_s: float | None
    scenarios: tuple[ScenarioView, ...]
    past: tuple[PastDay, ...]
    ahead: tuple[DayAhead, ...]


def show_pool(one: PoolCapacity, *, with_days: bool = False) -> PoolView:
    """The scenario as it is first. with_days: past and ahead, too."""
    seen = one.seen_waits_h
    return PoolView(
        pool=one.pool.name,
        zone=one.pool.zone,
        level=one.level,
        horizon_days=len(one.capacity) - len(one.demand),
        tasks=one.tasks,
        seen_wait_median_s=None if seen is None else seen[0] * HOUR_S,
        seen_wait_p95_s=None if seen is None else seen[1] * HOUR_S,
        scenarios=tuple(_scenario(one, outcome) for outcome in one.outcomes),
        past=tuple(_past(one)) if with_days else (),
        ahead=tuple(_ahead(one)) if with_days else (),
    )


def explain_pool(view: PoolView) -> list[str]:
    """Sentences for a terminal."""
    if not view.scenarios:
        return []
    today = view.scenarios[0]
    lines = [f"{view.pool}: {today.full.finding}"]
    if today.utilisation is not None:
        text = f"  utilisation: {_share(today.utilisation)} of the last 28 days"
        if today.utilisation_ahead is not None:
            low, high = _share(today.utilisation_low), _share(today.utilisation_high)
            level = readable_share(view.level)
            text += f", {_share(today.utilisation_ahead)} of the next ({level}: {low} to {high})"
        lines.append(text)
    if today.spend is not None:
        lines += [f"  {_spend_text(today.spend, view.level)}", f"  {today.spend.finding}"]
    lines.append(f"  waiting: {_waiting_text(today)}")
    if view.seen_wait_median_s is not None and view.seen_wait_p95_s is not None:
        middle = readable_duration(view.seen_wait_median_s)
        most = readable_duration(view.seen_wait_p95_s)
        lines.append(f"  waits in the log: median {middle}, 95 % within {most}")
    return lines


def tabulate_scenario(pool: str, view: ScenarioView) -> dict[str, object]:
    """A row that fits a terminal; JSON has the rest."""
    full = view.full
    date_text = "now" if full.state == "full" else str(full.median or full.state)
    waiting = view.waiting
    row: dict[str, object] = {
        "pool": pool,
        "what if": view.name,
        "size": readable_number(view.size),
        "use": _share(view.utilisation),
        "full": date_text,
        "wait": "-" if waiting is None else readable_duration(waiting.mean_s),
        "95 %": "-" if waiting is None else readable_duration(waiting.p95_s),
    }
    if waiting is not None and waiting.share is not None:
        row["in time"] = readable_share(waiting.share)
    row["needs"] = "-" if view.cheapest_size is None else readable_number(view.cheapest_size)
    if view.cost_per_month is not None:
        row["a month"] = readable_number(view.cost_per_month)
    if view.spend is not None and view.spend.budget_per_month is not None:
        row["over budget"] = str(view.spend.median or view.spend.state)
    return row


def _spend_text(spend: SpendView, level: float) -> str:
    text = f"spend: {readable_number(spend.spent)} so far this month"
    for month in spend.months[:2]:
        low, high = readable_number(month.low), readable_number(month.high)
        text += f"; {month.month:%B} {readable_number(month.middle)}"
        text += f" ({readable_share(level)}: {low} to {high})"
    return text


def _waiting_text(view: ScenarioView) -> str:
    waiting = view.waiting
    if waiting is None:
        return view.why_no_waiting or "not simulated"
    low, high = readable_duration(waiting.low_s), readable_duration(waiting.high_s)
    text = (
        f"mean {readable_duration(waiting.mean_s)} (90 % of weeks: {low} to {high}),"
        f" 95 % of tasks within {readable_duration(waiting.p95_s)}, first come, first served"
    )
    if waiting.share is not None:
        text += f"; {readable_share(waiting.share)} start in time"
    if view.cheapest_size is not None:
        text += f"; the objective needs size {readable_number(view.cheapest_size)}"
    return text


def _scenario(one: PoolCapacity, outcome: ScenarioOutcome) -> ScenarioView:
    full, ahead = outcome.full, outcome.ahead or (None, None, None)
    today = one.today - timedelta(days=1)
    return ScenarioView(
        name=outcome.scenario.name,
        size=outcome.size,
        arrivals=outcome.scenario.arrivals,
        durations=outcome.scenario.durations,
        utilisation=outcome.utilisation,
        utilisation_ahead=ahead[1],
        utilisation_low=ahead[0],
        utilisation_high=ahead[2],
        full=FullView(
            full.state,
            conclude_full(one, outcome),
            today if full.state == "full" else one.day(full.early),
            today if full.state == "full" else one.day(full.median),
            today if full.state == "full" else one.day(full.late),
            full.probability,
            is_due(full),
        ),
        waiting=None if outcome.waiting is None else _waiting(outcome.waiting),
        why_no_waiting=outcome.why_no_waiting,
        cheapest_size=outcome.cheapest,
        cost_per_month=outcome.cost,
        cheapest_cost_per_month=outcome.cheapest_cost,
        spend=None if outcome.spend is None else _spend(one, outcome.spend),
    )


def _spend(one: PoolCapacity, spend: SpendOutlook) -> SpendView:
    before = one.today - timedelta(days=1)
    dates = (
        (before, before, before)
        if spend.state == "exceeded"
        else (one.day(spend.early), one.day(spend.median), one.day(spend.late))
    )
    return SpendView(
        spend.budget,
        spend.state,
        conclude_spend(one, spend),
        spend.spent,
        *dates,
        spend.probability,
        is_due(spend),
        tuple(
            MonthSpendView(
                month.first, month.spent, month.low, month.middle, month.high, month.probability
            )
            for month in spend.months
        ),
    )


def _waiting(waiting: Waiting) -> WaitingView:
    return WaitingView(
        waiting.tasks,
        HOUR_S * waiting.mean_h,
        HOUR_S * waiting.low_h,
        HOUR_S * waiting.high_h,
        HOUR_S * waiting.median_h,
        HOUR_S * waiting.p95_h,
        waiting.share,
        waiting.share_low,
        waiting.share_high,
    )


def _past(one: PoolCapacity) -> Iterator[PastDay]:
    columns = (one.demand.tolist(), one.used.tolist(), one.capacity.tolist())
    for at, (demand, used, capacity) in enumerate(zip(*columns, strict=False)):
        yield PastDay(one.first + timedelta(days=at), demand, used, capacity)


def _ahead(one: PoolCapacity) -> Iterator[DayAhead]:
    if one.fan is None:
        return
    columns = (*one.fan.tolist(), one.capacity[len(one.demand) :].tolist())
    for at, (low, middle, high, capacity) in enumerate(zip(*columns, strict=True)):
        yield DayAhead(one.today + timedelta(days=at), low, middle, high, capacity)


def _share(share: float | None) -> str:
    return "-" if share is None else readable_share(round(share, 3))
