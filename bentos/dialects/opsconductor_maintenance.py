"""`GET /ai/predictive/maintenance-schedule`: which hosts and devices to visit when."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.maintenance import maintenance_view
from bentos.api.store_access import model_response
from bentos.dialects import query_parameters
from bentos.dialects.words import in_its_words
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from runlore.advice.actions.scope_maintenance import ScopeMaintenance
from runlore.advice.maintenance_views import MaintenanceView
from runlore.kernel import instants

PATH = "/ai/predictive/maintenance-schedule"
KNOWN = {"target": "scope", "days": "horizon", "crews": "crews"}
CRITICAL, HIGH = 0.5, 0.2  # of a failure within a week


class MaintenanceRecommendation(Closed):
    """target: a host or device. failure_probability: within seven days."""

    target: str
    maintenance_type: Literal["preventive"] = "preventive"
    priority: Literal["critical", "high", "normal"]
    recommended_at: datetime
    until: datetime
    failure_probability: float
    expected_failure: datetime | None = Field(description="null: later than can be said")
    reason: str


class MaintenanceSchedule(Closed):
    """status: unknown where too few failures are known. follow: the route with every target."""

    as_of: datetime
    status: Literal["ready", "unknown"]
    reason: str
    recommendations: list[MaintenanceRecommendation] = Field(description="by time")
    follow: str = "/maintenance"


async def schedule(request: Request) -> Response:
    given = query_parameters.filters(request, tuple(KNOWN))
    query = {KNOWN[name]: text for name, text in given.items()}
    with in_its_words({ours: theirs for theirs, ours in KNOWN.items()}):
        view = await maintenance_view(request, query, {}, instants.now())
    return model_response(_schedule(view))


def _schedule(view: MaintenanceView) -> MaintenanceSchedule:
    return MaintenanceSchedule(
        as_of=view.as_of,
        status="unknown" if view.model is None else "ready",
        reason=view.model_reason,
        recommendations=[one for row in view.scopes if (one := _recommendation(row)) is not None],
    )


def _recommendation(row: ScopeMaintenance) -> MaintenanceRecommendation | None:
    if row.visit_at is None or row.visit_until is None or row.risk_week is None:
        return None
    risk = row.risk_week
    return MaintenanceRecommendation(
        target=row.scope,
        priority="critical" if risk >= CRITICAL else "high" if risk >= HIGH else "normal",
        recommended_at=row.visit_at,
        until=row.visit_until,
        failure_probability=risk,
        expected_failure=row.median_at,
        reason=row.reason,
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        schedule,
        "read",
        "Which hosts and devices to visit when",
        {200: ("The visits, by time", MaintenanceSchedule)},
        (400, 404, 422, 503),
        parameters=[
            in_query("target", "Only this host or device", {"type": "string"}),
            in_query("days", "How far to plan; 30 by default", {"type": "number"}),
            in_query("crews", "Visits at the same time; 1 by default", {"type": "integer"}),
        ],
        tag=Tag.OPSCONDUCTOR,
    ),
)
