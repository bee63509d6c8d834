"""`/api/v3/capacity-alerts`: resource pools that run out of capacity, or of their budget."""

from datetime import UTC, date, datetime, time
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.dialects import query_parameters
from bentos.dialects.agent_zero_alerts import STANDINGS, STATES
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.alerts.actions import handling
from runlore.alerts.actions.handling import AlertView
from runlore.alerts.queries.alerts import AlertQuery
from runlore.kernel import instants
from runlore.planning.actions import budget_alerts
from runlore.planning.actions.capacity_alerts import KIND

PATH = "/api/v3/capacity-alerts"
TYPES: dict[str, Literal["capacity", "budget"]] = {KIND: "capacity", budget_alerts.KIND: "budget"}
KINDS: dict[str, str] = {name: kind for kind, name in TYPES.items()}
FILTERS = ("resource_pool", "alert_type", "status", "before", "limit")
USUAL, MOST = 100, 1000


class CapacityAlert(Closed):
    """earliest, latest: days that enclose when demand exceeds capacity, or a month's spend its
    budget, with 90 %."""

    alert_id: int
    resource_pool: str
    alert_type: Literal["capacity", "budget"]
    severity: Literal["info", "warning", "critical"]
    status: Literal["active", "acknowledged", "silenced", "resolved"]
    message: str
    confidence: str
    recommendation: str
    capacity: float | None
    utilization: float | None
    monthly_budget: float | None
    spent: float | None = Field(description="in the month so far")
    probability: float | None = Field(description="that it happens within the horizon")
    earliest: datetime | None
    expected: datetime | None
    latest: datetime | None
    detected_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None


class CapacityAlerts(Closed):
    """The newest first. next: the `before` of the next page; null: this is the last one."""

    alerts: list[CapacityAlert]
    next: int | None


async def listing(request: Request) -> Response:
    query, at = _alert_query(request), instants.now()
    view = await read_store(request, lambda store: handling.overview(store, query, at))
    is_full = len(view.alerts) == query.limit
    return model_response(
        CapacityAlerts(
            alerts=[_alert(one) for one in view.alerts],
            next=view.alerts[-1].alert.id if is_full else None,
        )
    )


def _alert_query(request: Request) -> AlertQuery:
    query = query_parameters.filters(request, FILTERS)
    status = query_parameters.choice("status", query.get("status", "active"), STANDINGS)
    named = query.get("alert_type")
    kind = None if named is None else query_parameters.choice("alert_type", named, KINDS)
    return AlertQuery(
        STANDINGS[status],
        tuple(TYPES) if kind is None else KINDS[kind],
        query.get("resource_pool"),
        query_parameters.before(query),
        query_parameters.count("limit", query.get("limit", str(USUAL)), MOST),
    )


def _alert(view: AlertView) -> CapacityAlert:
    alert = view.alert
    evidence: dict[str, Any] = dict(alert.evidence)
    return CapacityAlert(
        alert_id=alert.id,
        resource_pool=alert.subject,
        alert_type=TYPES[alert.kind],
        severity=alert.severity.value,
        status=STATES[view.state],
        message=alert.what,
        confidence=alert.certainty,
        recommendation=alert.advice,
        capacity=evidence.get("size"),
        utilization=evidence.get("utilisation"),
        monthly_budget=evidence.get("budget"),
        spent=evidence.get("spent"),
        probability=evidence.get("probability"),
        earliest=_begin(evidence.get("early")),
        expected=_begin(evidence.get("median")),
        latest=_begin(evidence.get("late")),
        detected_at=alert.opened_at,
        last_seen_at=alert.seen_at,
        resolved_at=alert.resolved_at,
    )


def _begin(day: str | None) -> datetime | None:
    return None if day is None else datetime.combine(date.fromisoformat(day), time(), UTC)


NUMBER = {"type": "integer", "minimum": 1}
LAST_ID = {**NUMBER, "maximum": query_parameters.LARGEST_ID}
ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        listing,
        "read",
        "Resource pools that are full or over budget, or soon will be",
        {200: ("The newest first", CapacityAlerts)},
        (422, 503),
        parameters=[
            in_query("resource_pool", "Of this pool only", {"type": "string"}),
            in_query("alert_type", "Of this type only", {"enum": list(KINDS)}),
            in_query("status", "Which ones", {"enum": list(STANDINGS), "default": "active"}),
            in_query("before", "Only those with a smaller id", LAST_ID),
            in_query("limit", "How many at most", {**NUMBER, "maximum": MOST, "default": USUAL}),
        ],
        tag=Tag.AGENT_ZERO,
    ),
)
