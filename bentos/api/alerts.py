"""Alerts over HTTP: read what deviates, and say that you take care of it."""

from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from bentos.http import schemas
from bentos.http.bodies import json_response, read_body
from bentos.http.identity import actor_of
from bentos.http.routing import Content, Endpoint, Tag, in_path
from bentos.http.threads import in_thread
from bentos.predict.live_versions import Serving
from runlore.alerts.actions import handling
from runlore.alerts.actions.handling import AlertView
from runlore.alerts.queries.alerts import AlertQuery, Standing
from runlore.kernel import instants
from runlore.kernel.errors import BadInput

USUAL_ALERTS, MOST_ALERTS = 100, 1000
LARGEST_ID = 2**63 - 1
FILTERS = {"state", "kind", "subject", "before", "limit"}


async def every(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    query, store = _alert_query(request), serving.database()
    view = await in_thread(request, lambda: handling.overview(store, query, instants.now()))
    is_full = len(view.alerts) == query.limit
    page = schemas.AlertPage(
        alerts=[schemas.Alert(**_alert(alert)) for alert in view.alerts],
        undelivered=[
            schemas.Undelivered(
                channel=channel.channel,
                deliveries=channel.deliveries,
                lost=channel.lost,
                since=channel.since,
                error=channel.error,
            )
            for channel in view.trouble
        ],
        next=view.alerts[-1].alert.id if is_full else None,
    )
    return json_response(page.model_dump_json())


async def one(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    number, store = _id(request), serving.database()
    view = await in_thread(request, lambda: handling.show(store, number, instants.now()))
    return _detail(view)


async def acknowledge(request: Request) -> Response:
    serving: Serving = request.app.state.serving
    number, store, at = _id(request), serving.database(), instants.now()
    body = schemas.Acknowledgement.model_validate_json(await read_body(request))
    actor = actor_of(request, body.actor)

    def work() -> AlertView:
        handling.acknowledge(store, number, actor, body.note, at)
        return handling.show(store, number, at)

    return _detail(await in_thread(request, work, is_recording=True))


def _detail(view: AlertView) -> Response:
    body = schemas.AlertDetail(
        **_alert(view),
        evidence=dict(view.alert.evidence),
        history=[_of(schemas.AlertEvent, event) for event in view.history],
        deliveries=[_of(schemas.AlertDelivery, delivery) for delivery in view.deliveries],
    )
    return json_response(body.model_dump_json())


def _alert(view: AlertView) -> dict[str, Any]:
    names = schemas.Alert.model_fields.keys() - {"state", "undelivered"}
    waiting = {delivery.channel for delivery in view.deliveries if delivery.state != "delivered"}
    return {
        **{name: getattr(view.alert, name) for name in names},
        "state": view.state,
        "undelivered": sorted(waiting),
    }


def _of(model: Any, view: Any) -> Any:  # noqa: ANN401  (a model that names fields of a dataclass)
    return model(**{name: getattr(view, name) for name in model.model_fields})


def _alert_query(request: Request) -> AlertQuery:
    query = request.query_params
    unknown = sorted(query.keys() - FILTERS)
    if unknown:
        raise BadInput(f"{unknown[0][:80]}: no such filter", unknown[0][:80])
    standing: Any = query.get("state", "open")
    if standing not in get_args(Standing):
        known = ", ".join(get_args(Standing))
        raise BadInput(f"state: {standing[:80]!r} is none of {known}", "state")
    before = query.get("before")
    return AlertQuery(
        standing,
        _text("kind", query.get("kind")),
        _text("subject", query.get("subject")),
        None if before is None else _number("before", before, LARGEST_ID),
        _number("limit", query.get("limit", str(USUAL_ALERTS)), MOST_ALERTS),
    )


def _text(name: str, text: str | None) -> str | None:
    if text is not None and "\x00" in text:
        raise BadInput(f"{name}: holds a character that no name has", name)
    return text


def _id(request: Request) -> int:
    return _number("id", request.path_params["id"], LARGEST_ID)


def _number(name: str, text: str, most: int) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) < 20
    if not is_number or not 1 <= int(text) <= most:
        raise BadInput(f"{name}: {text[:80]!r} is not a number from 1 to {most:,}", name)
    return int(text)


ALERT_ID: Content = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
LIMIT: Content = {
    "type": "integer",
    "minimum": 1,
    "maximum": MOST_ALERTS,
    "default": USUAL_ALERTS,
}
FILTER_PARAMETERS: list[Content] = [
    {"name": name, "in": "query", "description": description, "schema": kind}
    for name, description, kind in (
        ("state", "Alerts in this state", {"enum": ["open", "resolved", "all"], "default": "open"}),
        ("kind", "Alerts of this kind", {"type": "string"}),
        ("subject", "Alerts of this subject", {"type": "string"}),
        ("before", "Alerts with a smaller id", ALERT_ID),
        ("limit", "How many at most", LIMIT),
    )
]
NUMBER = in_path("id", "Of the alert", ALERT_ID)
DETAIL = {200: ("The alert, with its history", schemas.AlertDetail)}
ENDPOINTS = (
    Endpoint(
        "GET",
        "/alerts",
        every,
        "read",
        "List alerts",
        {200: ("The newest first", schemas.AlertPage)},
        (422, 503),
        parameters=FILTER_PARAMETERS,
        tag=Tag.ALERTS,
        name="read_alerts",
    ),
    Endpoint(
        "GET",
        "/alerts/{id}",
        one,
        "read",
        "Read an alert with its evidence, its history and its deliveries",
        DETAIL,
        (404, 422, 503),
        parameters=[NUMBER],
        tag=Tag.ALERTS,
        name="read_alert",
    ),
    Endpoint(
        "POST",
        "/alerts/{id}/ack",
        acknowledge,
        "record",
        "Acknowledge an alert: it is delivered again only when it becomes worse",
        DETAIL,
        (400, 404, 409, 413, 422, 503),
        schemas.Acknowledgement,
        [NUMBER],
        tag=Tag.ALERTS,
        name="acknowledge_alert",
    ),
)
