"""Capacity of pools, over HTTP: when they are full, how long tasks wait, other sizes beside."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.bodies import read_body
from bentos.http.fields import InputName, Instant, Name
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.planning.actions.capacity import (
    HORIZON_DAYS,
    MOST_DAYS,
    MOST_SCENARIOS,
    CapacityQuery,
    plan_capacity,
)
from runlore.planning.capacity_views import PoolView, show_pool
from runlore.planning.rules.capacity.scenario import LARGEST_FACTOR, CapacityScenario
from runlore.planning.rules.capacity.waiting import read_objective
from runlore.planning.rules.pools.pool import LARGEST_SIZE

OBJECTIVE = "95% start within 10min"
EXAMPLE: dict[str, Any] = {
    "pool": "gpu",
    "objective": OBJECTIVE,
    "scenarios": [{"name": "twelve", "sizes": {"gpu": 12}}, {"name": "more", "arrivals": 1.2}],
}
Factor = Annotated[float, Field(gt=0, le=LARGEST_FACTOR, strict=True)]
Size = Annotated[float, Field(gt=0, le=LARGEST_SIZE, strict=True)]
ObjectiveText = Annotated[str, Field(max_length=80, description=f"such as {OBJECTIVE}")]


class ScenarioBody(Closed):
    """What if. sizes: of pools; arrivals, durations: factors."""

    name: Annotated[Name, Field(min_length=1, max_length=100)]
    sizes: dict[InputName, Size] = Field(default_factory=dict)
    arrivals: Factor = 1.0
    durations: Factor = 1.0


class CapacityQuestion(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    pool: Name | None = Field(default=None, description="null: all")
    until_days: Annotated[int, Field(ge=1, le=MOST_DAYS, strict=True)] = HORIZON_DAYS
    level: Annotated[float, Field(ge=0.5, le=0.99, strict=True)] = 0.9
    objective: ObjectiveText | None = None
    scenarios: Annotated[list[ScenarioBody], Field(max_length=MOST_SCENARIOS)] = Field(
        default_factory=list
    )
    with_days: bool = Field(default=False, description="the past and what may come, by day")
    as_of: Instant | None = Field(default=None, description="use only what was known then")


class FullBody(Closed):
    """early, late: the interval of the date; null: beyond the horizon."""

    state: Literal["full", "expected", "unlikely", "unknown"]
    finding: str
    early: date | None
    median: date | None
    late: date | None
    probability: float | None = Field(description="of a full week within the horizon")
    is_due: bool = Field(description="full, or may soon be: an alert")


class WaitingBody(Closed):
    """In open time, first come, first served; low_s, high_s: the middle 90 % of simulated weeks."""

    tasks: int
    mean_s: float
    low_s: float
    high_s: float
    median_s: float
    p95_s: float
    share: float | None = Field(description="of tasks that start as the objective says")
    share_low: float | None
    share_high: float | None


class MonthSpendBody(Closed):
    """low, middle, high: of the whole month."""

    month: date = Field(description="its first day")
    spent: float = Field(description="so far")
    low: float
    middle: float
    high: float
    probability: float | None = Field(description="that it costs more than the budget")


class SpendBody(Closed):
    """Of the hours that work takes. early, late: the interval of the day on which a month's budget
    is exceeded; null: beyond the horizon."""

    budget_per_month: float | None
    state: Literal["exceeded", "expected", "unlikely", "unknown", "unbudgeted"]
    finding: str
    spent: float = Field(description="in this month so far")
    early: date | None
    median: date | None
    late: date | None
    probability: float | None = Field(description="of a budget exceeded within the horizon")
    is_due: bool = Field(description="exceeded, or may soon be: an alert")
    months: list[MonthSpendBody] = Field(description="those that end within the horizon")


class ScenarioResult(Closed):
    name: str
    size: float
    arrivals: float
    durations: float
    utilisation: float | None = Field(description="demand of the last 28 days by capacity")
    utilisation_ahead: float | None = Field(description="of the next 28 days")
    utilisation_low: float | None
    utilisation_high: float | None
    full: FullBody
    waiting: WaitingBody | None
    why_no_waiting: str
    cheapest_size: float | None = Field(description="the smallest that meets the objective")
    cost_per_month: float | None = Field(description="all hours that the pool is open")
    cheapest_cost_per_month: float | None
    spend: SpendBody | None = Field(description="null: the pool has neither cost nor budget")


class PastDayBody(Closed):
    """Slot-hours. demand: of the tasks submitted that day. used: that were occupied."""

    day: date
    demand: float
    used: float
    capacity: float


class DayAheadBody(Closed):
    day: date
    low: float
    middle: float
    high: float
    capacity: float


class PoolCapacityBody(Closed):
    """scenarios: as it is first, then those of the request."""

    pool: str
    zone: str
    level: float
    horizon_days: int
    tasks: int
    seen_wait_median_s: float | None = Field(description="of the log's last weeks")
    seen_wait_p95_s: float | None
    scenarios: list[ScenarioResult]
    past: list[PastDayBody]
    ahead: list[DayAheadBody]


class CapacityPage(Closed):
    as_of: datetime
    pools: list[PoolCapacityBody]


async def read_capacity(request: Request) -> Response:
    query = request.query_params
    days = query.get("until_days", str(HORIZON_DAYS))
    if not (days.isascii() and days.isdecimal() and len(days) < 5):
        raise BadInput(f"until_days: {days[:40]!r} is not a number of days", "until_days")
    objective = query.get("objective")
    wanted = CapacityQuery(
        query.get("pool"),
        int(days),
        objective=None if objective is None else read_objective(objective),
    )
    return await _answer(
        request, wanted, read_as_of(request), with_days=query.get("with_days") == "true"
    )


async def ask_capacity(request: Request) -> Response:
    body = CapacityQuestion.model_validate_json(await read_body(request))
    wanted = CapacityQuery(
        body.pool,
        body.until_days,
        body.level,
        None if body.objective is None else read_objective(body.objective),
        tuple(CapacityScenario(**one.model_dump()) for one in body.scenarios),
    )
    return await _answer(request, wanted, body.as_of or instants.now(), with_days=body.with_days)


async def capacity_views(
    request: Request, wanted: CapacityQuery, at: datetime, *, with_days: bool = False
) -> list[PoolView]:
    plans = await read_store(request, lambda store: plan_capacity(store, wanted, at))
    return [show_pool(one, with_days=with_days) for one in plans]


async def _answer(
    request: Request, wanted: CapacityQuery, at: datetime, *, with_days: bool
) -> Response:
    views = await capacity_views(request, wanted, at, with_days=with_days)
    bodies = [PoolCapacityBody.model_validate(asdict(view)) for view in views]
    return model_response(CapacityPage(as_of=at, pools=bodies))


TEXT = {"type": "string"}
DAYS = {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": HORIZON_DAYS}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/capacity",
        read_capacity,
        "read",
        "Say when pools are full, and how long tasks wait",
        {200: ("Each pool as it is", CapacityPage)},
        (400, 404, 422, 503),
        parameters=[
            in_query("pool", "One pool; without it, all", TEXT),
            in_query("until_days", "How far to look ahead", DAYS),
            in_query("objective", f"Find the size for it, such as {OBJECTIVE}", TEXT),
            in_query("with_days", "true: the past and what may come, by day", TEXT),
            in_query("as_of", "Use only what was known then", TEXT),
        ],
        tag=Tag.PLANNING,
        name="read_capacity",
    ),
    Endpoint(
        "POST",
        "/capacity",
        ask_capacity,
        "read",
        "The same with what-if scenarios side by side",
        {200: ("Each pool as it is, and in each scenario", CapacityPage)},
        (400, 404, 413, 422, 503),
        request=CapacityQuestion,
        tag=Tag.PLANNING,
        name="ask_capacity",
    ),
)
