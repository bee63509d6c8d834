"""A message as Alertmanager takes it: alerts of its API v2."""

from datetime import datetime, timedelta
from typing import Any

from runlore.alerts.rules.finding import Severity
from runlore.alerts.rules.message import REPORT, Message
from runlore.alerts.rules.state import TROUBLE

STAYS = timedelta(days=30)  # an open alert; the message of its end comes earlier
NOTICE_STAYS = timedelta(minutes=5)  # a report or a test, which have no end
MOST_TEXT = 8_000

PostableAlert = dict[str, Any]


def postable_alerts(message: Message, at: datetime) -> list[PostableAlert]:
    """The body of `POST /api/v2/alerts`. at: when it is sent.

    Alertmanager knows an alert by its labels, and severity is one of them: one that gets worse ends
    the milder alerts of its cause in the same request.

    Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
    """
    severities = [message.severity]
    if message.event == "escalated":
        severities += [one for one in Severity if one.rank < message.severity.rank]
    ends = [_ends_at(message, at), *[at for _ in severities[1:]]]
    return [_alert(message, *one, at) for one in zip(severities, ends, strict=True)]


def _ends_at(message: Message, at: datetime) -> datetime:
    if message.event == "resolved":
        return at
    return at + (STAYS if message.event in TROUBLE else NOTICE_STAYS)


def _alert(message: Message, severity: Severity, ends: datetime, at: datetime) -> PostableAlert:
    return {
        "labels": {
            "alertname": _alert_name(message),
            "kind": message.kind,
            "subject": message.subject,
            "severity": str(severity),
        },
        "annotations": {
            "summary": message.what or message.title,
            "description": message.text[:MOST_TEXT],
            "advice": message.advice or message.command,
            "certainty": message.certainty or "not said",
            "command": message.command,
        },
        "startsAt": min(message.since, at, ends).isoformat(),
        "endsAt": ends.isoformat(),
    }


def _alert_name(message: Message) -> str:
    """The kind as Prometheus names alerts: `RunloreDataQuality`."""
    kind = REPORT if message.event == REPORT else message.kind
    kind = "test" if message.event == "test" else kind
    return "Runlore" + "".join(word.capitalize() for word in kind.replace("-", " ").split())
