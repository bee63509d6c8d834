"""The tables of facts: executions, metrics and their ingests."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
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
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import EMPTY_OBJECT, INSTANT, metadata

fact_seq = Sequence("fact_seq", metadata=metadata)

OF_INGEST = "the ingest it came from; null: it was recorded, or is older than this column"

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
    Column("ingest_id", BigInteger, comment=OF_INGEST),
    Index("executions_by_seq", "seq"),
    Index("executions_by_submission", "submitted", postgresql_using="brin"),
    Index("executions_by_end", "finished", postgresql_using="brin"),
    Index("executions_by_kind", "kind", "submitted"),
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
    Column("ingest_id", BigInteger, comment=OF_INGEST),
    postgresql_partition_by="RANGE (at)",
)

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("seq", BigInteger, fact_seq, server_default=fact_seq.next_value(), nullable=False),
    Column("known_at", INSTANT, nullable=False, comment="from here on its facts are not known"),
    Column("source", Text, nullable=False),
    Column("ingest_id", BigInteger, comment="whose facts; null: all facts of the source"),
    Column("executions", BigInteger, nullable=False, comment="facts about executions"),
    Column("metrics", BigInteger, nullable=False, comment="points of metrics"),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
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
    Column("withdrawal_id", BigInteger, ForeignKey(withdrawals.c.id), comment="that undid it"),
    Column(
        "numbers_facts",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="whether all its facts have its id",
    ),
    Column(
        "warnings",
        JSONB,
        nullable=False,
        server_default=text("'[]'::jsonb"),
        comment="what a person should know about its rows",
    ),
    Column("column_rules", JSONB, comment="column: how its untyped cells are read"),
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
    Column("kind", Text, comment="the reason with {} for the value of the row"),
    Column("due_at", INSTANT, comment="when the row may be judged again; null: never"),
    UniqueConstraint("ingest_id", "line"),
)


def _withdrawn(table: Table) -> Table:
    """What was withdrawn from a table of facts: the same columns, and by which withdrawal."""
    return Table(
        f"withdrawn_{table.name}",
        metadata,
        *(Column(column.name, column.type, nullable=column.nullable) for column in table.columns),
        Column(
            "withdrawal_id", BigInteger, ForeignKey(withdrawals.c.id), nullable=False, index=True
        ),
    )


withdrawn_executions = _withdrawn(executions)
withdrawn_metrics = _withdrawn(metrics)
_gone = withdrawn_executions.c
Index("withdrawn_executions_by_name", _gone.source, _gone.source_id, _gone.submitted)
Index("withdrawn_executions_by_submission", _gone.submitted, postgresql_using="brin")
Index("withdrawn_executions_by_end", _gone.finished, postgresql_using="brin")

EXECUTION_COLUMN_NAMES = ", ".join(column.name for column in executions.columns)
EXECUTIONS_AS_OF = f"""
CREATE FUNCTION runlore.executions_as_of(instant timestamptz) RETURNS SETOF runlore.executions
LANGUAGE sql STABLE AS $$
    WITH first AS (
        SELECT coalesce(min(seq), 9223372036854775807) AS seq
        FROM runlore.withdrawals WHERE known_at > instant
    )
    SELECT {EXECUTION_COLUMN_NAMES} FROM runlore.executions
    WHERE known_at <= instant AND seq < (SELECT seq FROM first)
    UNION ALL
    SELECT {", ".join(f"fact.{column.name}" for column in executions.columns)}
    FROM runlore.withdrawn_executions AS fact
    JOIN runlore.withdrawals AS w ON w.id = fact.withdrawal_id
    WHERE fact.known_at <= instant AND w.seq >= (SELECT seq FROM first)
        AND fact.seq < (SELECT seq FROM first)
$$;
"""  # noqa: S608  (names of ours)
event.listen(withdrawn_executions, "after_create", DDL(EXECUTIONS_AS_OF))  # type: ignore[no-untyped-call]
