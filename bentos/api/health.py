"""Health of the system over HTTP: one figure per scope and overall, and the parts it is made of."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.signals import TEXT, asked_instant
from bentos.api.store_access import model_response, read_store
from bentos.http.routing import Endpoint, Tag, in_path, in_query
from bentos.http.schemas import Closed
from bentos.http.timed_cache import TimedCache
from runlore.kernel import instants
from runlore.kernel.errors import BadInput
from runlore.signals.actions.health import read_health
from runlore.signals.health_views import ScopeHealthView, SystemHealthView, show_health

MAX_AGE_S = 60.0


class HealthEvidenceBody(Closed):
    """alert: its id, where it is one. series, source: of one that is late."""

    what: str
    since: datetime | None
    alert: int | None
    scope: str
    series: str | None
    source: str | None


class HealthPartBody(Closed):
    """state: 0 is usual, 1 stands out, each further step is a doubling."""

    part: str = Field(
        description="incidents, regressions, limits, objectives, failures or freshness"
    )
    title: str
    state: float
    weight: float = Field(description="logarithm of `odds`; 0: it says nothing")
    odds: float | None = Field(description="of a bad day, for each step of the state")
    low: float | None
    high: float | None
    n: int = Field(description="past days on which it stood out")
    bad: int = Field(description="of the days after them, those with more failures than usual")
    says: str
    evidence: list[HealthEvidenceBody]


class ScopeHealthBody(Closed):
    """health: probability that the next 24 hours have no more failures than usual; null: unknown.

    low, high: its interval of 90 %. reason: why it is unknown, or the base rate.
    """

    scope: str = Field(description="empty: everything")
    status: str = Field(description="predicted, base rate or unknown")
    health: float | None
    low: float | None
    high: float | None
    reason: str
    parts: list[HealthPartBody]


class CalibrationBody(Closed):
    """Shares of bad days, of days that nothing was learned from."""

    predicted: float
    seen: float
    days: int


class LearnedHealthBody(Closed):
    """rows: days of scopes. gain: of log loss over the base rate, on later days; null: none yet."""

    rows: int
    days: int
    bad: int
    base_rate: float | None
    gain: float | None
    calibration: list[CalibrationBody]


class SystemHealthBody(Closed):
    as_of: datetime
    overall: ScopeHealthBody
    scopes: list[ScopeHealthBody] = Field(description="the least healthy first, 70 at most")
    overall_learned: LearnedHealthBody
    scopes_learned: LearnedHealthBody


class OneScopeHealthBody(ScopeHealthBody):
    as_of: datetime
    learned: LearnedHealthBody


async def system_health(request: Request) -> Response:
    if "at" in request.query_params:
        as_of = asked_instant(request.query_params)
        found = await read_store(request, lambda store: show_health(read_health(store, as_of)))
    else:
        found = await current_health(request)
    return model_response(SystemHealthBody.model_validate(asdict(found)))


async def scope_health(request: Request) -> Response:
    as_of = asked_instant(request.query_params)
    scope = request.path_params["scope"]
    if "\x00" in scope or len(scope) > 1024:
        raise BadInput("scope: no scope has such a name", "scope")
    found = await read_store(request, lambda store: show_health(read_health(store, as_of, scope)))
    one: ScopeHealthView = found.scopes[0]
    learned = asdict(found.scopes_learned)
    body = OneScopeHealthBody.model_validate(asdict(one) | {"as_of": as_of, "learned": learned})
    return model_response(body)


async def current_health(request: Request) -> SystemHealthView:
    """The health of now, computed at most once every minute for all clients of a worker."""
    state, at = request.app.state, instants.now()
    if not hasattr(state, "system_health"):
        state.system_health = TimedCache[SystemHealthView](MAX_AGE_S)
    cache: TimedCache[SystemHealthView] = state.system_health
    return await cache.get(
        lambda: read_store(request, lambda store: show_health(read_health(store, at)))
    )


AT = in_query("at", "Use only what was known then", {"type": "string"})
ENDPOINTS = (
    Endpoint(
        "GET",
        "/signals/health",
        system_health,
        "read",
        "Read how healthy everything and each scope is",
        {200: ("The figures, with their parts and evidence", SystemHealthBody)},
        (422, 503),
        parameters=[AT],
        tag=Tag.SIGNALS,
        name="read_system_health",
    ),
    Endpoint(
        "GET",
        "/signals/health/{scope:path}",
        scope_health,
        "read",
        "Read how healthy a scope is",
        {200: ("The figure, with its parts and evidence", OneScopeHealthBody)},
        (404, 422, 503),
        parameters=[in_path("scope", "Its name", TEXT), AT],
        tag=Tag.SIGNALS,
        name="read_scope_health",
    ),
)
