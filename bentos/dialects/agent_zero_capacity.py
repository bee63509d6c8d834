"""`/api/v3/capacity-planning`: when resources run out, and what more of them would do."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.capacity import Factor, ObjectiveText, Size, capacity_views
from bentos.api.store_access import model_response
from bentos.dialects import query_parameters
from bentos.dialects.words import in_its_words
from bentos.http.bodies import read_body
from bentos.http.fields import Name
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.kernel.calendars import find_zone
from runlore.planning.actions.capacity import (
    HORIZON_DAYS,
    MOST_DAYS,
    MOST_SCENARIOS,
    CapacityQuery,
)
from runlore.planning.capacity_views import PoolView, ScenarioView, SpendView
from runlore.planning.rules.capacity.scenario import CapacityScenario
from runlore.planning.rules.capacity.waiting import read_objective

PATH = "/api/v3/capacity-planning"
WORDS = {"pool": "resource_pool", "what-if": "scenarios", "objective": "target", "until": "days"}
FILTERS = ("resource_pool", "days")
STATES: dict[str, Literal["exhausted", "expected", "unlikely", "unknown"]] = {
    "full": "exhausted",
    "expected": "expected",
    "unlikely": "unlikely",
    "unknown": "unknown",
}
EXAMPLE: dict[str, Any] = {
    "resource_pool": "gpu",
    "target": "95% start within 10min",
    "scenarios": [{"name": "twelve", "capacity": 12}],
}


class CapacityWhatIf(Closed):
    """capacity: of the pool. demand: a factor of the tasks that come."""

    name: Annotated[Name, Field(min_length=1, max_length=100)]
    capacity: Size | None = None
    demand: Factor = 1.0


class CapacityInquiry(Closed):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    resource_pool: Annotated[Name, Field(min_length=1)]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS, strict=True)] = HORIZON_DAYS
    target: ObjectiveText | None = None
    scenarios: Annotated[list[CapacityWhatIf], Field(max_length=MOST_SCENARIOS)] = Field(
        default_factory=list
    )


class PlannedBudget(Closed):
    """earliest, latest: the interval of when a month's budget is exceeded; null: later than
    `days`. expected_spend: of this month; null: it does not end within `days`.
    """

    monthly_budget: float
    spent: float
    expected_spend: float | None
    status: Literal["exceeded", "expected", "unlikely", "unknown"]
    explanation: str
    earliest: datetime | None
    expected: datetime | None
    latest: datetime | None


class PlannedCapacity(Closed):
    """earliest, latest: the interval of 90 % of when demand exceeds capacity; null: later than
    `days`. recommended_capacity: the smallest that meets the target.
    """

    scenario: str
    capacity: float
    utilization: float | None
    predicted_utilization: float | None
    status: Literal["exhausted", "expected", "unlikely", "unknown"]
    explanation: str
    earliest: datetime | None
    expected: datetime | None
    latest: datetime | None
    mean_wait_seconds: float | None
    on_time: float | None
    recommended_capacity: float | None
    monthly_cost: float | None

    budget: PlannedBudget | None = Field(description="null: no cost or no budget is declared")


class PlannedPool(Closed):
    resource_pool: str
    plans: list[PlannedCapacity]


class CapacityPlans(Closed):
    pools: list[PlannedPool]


async def read_plans(request: Request) -> Response:
    query = query_parameters.filters(request, FILTERS)
    days = query_parameters.count("days", query.get("days", str(HORIZON_DAYS)), MOST_DAYS)
    wanted = CapacityQuery(query.get("resource_pool"), days)
    with in_its_words(WORDS):
        views = await capacity_views(request, wanted, instants.now())
    return model_response(CapacityPlans(pools=[_pool(view) for view in views]))


async def ask_plans(request: Request) -> Response:
    body = CapacityInquiry.model_validate_json(await read_body(request))
    with in_its_words(WORDS):
        wanted = CapacityQuery(
            body.resource_pool,
            body.days,
            objective=None if body.target is None else read_objective(body.target),
            scenarios=tuple(_scenario(body.resource_pool, one) for one in body.scenarios),
        )
        views = await capacity_views(request, wanted, instants.now())
    return model_response(CapacityPlans(pools=[_pool(view) for view in views]))


def _scenario(pool: str, one: CapacityWhatIf) -> CapacityScenario:
    return CapacityScenario(
        one.name, {} if one.capacity is None else {pool: one.capacity}, one.demand
    )


def _pool(view: PoolView) -> PlannedPool:
    plans = [_plan(one, view.zone) for one in view.scenarios]
    return PlannedPool(resource_pool=view.pool, plans=plans)


def _plan(one: ScenarioView, zone: str) -> PlannedCapacity:
    return PlannedCapacity(
        scenario=one.name,
        capacity=one.size,
        utilization=one.utilisation,
        predicted_utilization=one.utilisation_ahead,
        status=STATES[one.full.state],
        explanation=one.full.finding,
        earliest=_begin(one.full.early, zone),
        expected=_begin(one.full.median, zone),
        latest=_begin(one.full.late, zone),
        mean_wait_seconds=None if one.waiting is None else one.waiting.mean_s,
        on_time=None if one.waiting is None else one.waiting.share,
        recommended_capacity=one.cheapest_size,
        monthly_cost=one.cost_per_month,
        budget=None if one.spend is None else _budget(one.spend, zone),
    )


def _budget(spend: SpendView, zone: str) -> PlannedBudget | None:
    if spend.budget_per_month is None or spend.state == "unbudgeted":
        return None
    return PlannedBudget(
        monthly_budget=spend.budget_per_month,
        spent=spend.spent,
        expected_spend=spend.months[0].middle if spend.months else None,
        status=spend.state,
        explanation=spend.finding,
        earliest=_begin(spend.early, zone),
        expected=_begin(spend.median, zone),
        latest=_begin(spend.late, zone),
    )


def _begin(day: date | None, zone: str) -> datetime | None:
    """When the day begins by the clocks of the pool."""
    if day is None:
        return None
    return datetime.combine(day, time(), find_zone(zone)).astimezone(UTC)


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        read_plans,
        "read",
        "When resource pools run out of capacity",
        {200: ("Each pool as it is", CapacityPlans)},
        (404, 422, 503),
        parameters=[
            in_query("resource_pool", "One pool; without it, all", {"type": "string"}),
            in_query(
                "days",
                "How far to look ahead",
                {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": HORIZON_DAYS},
            ),
        ],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "POST",
        PATH,
        ask_plans,
        "read",
        "The same of one pool, with a target and scenarios",
        {200: ("The pool as it is, and in each scenario", CapacityPlans)},
        (400, 404, 413, 422, 503),
        request=CapacityInquiry,
        tag=Tag.AGENT_ZERO,
    ),
)
