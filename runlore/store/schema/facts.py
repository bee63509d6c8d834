"""The tables of facts: executions, metrics and their ingests."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import EMPTY_OBJECT, INSTANT, metadata

fact_seq = Sequence("fact_seq", metadata=metadata)

executions = Table(
    "executions",
    metadata,
    Column("seq", BigInteger, fact_seq, server_default=fact_seq.next_value(), nullable=False),
    Column("source", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("submitted", INSTANT, primary_key=True),
    Column("revision", SmallInteger, primary_key=True, server_default=text("0")),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("inputs", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("started", INSTANT),
    Column("finished", INSTANT),
    Column("status", Text, nullable=False),
    Column("outcome", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("submission_known_at", INSTANT, nullable=False),
    Column("known_at", INSTANT, nullable=False),
    Column("digest", BigInteger, nullable=False, comment="of the content, to recognise repeats"),
    Column("key_id", Text, comment="of the API key it came with; null: it came without one"),
    Index("executions_by_seq", "seq"),
    postgresql_partition_by="RANGE (submitted)",
)

metrics = Table(
    "metrics",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("at", INSTANT, primary_key=True),
    Column("revision", SmallInteger, primary_key=True, server_default=text("0")),
    Column("value", Double, nullable=False),
    Column("known_at", INSTANT, nullable=False),
    postgresql_partition_by="RANGE (at)",
)

ingests = Table(
    "ingests",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("records", Text, nullable=False, comment="executions or metrics"),
    Column("mapping_digest", Text, nullable=False),
    Column("bytes_done", BigInteger, nullable=False, server_default=text("0")),
    Column("prefix_digest", Text, nullable=False, comment="of the first bytes_done bytes"),
    Column("lines_done", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_new", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_known", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_rejected", BigInteger, nullable=False, server_default=text("0")),
    Column("started_at", INSTANT, nullable=False, server_default=func.now()),
    Column("finished_at", INSTANT),
    Column(
        "rows_skipped",
        JSONB,
        nullable=False,
        server_default=EMPTY_OBJECT,
        comment="reason: how many rows are no executions of their own",
    ),
)

rejects = Table(
    "rejects",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("ingest_id", BigInteger, ForeignKey(ingests.c.id), nullable=False),
    Column("file", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=func.now()),
    UniqueConstraint("ingest_id", "line"),
)
