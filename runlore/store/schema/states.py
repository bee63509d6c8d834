"""The tables of feature states: the folded history of each key."""

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Boolean,
    Column,
    Double,
    Table,
    Text,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import INSTANT, metadata

feature_states = Table(
    "feature_states",
    metadata,
    Column("history", Text, primary_key=True, comment="digest of the History declaration"),
    Column("key", Text, primary_key=True),
    Column("state", ARRAY(Double), nullable=False),
)

READ_STATES = """
CREATE FUNCTION runlore.read_states(
    numbers bigint[], histories text[], keys text[], OUT states bytea[], OUT read_at timestamptz
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(number) FROM unnest(numbers) AS number;
    SELECT array_agg(array_send(state) ORDER BY at) INTO states
    FROM unnest(histories, keys) WITH ORDINALITY AS wanted (history, key, at)
    LEFT JOIN runlore.feature_states USING (history, key);
    read_at := clock_timestamp();
END $$;
"""
event.listen(feature_states, "after_create", DDL(READ_STATES))  # type: ignore[no-untyped-call]

feature_histories = Table(
    "feature_histories",
    metadata,
    Column("history", Text, primary_key=True),
    Column("declaration", JSONB, nullable=False),
    Column("built_seq", BigInteger, nullable=False, comment="facts up to here are folded in"),
    Column(
        "is_stale",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="an ingest added facts that are not folded in",
    ),
    Column("built_at", INSTANT, nullable=False, server_default=func.now()),
)
