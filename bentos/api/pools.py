"""Pools of people and machines, over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.http.bodies import read_body
from bentos.http.fields import InputName, Name
from bentos.http.identity import actor_of
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from runlore.kernel import instants
from runlore.planning.actions import pools
from runlore.planning.actions.pools import DeclaredPool
from runlore.planning.rules.pools.pool import (
    LARGEST_COST,
    LARGEST_SIZE,
    MOST_HOLIDAYS,
    MOST_NAMES,
    MOST_SPANS,
    WEEKDAYS,
    Pool,
    read_pool,
    write_pool,
)

WEEKDAY = rf"^({'|'.join(WEEKDAYS)})$"
EXAMPLE: dict[str, Any] = {
    "size": 8,
    "serves": ["train"],
    "zone": "Europe/Berlin",
    "hours": {"mon": ["09:00-17:00"], "tue": ["09:00-17:00"]},
    "holidays": "DE",
    "cost_per_hour": 2.5,
}
Money = Annotated[float, Field(ge=0, le=LARGEST_COST, strict=True)]
Names = Annotated[list[InputName], Field(max_length=MOST_NAMES)]
Span = Annotated[str, Field(pattern=r"^\d{2}:\d{2}-\d{2}:\d{2}$")]
DaySpans = Annotated[list[Span], Field(max_length=MOST_SPANS)]
Days = Annotated[list[date], Field(max_length=MOST_HOLIDAYS)]


class PoolBody(Closed):
    """Capacity that tasks share. hours: none: always open; a missing weekday: closed."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    size: Annotated[float, Field(gt=0, le=LARGEST_SIZE, strict=True, description="slots at a time")]
    serves: Names = Field(default_factory=list, description="kinds; none: all")
    skills: Names = Field(default_factory=list)
    slots_input: Annotated[str, Field(max_length=200)] = Field(
        default="", description="the input that says how many slots a task takes; empty: one"
    )
    zone: Annotated[str, Field(min_length=1, max_length=100)] = "UTC"
    hours: dict[Annotated[str, Field(pattern=WEEKDAY)], DaySpans] = Field(default_factory=dict)
    holidays: Annotated[str, Field(max_length=20)] | Days = Field(
        default="", description="of a country such as DE, or days"
    )
    cost_per_hour: Money | None = Field(default=None, description="of one slot")
    budget_per_month: Money | None = None


class PoolSetting(PoolBody):
    actor: Annotated[Name, Field(min_length=1, max_length=100)] = "api"


class DeclaredPoolBody(PoolBody):
    name: str
    recorded_at: datetime
    actor: str


class PoolPage(Closed):
    pools: list[DeclaredPoolBody] = Field(description="by name")


class RemovedPool(Closed):
    name: str
    is_removed: bool


async def listing(request: Request) -> Response:
    at = read_as_of(request)
    rows = await read_store(request, lambda store: pools.list_pools(store, at))
    return model_response(PoolPage(pools=[_body(one) for one in rows]))


async def put(request: Request) -> Response:
    body = PoolSetting.model_validate_json(await read_body(request))
    name, at, actor = request.path_params["name"], instants.now(), actor_of(request, body.actor)
    pool = to_pool(name, body)
    declared = await write_store(request, lambda store: pools.set_pool(store, pool, actor, at))
    return model_response(_body(declared))


async def delete(request: Request) -> Response:
    name, at, actor = request.path_params["name"], instants.now(), actor_of(request, "api")
    await write_store(request, lambda store: pools.remove_pool(store, name, actor, at))
    return model_response(RemovedPool(name=name, is_removed=True))


def to_pool(name: str, body: PoolBody) -> Pool:
    values = body.model_dump(exclude={"actor", "name", "recorded_at"})
    return read_pool(values | {"name": name})


def _body(one: DeclaredPool) -> DeclaredPoolBody:
    values = write_pool(one.pool) | {"recorded_at": one.recorded_at, "actor": one.actor}
    return DeclaredPoolBody.model_validate(values)


TEXT = {"type": "string"}
NAME = in_path("name", "Name of the pool", {"type": "string", "minLength": 1, "maxLength": 200})
ENDPOINTS = (
    Endpoint(
        "GET",
        "/pools",
        listing,
        "read",
        "List pools of people and machines",
        {200: ("By name", PoolPage)},
        (422, 503),
        parameters=[in_query("as_of", "As they were then", TEXT)],
        tag=Tag.PLANNING,
        name="read_pools",
    ),
    Endpoint(
        "PUT",
        "/pools/{name:path}",
        put,
        "record",
        "Declare a pool, or change it",
        {200: ("The pool", DeclaredPoolBody)},
        (400, 413, 422, 503),
        PoolSetting,
        [NAME],
        tag=Tag.PLANNING,
        name="set_pool",
    ),
    Endpoint(
        "DELETE",
        "/pools/{name:path}",
        delete,
        "record",
        "Remove a pool; its past stays known",
        {200: ("It is gone", RemovedPool)},
        (404, 503),
        parameters=[NAME],
        tag=Tag.PLANNING,
        name="remove_pool",
    ),
)
