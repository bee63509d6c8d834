"""The tables of streaming: points that wait for the detector, states of series, and incidents."""

from sqlalchemy import (
    DDL,
    REAL,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from runlore.store.schema.facts import metrics
from runlore.store.schema.names import INSTANT, metadata

point_outbox = Table(
    "point_outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("value", Double, nullable=False),
)

# Written by whoever records points. What is older than two days is history: nothing alerts on it.
QUEUE_POINTS = """
CREATE FUNCTION runlore.queue_points() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO runlore.point_outbox (source, name, scope, at, value)
    SELECT source, name, scope, at, value FROM added
    WHERE revision = 0 AND at > clock_timestamp() - interval '2 days';
    IF FOUND THEN
        PERFORM pg_notify('runlore_points', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER queue_points AFTER INSERT ON runlore.metrics
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION runlore.queue_points();
"""
event.listen(metrics, "after_create", DDL(QUEUE_POINTS))  # type: ignore[no-untyped-call]

series_states = Table(
    "series_states",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("state", LargeBinary, comment="of the detector; null: no point was observed"),
    Column("step_s", REAL, comment="usual distance of its points"),
    Column("due_at", INSTANT, comment="a series without a point until then is missing"),
    UniqueConstraint("source", "name", "scope"),
)
ROOM = "ALTER TABLE runlore.series_states SET (fillfactor = 60)"  # states change in their place
event.listen(series_states, "after_create", DDL(ROOM))  # type: ignore[no-untyped-call]

stream_progress = Table(
    "stream_progress",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    Column("taken", BigInteger, nullable=False, comment="points taken from point_outbox"),
    Column("late", BigInteger, nullable=False, comment="not newer than the newest of their series"),
    Column("at", INSTANT, nullable=False, comment="when the last points were taken"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("subject", Text, nullable=False, comment="what its series have in common"),
    Column("since", INSTANT, nullable=False, comment="the first unusual point"),
    Column("opened_at", INSTANT, nullable=False),
    Column("resolved_at", INSTANT),
    Index("incidents_open", "subject", unique=True, postgresql_where=text("resolved_at IS NULL")),
)

incident_series = Table(
    "incident_series",
    metadata,
    Column("incident_id", BigInteger, ForeignKey(incidents.c.id), primary_key=True),
    Column("series_id", BigInteger, ForeignKey(series_states.c.id), primary_key=True),
    Column("sort", Text, nullable=False, comment="value, flat or missing"),
    Column("since", INSTANT, nullable=False),
    Column("seen", Double, nullable=False),
    Column("expected", Double, nullable=False),
    Column("low", Double, nullable=False),
    Column("high", Double, nullable=False),
    Column("probability", Double, comment="of a value so far off or further; null: not known"),
    Column("ended_at", INSTANT),
    Index("incident_series_open", "series_id", postgresql_where=text("ended_at IS NULL")),
)
