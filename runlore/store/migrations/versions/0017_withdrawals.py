"""Facts know the ingest that they came from, and an ingest can be undone."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OF_INGEST = "the ingest it came from; null: it was recorded, or is older than this column"
INSTANT = sa.DateTime(timezone=True)
OLD_INGESTS = "UPDATE runlore.ingests SET numbers_facts = false"
AS_OF = """
CREATE FUNCTION runlore.executions_as_of(instant timestamptz) RETURNS SETOF runlore.executions
LANGUAGE sql STABLE AS $$
    WITH first AS (
        SELECT coalesce(min(seq), 9223372036854775807) AS seq
        FROM runlore.withdrawals WHERE known_at > instant
    )
    SELECT seq, source, source_id, submitted, revision, actor, kind, scope, inputs, started, finished, status, outcome, submission_known_at, known_at, digest, key_id, ingest_id FROM runlore.executions
    WHERE known_at <= instant AND seq < (SELECT seq FROM first)
    UNION ALL
    SELECT fact.seq, fact.source, fact.source_id, fact.submitted, fact.revision, fact.actor, fact.kind, fact.scope, fact.inputs, fact.started, fact.finished, fact.status, fact.outcome, fact.submission_known_at, fact.known_at, fact.digest, fact.key_id, fact.ingest_id
    FROM runlore.withdrawn_executions AS fact
    JOIN runlore.withdrawals AS w ON w.id = fact.withdrawal_id
    WHERE fact.known_at <= instant AND w.seq >= (SELECT seq FROM first)
        AND fact.seq < (SELECT seq FROM first)
$$;
"""  # noqa: E501


def upgrade() -> None:
    for table in ("executions", "metrics"):
        op.add_column(
            table, sa.Column("ingest_id", sa.BigInteger(), comment=OF_INGEST), schema="runlore"
        )
    _withdrawals()
    op.add_column(
        "ingests",
        sa.Column("withdrawal_id", sa.BigInteger(), comment="that undid it"),
        schema="runlore",
    )
    op.create_foreign_key(
        None,
        "ingests",
        "withdrawals",
        ["withdrawal_id"],
        ["id"],
        source_schema="runlore",
        referent_schema="runlore",
    )
    op.add_column(
        "ingests",
        sa.Column(
            "numbers_facts",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("true"),
            comment="whether all its facts have its id",
        ),
        schema="runlore",
    )
    op.execute(OLD_INGESTS)
    _withdrawn("executions", _execution_columns())
    _withdrawn("metrics", _metric_columns())
    op.execute(AS_OF)


def _withdrawals() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "seq",
            sa.BigInteger(),
            server_default=sa.text("nextval('runlore.fact_seq')"),
            nullable=False,
        ),
        sa.Column(
            "known_at", INSTANT, nullable=False, comment="from here on its facts are not known"
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "ingest_id", sa.BigInteger(), comment="whose facts; null: all facts of the source"
        ),
        sa.Column(
            "executions", sa.BigInteger(), nullable=False, comment="facts about executions"
        ),
        sa.Column("metrics", sa.BigInteger(), nullable=False, comment="points of metrics"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )


def _withdrawn(table: str, columns: list[sa.Column[Any]]) -> None:
    op.create_table(
        f"withdrawn_{table}",
        *columns,
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["withdrawal_id"], ["runlore.withdrawals.id"]),
        schema="runlore",
    )
    op.create_index(
        f"ix_runlore_withdrawn_{table}_withdrawal_id",
        f"withdrawn_{table}",
        ["withdrawal_id"],
        schema="runlore",
    )


def _execution_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("submitted", INSTANT, nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("inputs", postgresql.JSONB(), nullable=False),
        sa.Column("started", INSTANT),
        sa.Column("finished", INSTANT),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", postgresql.JSONB(), nullable=False),
        sa.Column("submission_known_at", INSTANT, nullable=False),
        sa.Column("known_at", INSTANT, nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Text()),
        sa.Column("ingest_id", sa.BigInteger()),
    ]


def _metric_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("known_at", INSTANT, nullable=False),
        sa.Column("ingest_id", sa.BigInteger()),
    ]
