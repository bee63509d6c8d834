"""What Runlore itself did in a period, and what waited for a person at an instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

VERSIONS = """
SELECT at, spec, action, alias, version, actor FROM runlore.alias_changes
WHERE at >= %(first)s AND at < %(last)s AND at <= %(known_at)s
    AND action IN ('announce', 'promote', 'rollback') ORDER BY id
"""
ALERTS = """
SELECT kind, count(*) FILTER (WHERE opened_at >= %(first)s AND opened_at < %(last)s) AS opened,
    count(*) FILTER (WHERE resolved_at >= %(first)s AND resolved_at < %(last)s
        AND resolved_at <= %(known_at)s) AS resolved,
    count(*) FILTER (WHERE resolved_at IS NULL OR resolved_at > %(known_at)s) AS open
FROM runlore.anomalies
WHERE opened_at <= %(known_at)s AND (resolved_at IS NULL OR resolved_at >= %(first)s)
GROUP BY kind ORDER BY kind
"""
DECISIONS = """
SELECT subject, what, coalesce(evidence ->> 'command', '') AS command, opened_at
FROM runlore.anomalies WHERE kind = 'decision' AND opened_at <= %(known_at)s
    AND (resolved_at IS NULL OR resolved_at > %(known_at)s)
ORDER BY opened_at, id
"""
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class VersionEvent:
    """A version passed its gates (announce), took over (promote), or made way (rollback)."""

    at: datetime
    spec: str
    action: str
    alias: str
    version: str | None
    actor: str


@dataclass(frozen=True)
class AlertCount:
    """open: at the instant that the report is of."""

    kind: str
    opened: int
    resolved: int
    open: int


@dataclass(frozen=True)
class WaitingDecision:
    subject: str
    what: str
    command: str
    since: datetime


@dataclass(frozen=True)
class PeriodEvents:
    versions: tuple[VersionEvent, ...]
    alerts: tuple[AlertCount, ...]
    decisions: tuple[WaitingDecision, ...]


def read_events(
    connection: Connection, first: datetime, last: datetime, known_at: datetime
) -> PeriodEvents:
    values = {"first": first, "last": last, "known_at": known_at}
    return PeriodEvents(
        tuple(VersionEvent(*row) for row in connection.execute(VERSIONS, values)),
        tuple(AlertCount(*row) for row in connection.execute(ALERTS, values)),
        tuple(WaitingDecision(*row) for row in connection.execute(DECISIONS, values)),
    )
