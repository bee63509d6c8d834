"""The tables of the live stream: events without a number, numbered ones, and the counters."""

from sqlalchemy import BigInteger, Column, Identity, Index, SmallInteger, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import INSTANT, metadata

live_outbox = Table(
    "live_outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("topic", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", JSONB, nullable=False),
)

live_events = Table(
    "live_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False, comment="without gaps"),
    Column("at", INSTANT, nullable=False),
    Column("topic", Text, nullable=False),
    Column("topic_seq", BigInteger, nullable=False, comment="without gaps within the topic"),
    Column("subject", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Index("live_events_by_topic", "topic", "seq"),
)

live_topics = Table(
    "live_topics",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("last", BigInteger, nullable=False, comment="the highest topic_seq"),
)

live_stream = Table(
    "live_stream",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, comment="always 1"),
    Column("name", Text, nullable=False, comment="random: cursors of another stream are refused"),
    Column("last", BigInteger, nullable=False, comment="the highest seq"),
    Column("cut", BigInteger, nullable=False, comment="the highest seq that was deleted"),
    Column("cut_at", INSTANT, nullable=False, comment="when old events were looked for"),
    Column("rates_at", INSTANT, nullable=False, comment="when rates were published"),
    Column("rates", JSONB, nullable=False, server_default=text("'{}'"), comment="the last ones"),
)
