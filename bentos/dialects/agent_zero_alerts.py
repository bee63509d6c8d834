"""`/api/v3/model-alerts`: what deviates about models, and who takes care of it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store, write_store
from bentos.dialects import query_parameters
from bentos.http.bodies import read_body
from bentos.http.fields import Name
from bentos.http.identity import actor_of
from bentos.http.routing import Endpoint, Tag, in_query
from bentos.http.schemas import Closed
from bentos.predict.live_versions import Serving
from runlore.alerts.actions import handling
from runlore.alerts.actions.handling import AlertView
from runlore.alerts.queries.alerts import AlertQuery, Standing
from runlore.alerts.rules.finding import spec_of
from runlore.kernel import instants
from runlore.kernel.errors import NotFound
from runlore.store.engine import Store

AT = "/api/v3/model-alerts"
USUAL, MOST = 100, 1000
FILTERS = {"model", "status", "alert_type", "before", "limit"}
STANDINGS: dict[str, Standing] = {"active": "open", "resolved": "resolved", "all": "all"}
STATES: dict[str, Literal["active", "acknowledged", "silenced", "resolved"]] = {
    "open": "active",
    "acknowledged": "acknowledged",
    "silenced": "silenced",
    "resolved": "resolved",
}


class ModelAlertTold(Closed):
    """One cause: what changed, since when, how sure that is, and what to do."""

    alert_id: int
    model: str
    alert_type: str
    severity: Literal["info", "warning", "critical"]
    status: Literal["active", "acknowledged", "silenced", "resolved"]
    message: str
    confidence: str
    recommendation: str
    since: datetime
    detected_at: datetime
    last_seen_at: datetime
    occurrences: int
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    note: str | None
    resolved_by: str | None
    resolved_at: datetime | None


class ModelAlerts(Closed):
    """The newest first. next: the `before` of the next page; null: this is the last one."""

    alerts: list[ModelAlertTold]
    next: int | None


class ModelAlertChange(Closed):
    """acknowledge: somebody takes care. resolve: it is over, until it is found again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"alert_id": 1, "action": "acknowledge", "actor": "ann", "note": "looking at it"}
            ]
        }
    )

    alert_id: Annotated[int, Field(ge=1, le=query_parameters.LARGEST_ID, strict=True)]
    action: Literal["acknowledge", "resolve"]
    actor: query_parameters.Person = "api"
    note: Annotated[Name, Field(max_length=500)] = ""


async def every(request: Request) -> Response:
    query, at = _alert_query(request), instants.now()
    view = await read_store(request, lambda store: handling.overview(store, query, at))
    is_full = len(view.alerts) == query.limit
    return model_response(
        ModelAlerts(
            alerts=[_alert(alert) for alert in view.alerts],
            next=view.alerts[-1].alert.id if is_full else None,
        )
    )


async def change(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    body, at = ModelAlertChange.model_validate_json(await read_body(request)), instants.now()
    act = handling.acknowledge if body.action == "acknowledge" else handling.close
    actor = actor_of(request, body.actor)

    def work(store: Store) -> AlertView:
        subject = handling.show(store, body.alert_id, at).alert.subject
        if spec_of(subject) not in serving.names:
            raise NotFound(f"alert {body.alert_id} is not about a model; see /alerts")
        act(store, body.alert_id, actor, body.note, at)
        return handling.show(store, body.alert_id, at)

    return model_response(_alert(await write_store(request, work)))


def _alert_query(request: Request) -> AlertQuery:
    serving: Serving = request.app.state.serving
    query = query_parameters.filters(request, FILTERS)
    return AlertQuery(
        standing=STANDINGS[
            query_parameters.choice("status", query.get("status", "active"), STANDINGS)
        ],
        kind=query.get("alert_type"),
        before=query_parameters.before(query),
        limit=query_parameters.count("limit", query.get("limit", str(USUAL)), MOST),
        specs=query_parameters.models(serving, query),
    )


def _alert(view: AlertView) -> ModelAlertTold:
    alert = view.alert
    model = spec_of(alert.subject)
    return ModelAlertTold(
        alert_id=alert.id,
        model=model,
        alert_type=alert.kind,
        severity=alert.severity.value,
        status=STATES[view.state],
        message=alert.what if model == alert.subject else f"{alert.subject}: {alert.what}",
        confidence=alert.certainty,
        recommendation=alert.advice,
        since=alert.since,
        detected_at=alert.opened_at,
        last_seen_at=alert.seen_at,
        occurrences=alert.count,
        acknowledged_by=alert.acknowledged_by,
        acknowledged_at=alert.acknowledged_at,
        note=alert.note,
        resolved_by=alert.resolved_by,
        resolved_at=alert.resolved_at,
    )


NUMBER = {"type": "integer", "minimum": 1}
ENDPOINTS = (
    Endpoint(
        "GET",
        AT,
        every,
        "read",
        "What deviates about models",
        {200: ("The newest first", ModelAlerts)},
        (404, 422, 503),
        parameters=[
            in_query("model", "Of this model only", {"type": "string"}),
            in_query("status", "Which ones", {"enum": list(STANDINGS), "default": "active"}),
            in_query("alert_type", "Of this type only", {"type": "string"}),
            in_query(
                "before",
                "Only those with a smaller id",
                {**NUMBER, "maximum": query_parameters.LARGEST_ID},
            ),
            in_query("limit", "How many at most", {**NUMBER, "maximum": MOST, "default": USUAL}),
        ],
        tag=Tag.AGENT_ZERO,
    ),
    Endpoint(
        "PATCH",
        AT,
        change,
        "record",
        "Acknowledge an alert, or say that it is over",
        {200: ("The alert", ModelAlertTold)},
        (400, 404, 409, 413, 422, 503),
        ModelAlertChange,
        tag=Tag.AGENT_ZERO,
    ),
)
