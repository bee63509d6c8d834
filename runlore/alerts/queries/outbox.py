"""The outbox of alerts: notices, their deliveries to channels, and every attempt.

A notice is written in the transaction of its alert, so no crash can lose it. Whoever delivers
turns it into deliveries, one for each channel, and holds a delivery's row while it sends: one that
is killed lets go of it at once, and another one sends it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Row, func, insert, select, text, update
from sqlalchemy.dialects import postgresql

from runlore.alerts.rules.finding import Severity
from runlore.alerts.rules.message import Message, compose
from runlore.alerts.rules.release import Decision, Notice
from runlore.alerts.rules.state import AlertEpisode, Event
from runlore.store import schema
from runlore.store.engine import Store

CHANNEL = "runlore_alerts"
CALL = text(f"SELECT pg_notify('{CHANNEL}', '')")
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('runlore.alert_notices', 0))")
UNDECIDED = text("""
SELECT n.id, n.alert_id, n.event, n.severity, n.due_at, n.is_held,
    n.id = max(n.id) FILTER (WHERE n.event IN ('opened', 'returned', 'escalated'))
        OVER (PARTITION BY n.alert_id) IS NOT FALSE AS is_newest
FROM runlore.alert_notices n WHERE n.decided_at IS NULL ORDER BY n.id LIMIT 1000
""")
CLAIM = text("""
SELECT d.id, d.alert_id, d.attempts, n.message, d.key, clock_timestamp() AS now,
    extract(epoch FROM clock_timestamp() - n.at)::float8 AS age_s
FROM runlore.alert_deliveries d JOIN runlore.alert_notices n ON n.id = d.notice_id
WHERE d.channel = :channel AND d.state = 'waiting' AND d.next_at <= clock_timestamp()
AND NOT EXISTS (
    SELECT FROM runlore.alert_deliveries earlier
    WHERE earlier.alert_id = d.alert_id AND earlier.channel = d.channel
    AND earlier.state = 'waiting' AND earlier.id < d.id
)
ORDER BY d.next_at, d.id LIMIT 1 FOR UPDATE OF d SKIP LOCKED
""")
ORPHANS = text("""
UPDATE runlore.alert_deliveries d SET state = 'lost', settled_at = clock_timestamp(),
    error = coalesce(d.error, 'its channel is in the settings no more')
FROM runlore.alert_notices n WHERE n.id = d.notice_id AND d.state = 'waiting'
AND n.at < clock_timestamp() - make_interval(secs => :age_s) AND d.next_at < clock_timestamp()
AND NOT d.channel = ANY(:channels)
""")
TROUBLED = text("""
SELECT d.channel, count(*) AS deliveries, count(*) FILTER (WHERE d.state = 'lost') AS lost,
    min(n.at) AS since, max(d.attempts) AS attempts,
    (array_agg(d.error ORDER BY d.id DESC))[1] AS error
FROM runlore.alert_deliveries d JOIN runlore.alert_notices n ON n.id = d.notice_id
WHERE (d.state = 'waiting' AND d.attempts > 0)
OR (d.state = 'lost' AND d.settled_at > clock_timestamp() - interval '7 days')
GROUP BY d.channel ORDER BY d.channel
""")
IS_WAITING = text("""
SELECT EXISTS (SELECT FROM runlore.alert_notices WHERE decided_at IS NULL)
OR EXISTS (SELECT FROM runlore.alert_deliveries WHERE state = 'waiting')
""")
_called: WeakSet[Engine] = WeakSet()  # through these this process has made a `call`


@dataclass(frozen=True)
class ClaimedDelivery:
    """A delivery that is locked until the transaction ends. now: by the database's clock.

    key: unique among the deliveries of all databases.
    """

    id: int
    key: UUID
    alert_id: int
    attempts: int
    message: Message
    age_s: float
    now: datetime


@dataclass(frozen=True)
class Delivery:
    """A notice on its way to a channel. state: waiting, delivered or lost."""

    id: int
    alert_id: int
    channel: str
    state: str
    attempts: int
    next_at: datetime
    settled_at: datetime | None
    error: str | None
    event: str
    at: datetime


@dataclass(frozen=True)
class UndeliveredAlerts:
    """Undelivered messages of a channel: waiting after failures, or given up in the last week."""

    channel: str
    deliveries: int
    lost: int
    since: datetime
    attempts: int
    error: str | None


def add(connection: Connection, alert: AlertEpisode, event: Event, hold_s: float) -> None:
    """Add a notice; the deliverers are woken when the transaction is committed."""
    due = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, hold_s)
    values = {
        "alert_id": alert.id,
        "event": event,
        "severity": alert.severity,
        "message": compose(alert, event).as_json(),
        "is_held": hold_s > 0,
        "due_at": due,
    }
    connection.execute(insert(schema.alert_notices).values(values))
    call(connection)


def take_call(store: Store) -> bool:
    """Whether this process has made a `call` through the store since the last check."""
    try:
        _called.remove(store.engine)
    except KeyError:
        return False
    return True


def call(connection: Connection) -> None:
    """Wake the deliverers once this transaction is committed."""
    connection.execute(CALL)
    _called.add(connection.engine)


def undecided(connection: Connection) -> list[tuple[int, Notice]]:
    """(alert's id, notice), oldest first; locked, so that one process at a time decides."""
    connection.execute(LOCK)
    return [
        (
            row.alert_id,
            Notice(
                row.id, row.event, Severity(row.severity), row.due_at, row.is_held, row.is_newest
            ),
        )
        for row in connection.execute(UNDECIDED)
    ]


def clock(connection: Connection) -> datetime:
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def settle(connection: Connection, notice: Notice, decision: Decision) -> None:
    values = {"decided_at": func.clock_timestamp(), "decision": decision}
    connection.execute(
        update(schema.alert_notices).where(schema.alert_notices.c.id == notice.id).values(values)
    )


def spread(connection: Connection, notice: Notice, alert_id: int, channels: Sequence[str]) -> None:
    """Add one delivery of a notice for each channel."""
    rows = [
        {"notice_id": notice.id, "alert_id": alert_id, "channel": name, "state": "waiting"}
        for name in channels
    ]
    if rows:
        connection.execute(
            postgresql.insert(schema.alert_deliveries).values(rows).on_conflict_do_nothing()
        )


def notified_channels(connection: Connection, alert_id: int) -> set[str]:
    """The channels that an alert was sent to, or is being sent to."""
    query = select(schema.alert_deliveries.c.channel).where(
        schema.alert_deliveries.c.alert_id == alert_id
    )
    return set(connection.scalars(query))


def claim(connection: Connection, channel: str) -> ClaimedDelivery | None:
    """Claim a channel's next due delivery; one alert's notices are delivered in order."""
    row = connection.execute(CLAIM, {"channel": channel}).first()
    if row is None:
        return None
    message = Message.of_json(row.message)
    return ClaimedDelivery(row.id, row.key, row.alert_id, row.attempts, message, row.age_s, row.now)


def delivered(connection: Connection, claim: ClaimedDelivery, took_ms: float) -> None:
    _attempted(connection, claim, took_ms, None)
    values = {"state": "delivered", "settled_at": func.clock_timestamp(), "error": None}
    _change(connection, claim, values)


def failed(
    connection: Connection,
    claim: ClaimedDelivery,
    took_ms: float,
    error: str,
    pause_s: float | None,
) -> None:
    """Record a failed attempt. pause_s: until the next attempt; None: the delivery is given up."""
    _attempted(connection, claim, took_ms, error)
    values: dict[str, Any] = {"error": error}
    if pause_s is None:
        values |= {"state": "lost", "settled_at": func.clock_timestamp()}
    else:
        pause = func.make_interval(0, 0, 0, 0, 0, 0, pause_s)
        values["next_at"] = func.clock_timestamp() + pause
    _change(connection, claim, values)


def give_up_orphans(connection: Connection, channels: Collection[str], age_s: float) -> None:
    """Give up deliveries that have waited so long for a channel that no longer exists."""
    connection.execute(ORPHANS, {"age_s": age_s, "channels": list(channels)})


def trouble(connection: Connection) -> list[UndeliveredAlerts]:
    """Undelivered messages by channel."""
    return [UndeliveredAlerts(**row._mapping) for row in connection.execute(TROUBLED)]


def of_alerts(connection: Connection, alert_ids: Collection[int]) -> list[Delivery]:
    """The deliveries of alerts, oldest first."""
    query = (
        select(schema.alert_deliveries, schema.alert_notices.c.event, schema.alert_notices.c.at)
        .join(
            schema.alert_notices, schema.alert_notices.c.id == schema.alert_deliveries.c.notice_id
        )
        .where(schema.alert_deliveries.c.alert_id.in_(list(alert_ids)))
        .order_by(schema.alert_deliveries.c.id)
    )
    return [_delivery(row) for row in connection.execute(query)]


def is_waiting(connection: Connection) -> bool:
    """Whether something is to be decided or sent, now or later."""
    return bool(connection.scalar(IS_WAITING))


def _delivery(row: "Row[Any]") -> Delivery:
    return Delivery(**{name: row._mapping[name] for name in Delivery.__dataclass_fields__})


def _change(connection: Connection, claim: ClaimedDelivery, values: dict[str, Any]) -> None:
    values |= {"attempts": claim.attempts + 1}
    connection.execute(
        update(schema.alert_deliveries)
        .where(schema.alert_deliveries.c.id == claim.id)
        .values(values)
    )


def _attempted(
    connection: Connection, claim: ClaimedDelivery, took_ms: float, error: str | None
) -> None:
    values = {"delivery_id": claim.id, "took_ms": took_ms, "error": error}
    connection.execute(insert(schema.alert_attempts).values(values))
