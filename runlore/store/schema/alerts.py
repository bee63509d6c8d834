"""The tables of notifications and their deliveries."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata
from runlore.store.schema.watching import anomalies

alert_events = Table(
    "alert_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("alert_id", BigInteger, ForeignKey(anomalies.c.id), nullable=False, index=True),
    Column("at", INSTANT, nullable=False, comment="of the finding, or of the person's action"),
    Column("written_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("event", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("evidence", JSONB, nullable=False),
)
EVENTS_ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.alert_events
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
alert_events.add_is_dependent_on(alias_changes)
event.listen(alert_events, "after_create", DDL(EVENTS_ONLY_ADDED))  # type: ignore[no-untyped-call]

alert_notices = Table(
    "alert_notices",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("alert_id", BigInteger, ForeignKey(anomalies.c.id), nullable=False, index=True),
    Column("at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("event", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("message", JSONB, nullable=False),
    Column("is_held", Boolean, nullable=False, comment="only if it is still open when due"),
    Column("due_at", INSTANT, nullable=False),
    Column("decided_at", INSTANT),
    Column("decision", Text, comment="send or drop"),
    Index("alert_notices_waiting", "id", postgresql_where=text("decided_at IS NULL")),
)

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("notice_id", BigInteger, ForeignKey(alert_notices.c.id), nullable=False),
    Column("alert_id", BigInteger, ForeignKey(anomalies.c.id), nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("key", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    Column("state", Text, nullable=False, comment="waiting, delivered or lost"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("settled_at", INSTANT),
    Column("error", Text, comment="of the last attempt"),
    UniqueConstraint("notice_id", "channel"),
    Index(
        "alert_deliveries_waiting",
        "channel",
        "next_at",
        postgresql_where=text("state = 'waiting'"),
    ),
)

alert_attempts = Table(
    "alert_attempts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column(
        "delivery_id", BigInteger, ForeignKey(alert_deliveries.c.id), nullable=False, index=True
    ),
    Column("at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("took_ms", REAL, nullable=False),
    Column("error", Text, comment="null: it arrived"),
)

alert_silences = Table(
    "alert_silences",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False, comment="a pattern"),
    Column("subject", Text, nullable=False, comment="a pattern"),
    Column("until", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    Column("ended_by", Text),
)
