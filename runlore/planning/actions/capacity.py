"""Demand on pools, when it exceeds their capacity, how long tasks wait, and what other sizes do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from runlore.kernel.calendars import find_holidays
from runlore.kernel.errors import BadInput
from runlore.kernel.instants import to_us
from runlore.planning.actions.pool_waiting import WaitingQueue, find_cheapest, open_queue
from runlore.planning.actions.pools import find_pools
from runlore.planning.queries.pool_tasks import TaskColumns, read_task_columns
from runlore.planning.rules.capacity.demand_paths import (
    HOLIDAY,
    WEEK,
    DemandPaths,
    simulate_demand,
)
from runlore.planning.rules.capacity.full_date import (
    LEVEL,
    FullDate,
    find_full_date,
    week_sums,
    why_unknown,
)
from runlore.planning.rules.capacity.scenario import CapacityScenario
from runlore.planning.rules.capacity.spend import (
    DailySpend,
    SpendOutlook,
    done_by_day,
    forecast_spend,
)
from runlore.planning.rules.capacity.task_log import TaskLog, demand_by_day, use_by_day
from runlore.planning.rules.capacity.waiting import StartObjective, Waiting
from runlore.planning.rules.pools.opening import day_bounds, local_day, slot_hours
from runlore.planning.rules.pools.pool import Pool
from runlore.store.engine import Store

Floats = NDArray[np.float64]
PAST_DAYS = 364
HORIZON_DAYS, MOST_DAYS = 90, 365
RECENT_DAYS = 28  # that utilisation is said of
MOST_SCENARIOS = 8
TODAY = CapacityScenario("as it is")
CheapestSizes = dict[tuple[float, float], float | None]  # by factors of arrivals and durations


@dataclass(frozen=True)
class CapacityQuery:
    """pool: None: all. horizon_days: how far to look. level: of intervals.

    has_waiting: whether the queue is simulated.
    """

    pool: str | None = None
    horizon_days: int = HORIZON_DAYS
    level: float = LEVEL
    objective: StartObjective | None = None
    scenarios: tuple[CapacityScenario, ...] = ()
    has_waiting: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.horizon_days <= MOST_DAYS:
            raise BadInput(f"until: use 1 to {MOST_DAYS} days", "until")
        if not 0.5 <= self.level <= 0.99:
            raise BadInput(f"level: {self.level:g} is not from 0.5 to 0.99", "level")
        if len(self.scenarios) > MOST_SCENARIOS:
            raise BadInput(f"what-if: at most {MOST_SCENARIOS} scenarios", "what-if")


@dataclass(frozen=True)
class ScenarioOutcome:
    """utilisation: demand of the last 28 days by their capacity; ahead: of the next 28, with its
    interval. waiting: None: not simulated, or why not. cheapest: size that meets the objective.
    cost: of a usual month, all hours that it is open. spend: of the hours that work takes; None:
    the pool has neither a cost nor a budget.
    """

    scenario: CapacityScenario
    size: float
    utilisation: float | None
    ahead: tuple[float, float, float] | None
    full: FullDate
    waiting: Waiting | None
    why_no_waiting: str
    cheapest: float | None
    cost: float | None
    cheapest_cost: float | None
    spend: SpendOutlook | None


@dataclass(frozen=True, eq=False)
class PoolCapacity:
    """first: the first day of the past, by the clocks of the pool. demand, used: slot-hours of its
    days. capacity: of these and the horizon. fan: low end, middle and high end of demand to come,
    (3, horizon); week_fan: of the seven days up to each. outcomes: as it is, then each scenario.
    """

    pool: Pool
    as_of: datetime
    first: date
    demand: Floats
    used: Floats
    capacity: Floats
    fan: Floats | None
    week_fan: Floats | None
    level: float
    tasks: int
    seen_waits_h: tuple[float, float] | None
    outcomes: tuple[ScenarioOutcome, ...]

    @property
    def today(self) -> date:
        """The first day of the horizon."""
        return self.first + timedelta(days=len(self.demand))

    def day(self, ahead: int | None) -> date | None:
        """Of a day to come, from 1."""
        return None if ahead is None else self.today + timedelta(days=ahead - 1)


@dataclass(frozen=True, eq=False)
class _Load:
    """What is known of a pool: its tasks, days and paths."""

    pool: Pool
    log: TaskLog
    first: date
    demand: Floats
    used: Floats
    capacity: Floats
    paths: DemandPaths | None
    why: str


def plan_capacity(store: Store, query: CapacityQuery, as_of: datetime) -> list[PoolCapacity]:
    """Of each pool, as known at an instant. Raises NotFound for an unknown pool, and BadInput."""
    pools = find_pools(store, as_of)
    taken = find_pools(store, as_of, query.pool)
    for scenario in query.scenarios:
        _check_names(scenario, pools)
    return [_plan(store, pool, pools, query, as_of) for pool in taken]


def _plan(
    store: Store, pool: Pool, pools: Sequence[Pool], query: CapacityQuery, as_of: datetime
) -> PoolCapacity:
    load = _read(store, pool, pools, query, as_of)
    queue = open_queue(pool, load.log, as_of) if query.has_waiting else None
    scenarios = (TODAY, *query.scenarios)
    sizes: CheapestSizes = {}
    outcomes = tuple(_outcome(load, queue, one, query, sizes) for one in scenarios)
    fan, week_fan = _fans(load, query.level)
    return PoolCapacity(
        pool,
        as_of,
        load.first,
        load.demand,
        load.used,
        load.capacity,
        fan,
        week_fan,
        query.level,
        len(load.log),
        None if queue is None else queue.seen_waits_h,
        outcomes,
    )


def _read(
    store: Store, pool: Pool, pools: Sequence[Pool], query: CapacityQuery, as_of: datetime
) -> _Load:
    today, as_of_us = local_day(pool, as_of), to_us(as_of)
    since = as_of - timedelta(days=PAST_DAYS + 1)
    columns = read_task_columns(store, pool.serves, pool.slots_input, since, as_of)
    log = _log(columns, pool, pools)
    first = today - timedelta(days=PAST_DAYS)
    bounds = day_bounds(pool, first, PAST_DAYS)
    demand = demand_by_day(log, bounds, as_of_us)
    used = use_by_day(log, bounds, as_of_us)
    begun = min(_first_whole_day(demand), PAST_DAYS - RECENT_DAYS)
    first += timedelta(days=begun)
    demand, used = demand[begun:], used[begun:]
    days = len(demand) + query.horizon_days
    why = why_unknown(demand)
    paths = None if why else simulate_demand(demand, _kinds(pool, first, days), query.horizon_days)
    capacity = slot_hours(pool, first, days)
    return _Load(pool, log, first, demand, used, capacity, paths, why)


def _first_whole_day(demand: Floats) -> int:
    """The day after the one on which the log begins: that one is not whole."""
    begun = int(np.flatnonzero(demand)[0]) if demand.any() else 0
    return begun + 1 if begun else 0


def _outcome(
    load: _Load,
    queue: WaitingQueue | None,
    scenario: CapacityScenario,
    query: CapacityQuery,
    sizes: CheapestSizes,
) -> ScenarioOutcome:
    """sizes: that were found for other scenarios with the same work."""
    pool = replace(load.pool, size=scenario.sizes.get(load.pool.name, load.pool.size))
    capacity, days = load.capacity * (pool.size / load.pool.size), len(load.demand)
    demand = load.demand * scenario.load
    ahead, full = None, FullDate("unknown", query.level, load.why)
    if load.paths is not None:
        values = load.paths.values * scenario.load
        full = find_full_date(demand, DemandPaths(values, load.paths.growth), capacity, query.level)
        ahead = _ahead(values, capacity[days:], query.level)
    waiting, why = (None, "") if queue is None else queue.wait(pool.size, scenario, query.objective)
    cheapest = None
    if queue is not None and query.objective is not None:
        cheapest = _cheapest(sizes, queue, scenario, query.objective)
    return ScenarioOutcome(
        scenario,
        pool.size,
        _share(demand[-RECENT_DAYS:], capacity[:days][-RECENT_DAYS:]),
        ahead,
        full,
        waiting,
        why,
        cheapest,
        _cost(pool, load, pool.size),
        None if cheapest is None else _cost(pool, load, cheapest),
        _spend(load, scenario, capacity, query.level),
    )


def _fans(load: _Load, level: float) -> tuple[Floats, Floats] | tuple[None, None]:
    if load.paths is None:
        return None, None
    values, tails = load.paths.values, [(1 - level) / 2, 0.5, (1 + level) / 2]
    recent = np.repeat(load.demand[-(WEEK - 1) :, None], values.shape[1], axis=1)
    weeks = week_sums(np.concatenate([recent, values]))
    return np.quantile(values, tails, axis=1), np.quantile(weeks, tails, axis=1)


def _cheapest(
    sizes: CheapestSizes, queue: WaitingQueue, scenario: CapacityScenario, wanted: StartObjective
) -> float | None:
    work = scenario.arrivals, scenario.durations
    if work not in sizes:
        sizes[work] = find_cheapest(queue, scenario, wanted)
    return sizes[work]


def _log(columns: TaskColumns, pool: Pool, pools: Sequence[Pool]) -> TaskLog:
    """Of a kind that several pools serve, each has as much as its part of their size."""
    names, codes = np.unique(columns.kinds.astype(str), return_inverse=True)
    shares = np.array(
        [pool.size / sum(one.size for one in pools if one.serves_kind(str(name))) for name in names]
    )
    share = shares[codes] if len(names) else np.zeros(0)
    slots = np.maximum(columns.slots, 0.0)
    return TaskLog(columns.submitted, columns.start, columns.end, slots, share)


def _kinds(pool: Pool, first: date, days: int) -> NDArray[np.int64]:
    """0 is Monday, 7 a holiday of the pool."""
    last = first + timedelta(days=days)
    closed = find_holidays(pool.holidays)(first.year, last.year)
    weekdays = (first.weekday() + np.arange(days)) % 7
    is_closed = [first + timedelta(days=at) in closed for at in range(days)] if closed else False
    return np.where(is_closed, HOLIDAY, weekdays)


def _ahead(values: Floats, capacity: Floats, level: float) -> tuple[float, float, float] | None:
    total = float(capacity[:RECENT_DAYS].sum())
    if total <= 0:
        return None
    shares = values[:RECENT_DAYS].sum(axis=0) / total
    low, middle, high = np.quantile(shares, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return float(low), float(middle), float(high)


def _share(demand: Floats, capacity: Floats) -> float | None:
    return float(demand.sum() / capacity.sum()) if capacity.sum() > 0 else None


def _spend(
    load: _Load, scenario: CapacityScenario, capacity: Floats, level: float
) -> SpendOutlook | None:
    """Hours that were used, then those of demand to come, as far as the pool can do them."""
    pool, days = load.pool, len(load.demand)
    price, budget = pool.cost_per_hour, pool.budget_per_month
    today = load.first + timedelta(days=days)
    if price is None:
        why = "cost_per_hour of the pool is not declared"
        return None if budget is None else SpendOutlook("unknown", budget, level, why)
    ahead = None
    if load.paths is not None:
        ahead = price * done_by_day(load.paths.values * scenario.load, capacity[days:])
    return forecast_spend(DailySpend(today, price * load.used, ahead, load.why), budget, level)


def _cost(pool: Pool, load: _Load, size: float) -> float | None:
    """Of a usual month, all hours that it is open."""
    if pool.cost_per_hour is None:
        return None
    a_day = float(load.capacity.mean()) / load.pool.size
    return size * pool.cost_per_hour * a_day * 365.25 / 12


def _check_names(scenario: CapacityScenario, pools: Sequence[Pool]) -> None:
    known = {pool.name for pool in pools}
    if unknown := sorted(scenario.sizes.keys() - known):
        names = ", ".join(sorted(known)) or "none is declared"
        raise BadInput(f"what-if: there is no pool {unknown[0][:80]!r}; pools: {names}", "what-if")
    for name, size in scenario.sizes.items():
        if not 0 < size <= 1e6:
            raise BadInput(f"what-if: {name}={size:g} is not above 0 to 1000000", "what-if")
