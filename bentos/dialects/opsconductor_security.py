"""`POST /ai/predictive/security-monitor`: events that are sent, or those of the log."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from bentos.api.store_access import model_response, read_store
from bentos.http.bodies import read_body
from bentos.http.fields import Id, Instant, Name
from bentos.http.routing import Endpoint, Tag
from bentos.http.schemas import Closed
from runlore.advice.actions.security import (
    SecurityFindings,
    SecurityQuery,
    check_events,
    find_incidents,
)
from runlore.advice.actions.security_rule_files import load_rules
from runlore.advice.rules.security.incidents import SecurityIncident
from runlore.advice.security_views import CAUSE_WORDS, advise, conclude
from runlore.kernel import instants
from runlore.store.engine import Store

MONITOR = "/ai/predictive/security-monitor"
MAX_EVENTS = 5_000
OUTCOMES = {"success": "succeeded", "failure": "failed", "unknown": "unknown"}
EXAMPLE: dict[str, Any] = {
    "events": [
        {
            "timestamp": f"2026-11-01T03:00:{second:02}Z",
            "action": "login",
            "outcome": "success" if second == 12 else "failure",
            "user": "root",
            "host": "web-1",
            "source_ip": "203.0.113.9",
        }
        for second in range(13)
    ]
}


class SentEvent(Closed):
    """action: login, command, transfer, change, delete and the like. fields: further ones by their
    ECS names, such as `process.name`."""

    timestamp: Instant
    action: Id
    outcome: Literal["success", "failure", "unknown"] = "unknown"
    user: Name = ""
    host: Name = ""
    source_ip: Name = ""
    id: Name = ""
    fields: Annotated[dict[Id, Name], Field(max_length=50)] = Field(default_factory=dict)


class MonitorSecurity(Closed):
    """Without events, the log of the last hours is checked. Events that are sent are not kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    events: Annotated[list[SentEvent], Field(min_length=1, max_length=MAX_EVENTS)] | None = None
    hours: Annotated[int, Field(ge=1, le=24 * 90)] = 24


class SecurityAlert(Closed):
    """alert_type: the rule of the highest level. affected: the user, address or host."""

    alert_type: str
    severity: Literal["informational", "low", "medium", "high", "critical"]
    affected: str
    affected_kind: str
    description: str
    recommended_action: str
    rules: list[str]
    event_count: int
    first_seen: datetime
    last_seen: datetime
    detected_at: datetime
    users: list[str]
    hosts: list[str]
    source_ips: list[str]
    event_ids: list[str]


class SecurityAlerts(Closed):
    """follow: the route with each rule's evidence, for events of the log."""

    as_of: datetime
    checked: int = Field(description="how many events were checked")
    alerts: list[SecurityAlert] = Field(description="the newest first, 500 at most")
    follow: str = "/security/alerts"


async def monitor(request: Request) -> Response:
    body = MonitorSecurity.model_validate_json(await read_body(request))
    settings, at = request.app.state.product.settings, instants.now()

    def work(store: Store) -> SecurityFindings:
        rules = load_rules(settings.sigma_rules)
        query = SecurityQuery(at - timedelta(hours=body.hours), at, settings.alarms_a_week)
        if body.events is None:
            return find_incidents(store, rules, query)
        return check_events(store, rules, [_row(one) for one in body.events], query)

    found = await read_store(request, work)
    made = [_alert(one) for one in found.incidents]
    return model_response(SecurityAlerts(as_of=at, checked=found.events, alerts=made))


def _row(one: SentEvent) -> dict[str, Any]:
    return {
        **one.fields,
        "at": one.timestamp,
        "event.action": one.action,
        "event.outcome": OUTCOMES[one.outcome],
        "user.name": one.user,
        "host.name": one.host,
        "source.ip": one.source_ip,
        "event.id": one.id,
    }


def _alert(one: SecurityIncident) -> SecurityAlert:
    return SecurityAlert(
        alert_type=one.rules[0].rule,
        severity=one.level,
        affected=one.cause,
        affected_kind=CAUSE_WORDS.get(one.field, one.field),
        description=conclude(one),
        recommended_action=advise(one),
        rules=[rule.rule for rule in one.rules],
        event_count=one.events,
        first_seen=one.first_at,
        last_seen=one.last_at,
        detected_at=one.found_at,
        users=list(one.users),
        hosts=list(one.hosts),
        source_ips=list(one.sources),
        event_ids=list(one.event_ids),
    )


ENDPOINTS = (
    Endpoint(
        "POST",
        MONITOR,
        monitor,
        "read",
        "Check security events that are sent, or those of the log, by rules in Sigma format",
        {200: ("One entry for each address, user or host", SecurityAlerts)},
        (400, 413, 422, 503),
        MonitorSecurity,
        tag=Tag.OPSCONDUCTOR,
    ),
)
