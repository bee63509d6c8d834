"""`GET /ai/learning/system-health` and `GET /ai/predictive/insights`."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.health import MAX_AGE_S, current_health
from bentos.api.store_access import model_response, read_store
from bentos.dialects import query_parameters
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from bentos.http.timed_cache import TimedCache
from runlore.kernel import instants
from runlore.kernel.json_values import as_json
from runlore.signals.actions.insights import SignalInsight, read_insights
from runlore.signals.health_views import ScopeHealthView, conclude_health

HEALTH, INSIGHTS = "/ai/learning/system-health", "/ai/predictive/insights"
InsightType = Literal[
    "anomaly", "regression", "limit", "error_budget", "failure_trend", "late_data", "forecast"
]
TYPES: dict[str, InsightType] = {
    "incidents": "anomaly",
    "regressions": "regression",
    "limits": "limit",
    "objectives": "error_budget",
    "failures": "failure_trend",
    "freshness": "late_data",
    "forecast": "forecast",
}


class HealthFactor(Closed):
    """weight: logarithm of the odds of a bad day; 0: it said nothing about later failures."""

    factor: InsightType
    stands_out: bool
    weight: float
    past_days: int = Field(description="on which it stood out")
    says: str
    evidence: list[str]


class ComponentHealth(Closed):
    """health_score: probability that the next 24 hours have no more failures than usual."""

    component: str
    status: Literal["predicted", "base rate", "unknown"]
    health_score: float | None
    low: float | None
    high: float | None
    summary: str
    factors: list[HealthFactor]


class SystemHealthReport(Closed):
    """components: hosts or environments, the least healthy first. follow: all figures."""

    as_of: datetime
    overall: ComponentHealth
    components: list[ComponentHealth]
    follow: str = "/signals/health"


class PerformanceInsight(Closed):
    """affected: the host, environment or metric. evidence: its numbers."""

    insight_type: InsightType
    affected: str
    severity: str
    description: str
    certainty: str
    recommendation: str | None
    since: datetime | None
    alert_id: int | None
    evidence: dict[str, Any]


class PerformanceInsights(Closed):
    as_of: datetime
    insights: list[PerformanceInsight] = Field(description="alerts first")


async def health(request: Request) -> Response:
    query_parameters.filters(request, ())
    found = await current_health(request)
    return model_response(
        SystemHealthReport(
            as_of=found.as_of,
            overall=_component(found.overall),
            components=[_component(one) for one in found.scopes],
        )
    )


async def insights(request: Request) -> Response:
    query_parameters.filters(request, ())
    state, at = request.app.state, instants.now()
    if not hasattr(state, "insights"):
        state.insights = TimedCache[tuple[datetime, list[SignalInsight]]](MAX_AGE_S)
    cache: TimedCache[tuple[datetime, list[SignalInsight]]] = state.insights
    as_of, found = await cache.get(
        lambda: read_store(request, lambda store: (at, read_insights(store, at)))
    )
    return model_response(PerformanceInsights(as_of=as_of, insights=[_insight(i) for i in found]))


def _component(one: ScopeHealthView) -> ComponentHealth:
    return ComponentHealth.model_validate(
        {
            "component": one.scope or "all",
            "status": one.status,
            "health_score": one.health,
            "low": one.low,
            "high": one.high,
            "summary": conclude_health(one),
            "factors": [
                {
                    "factor": TYPES[part.part],
                    "stands_out": part.state >= 1,
                    "weight": part.weight,
                    "past_days": part.n,
                    "says": part.says,
                    "evidence": [each.what for each in part.evidence],
                }
                for part in one.parts
            ],
        }
    )


def _insight(one: SignalInsight) -> PerformanceInsight:
    return PerformanceInsight(
        insight_type=TYPES[one.kind],
        affected=one.subject,
        severity=one.severity,
        description=one.what,
        certainty=one.certainty,
        recommendation=one.advice or None,
        since=one.since,
        alert_id=one.alert,
        evidence=as_json(dict(one.evidence)),
    )


ENDPOINTS = (
    Endpoint(
        "GET",
        HEALTH,
        health,
        "read",
        "How likely all and each component have no more failures than usual, and why",
        {200: ("The figures, with their factors", SystemHealthReport)},
        (422, 503),
        tag=Tag.OPSCONDUCTOR,
    ),
    Endpoint(
        "GET",
        INSIGHTS,
        insights,
        "read",
        "What stands out now, with its evidence",
        {200: ("Alerts first", PerformanceInsights)},
        (422, 503),
        tag=Tag.OPSCONDUCTOR,
    ),
)
