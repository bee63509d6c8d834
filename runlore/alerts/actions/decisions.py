"""Ask for decisions that wait for a person, and note when they have been taken."""

from datetime import datetime

from runlore.alerts.actions.handling import raise_alert, resolve_alert
from runlore.alerts.queries import alerts
from runlore.alerts.queries.alerts import AlertQuery
from runlore.alerts.rules import decision
from runlore.alerts.rules.decision import KIND, DecisionRequest, PendingDecision
from runlore.store.engine import Connection


def ask(connection: Connection, request: DecisionRequest, at: datetime) -> None:
    """Ask for a decision in the caller's transaction; asking again is no second alert."""
    raise_alert(connection, decision.finding(request), at)


def settle(connection: Connection, subject: str, at: datetime, by: str) -> None:
    """Note that somebody has decided, or that there is nothing left to decide."""
    resolve_alert(connection, KIND, subject, at, by)


def pending(connection: Connection, specs: tuple[str, ...] | None = None) -> list[PendingDecision]:
    """List what waits for a person, the newest first. specs: of these alone; None: of all."""
    waiting = alerts.read(connection, AlertQuery(kind=KIND, specs=specs))
    return [decision.pending(alert) for alert in waiting]
