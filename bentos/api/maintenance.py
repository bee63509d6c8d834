"""Which hosts and devices to visit when, over HTTP."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from math import isfinite
from typing import Literal, cast

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.maintenance_cache import maintenance_cache_of
from bentos.api.store_access import model_response, read_store
from bentos.http.parameters import read_as_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.advice.actions.failure_log import FailureDefinition, FailureSource
from runlore.advice.actions.maintenance import VisitTerms
from runlore.advice.maintenance_cache import MaintenanceQuery, answer_maintenance
from runlore.advice.maintenance_calendar import to_icalendar
from runlore.advice.maintenance_views import MaintenanceView
from runlore.advice.rules.maintenance.lifetimes import AgeFrom
from runlore.advice.rules.maintenance.visit_costs import MaintenanceCosts
from runlore.kernel.errors import BadInput
from runlore.store.engine import Store

NUMBERS = {
    "crews": 1.0,
    "visit_cost": 1.0,
    "failure_cost": 10.0,
    "horizon": 30.0,
    "visit_hours": 2.0,
    "same_hours": 1.0,
}
LISTS = ("failure_kind", "visit_kind", "input")
TEXTS = ("failures", "age_from", "scope", "as_of", "gone_days", "pool", "format")
LONGEST = 1024


class ScopeMaintenanceBody(Closed):
    """early_at, median_at, late_at: when it fails, with an interval of `level`; null: later than
    can be said, or unknown."""

    scope: str
    advice: Literal["visit", "wait", "unknown", "gone"]
    reason: str
    visit_at: datetime | None
    visit_until: datetime | None
    saving: float | None = Field(description="of the visit, beside none within the horizon")
    age_days: float | None = Field(description="since the last failure or visit")
    failures: int
    visits: int
    last_failure_at: datetime | None
    risk_week: float | None = Field(description="of a failure within seven days")
    risk_horizon: float | None = Field(description="of a failure within the horizon")
    early_at: datetime | None
    median_at: datetime | None
    late_at: datetime | None
    limit: str | None = Field(description="a signal that reaches its limit")


class SurvivalScoreBody(Closed):
    """gain: of log likelihood on held-out scopes, for each lifetime, beside a constant hazard."""

    name: str
    gain: float | None
    low: float | None = Field(description="its lower bound, 95 %")
    reason: str = Field(description="why it could not be fitted; else empty")


class PolicyFiguresBody(Closed):
    policy: Literal["this calendar", "fixed interval", "no visits"]
    visits: int
    failures: float = Field(description="expected within the horizon")
    saving: float = Field(description="expected, beside no visit within the horizon")


class MaintenanceBody(Closed):
    as_of: datetime
    horizon_days: float
    visit_cost: float
    failure_cost: float
    model: str | None = Field(description="null: too few failures are known")
    model_reason: str
    scores: list[SurvivalScoreBody]
    basis: str = Field(description="what counts as a failure")
    failures: int
    lifetimes: int = Field(description="times between failures and visits")
    level: float = Field(description="of the intervals")
    interval_days: float | None = Field(description="the best fixed interval; null: none pays")
    policies: list[PolicyFiguresBody]
    scopes: list[ScopeMaintenanceBody] = Field(description="visits first, then by risk")
    scopes_known: int
    is_cut: bool = Field(description="the log has more than was read")


async def maintenance(request: Request) -> Response:
    query = request.query_params
    known = {*NUMBERS, *LISTS, *TEXTS}
    for name, text in query.multi_items():
        if name not in known:
            raise BadInput(f"{name[:80]}: no such filter; there are: {', '.join(sorted(known))}")
        if "\x00" in text or len(text) > LONGEST:
            raise BadInput(f"{name}: use a shorter text without null characters", name)
    form = query.get("format", "json")
    if form not in {"json", "ics"}:
        raise BadInput(f"format: {form[:40]!r} is none of ics, json", "format")
    at = read_as_of(request)
    lists = {name: query.getlist(name) for name in LISTS}
    view = await maintenance_view(request, dict(query), lists, at)
    if form == "ics":
        return Response(to_icalendar(view), media_type="text/calendar")
    return model_response(MaintenanceBody.model_validate(asdict(view)))


async def maintenance_view(
    request: Request, query: Mapping[str, str], lists: Mapping[str, list[str]], at: datetime
) -> MaintenanceView:
    defined, terms = _defined(query, lists), _terms(query)
    specs = request.app.state.product.series_specs

    wanted = MaintenanceQuery(specs, defined, terms)
    cache = None if "as_of" in query else maintenance_cache_of(request.app.state.product)

    def work(store: Store) -> MaintenanceView:
        made = cache.get(store, wanted, at) if cache else answer_maintenance(store, wanted, at)
        return made.of_scope(query.get("scope"))

    return await read_store(request, work)


def _defined(query: Mapping[str, str], lists: Mapping[str, list[str]]) -> FailureDefinition:
    return FailureDefinition(
        cast("FailureSource", query.get("failures", "auto")),
        tuple(lists.get("failure_kind") or ("failure",)),
        tuple(lists.get("visit_kind") or ("maintenance",)),
        tuple(lists.get("input") or ()),
        _number(query, "same_hours"),
        cast("AgeFrom", query.get("age_from", "first")),
        _number(query, "gone_days") if "gone_days" in query else None,
    )


def _terms(query: Mapping[str, str]) -> VisitTerms:
    crews = _number(query, "crews")
    if crews != int(crews):
        raise BadInput(f"crews: {crews:g} is not a whole number", "crews")
    return VisitTerms(
        MaintenanceCosts(_number(query, "visit_cost"), _number(query, "failure_cost")),
        _number(query, "horizon"),
        int(crews),
        _number(query, "visit_hours"),
        query.get("pool"),
    )


def _number(query: Mapping[str, str], name: str) -> float:
    text = query.get(name)
    if text is None:
        return NUMBERS[name]
    try:
        number = float(text)
    except ValueError as error:
        raise BadInput(f"{name}: {text[:40]!r} is not a number", name) from error
    if not isfinite(number):
        raise BadInput(f"{name}: {text[:40]!r} is not a number", name)
    return number


TEXT = {"type": "string"}
NUMBER = {"type": "number"}
PARAMETERS = [
    in_query("crews", "Visits at the same time; 1 by default", {"type": "integer"}),
    in_query("pool", "A declared pool, whose size and hours count instead", TEXT),
    in_query("visit_cost", "Of one visit; 1 by default", NUMBER),
    in_query("failure_cost", "Of one failure and its repair; 10 by default", NUMBER),
    in_query("horizon", "Days to plan; 30 by default", NUMBER),
    in_query("visit_hours", "How long a visit takes; 2 by default", NUMBER),
    in_query("failures", "What a failure is: auto, kind or failed", TEXT),
    in_query("failure_kind", "Kinds of executions that are failures; `failure`", TEXT),
    in_query("visit_kind", "Kinds that are visits; `maintenance` by default", TEXT),
    in_query("input", "An input that may matter; may be repeated", TEXT),
    in_query("same_hours", "Failures so close together are one; 1 by default", NUMBER),
    in_query("age_from", "Ages begin at the `first` record or first `renewal`", TEXT),
    in_query("gone_days", "A scope without a record for longer has left", NUMBER),
    in_query("scope", "Only this one", TEXT),
    in_query("format", "json, or ics: the visits as a calendar", TEXT),
    in_query("as_of", "Use only what was known then", TEXT),
]
ENDPOINTS = (
    Endpoint(
        "GET",
        "/maintenance",
        maintenance,
        "read",
        "Say which hosts and devices to visit when",
        {200: ("The calendar, the risks, and what they rest on", MaintenanceBody)},
        (400, 404, 422, 503),
        parameters=PARAMETERS,
        tag=Tag.ADVICE,
        name="read_maintenance",
    ),
)
