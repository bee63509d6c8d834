"""Capacity: which pools will be full, one pool drawn, and what-if scenarios beside it."""

from datetime import UTC, date, datetime, time, timedelta

from bentos.console.frame.charts import Chart, ChartSeries
from bentos.console.frame.filters import address, text_filter
from bentos.console.frame.page import ConsolePage, PageRequest, PageRoute, Shown
from runlore.kernel.readable import readable_share
from runlore.planning.actions.capacity import CapacityQuery, PoolCapacity, plan_capacity
from runlore.planning.capacity_views import PoolView, show_pool
from runlore.planning.rules.capacity.demand_paths import WEEK
from runlore.planning.rules.capacity.full_date import week_sums
from runlore.planning.rules.capacity.scenario import CapacityScenario, read_scenario
from runlore.planning.rules.capacity.waiting import read_objective

PATH, ONE_PATH = "/console/capacity", "/console/capacity/pool"
USUAL = (
    CapacityScenario("a quarter more arrivals", {}, 1.25),
    CapacityScenario("half as many more", {}, 1.5),
)
DRAWN_DAYS = 182  # of the past


def show_pools(request: PageRequest) -> Shown:
    plans = plan_capacity(request.store, CapacityQuery(has_waiting=False), request.at)
    views = [show_pool(one) for one in plans]
    views.sort(key=_urgency)
    spends = [view.scenarios[0].spend for view in views if view.scenarios[0].spend]
    values = {
        "rows": [
            (view, view.scenarios[0], address(ONE_PATH, {"name": view.pool})) for view in views
        ],
        "due": sum(view.scenarios[0].full.is_due for view in views),
        "over": sum(spend.is_due for spend in spends),
        "budgets": any(spend.budget_per_month is not None for spend in spends),
    }
    return Shown("capacity/pools.html", values)


def show_one(request: PageRequest) -> Shown:
    name, what_if = text_filter(request.query, "name"), text_filter(request.query, "what_if")
    objective = text_filter(request.query, "objective")
    own = () if what_if is None else (read_scenario(what_if),)
    query = CapacityQuery(
        name or "",
        objective=None if objective is None else read_objective(objective),
        scenarios=(*own, *USUAL),
    )
    [made] = plan_capacity(request.store, query, request.at)
    view = show_pool(made)
    values = {
        "view": view,
        "today": view.scenarios[0],
        "pool": made.pool,
        "what_if": what_if or "",
        "objective": objective or "",
        "chart": _chart(made),
        "example": f"{made.pool.name}={2 * made.pool.size:g},arrivals+20%",
    }
    return Shown("capacity/pool.html", values)


def _link(view: PoolView) -> str:
    return address(ONE_PATH, {"name": view.pool})


def _urgency(view: PoolView) -> tuple[bool, date, str]:
    full = view.scenarios[0].full
    return (full.early is None, full.early or date.max, view.pool)


def _chart(made: PoolCapacity) -> Chart:
    """Slot-hours of seven days in a row: demand, use, what may come, and capacity."""
    past, cut = len(made.demand), max(len(made.demand) - DRAWN_DAYS, 0)
    days = [_instant(made.first + timedelta(days=at)) for at in range(len(made.capacity))]
    ends = days[WEEK - 1 :]
    seen = past - WEEK + 1
    drawn = [
        ChartSeries(
            name, ends[cut:seen], week_sums(values)[cut:].tolist(), style="curve", colour=2 + at
        )
        for at, (name, values) in enumerate((("demand", made.demand), ("used", made.used)))
    ]
    if made.week_fan is not None:
        low, middle, high = (row.tolist() for row in made.week_fan)
        text = f"demand to come, {readable_share(made.level)}"
        drawn.append(ChartSeries(text, ends[seen:], middle, low, high, style="curve"))
    room = week_sums(made.capacity)[cut:].tolist()
    drawn.append(ChartSeries("capacity", ends[cut:], room, style="dashes", colour=6))
    full = made.outcomes[0].full
    marks = [one for one in (full.early, full.median, full.late) if one]
    if marks:
        at = [days[past + one - 1] for one in marks]
        height = [room[past + one - WEEK - cut] for one in marks]
        text = f"when it is full, {readable_share(made.level)}"
        drawn.append(ChartSeries(text, at, height, style="points", colour=5))
    return Chart("When is the pool full?", "day", "slot-hours of seven days", tuple(drawn))


def _instant(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


PAGE = ConsolePage(
    "Capacity",
    80,
    PATH,
    (PageRoute("GET", PATH, show_pools), PageRoute("GET", ONE_PATH, show_one)),
    group="Planning",
)
