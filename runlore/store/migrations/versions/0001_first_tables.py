"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("fact_seq", schema="runlore")))
    op.create_table(
        "alias_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_table(
        "anomalies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="what sort of deviation: drift, …"),
        sa.Column("subject", sa.Text(), nullable=False, comment="what deviates: a spec, a metric"),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index(
        "anomalies_open",
        "anomalies",
        ["kind", "subject"],
        unique=True,
        schema="runlore",
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "drift_results",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("window_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("statistic", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("is_drifted", sa.Boolean(), nullable=False),
        sa.Column("rows_reference", sa.Integer(), nullable=False),
        sa.Column("rows_current", sa.Integer(), nullable=False),
        sa.Column("report", sa.Text(), nullable=True, comment="path of the HTML report"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "spec", "version", "window_from", "window_to", "column_name", "statistic"
        ),
        schema="runlore",
    )
    op.create_table(
        "executions",
        sa.Column(
            "seq",
            sa.BigInteger(),
            server_default=sa.text("nextval('runlore.fact_seq'::regclass)"),
            nullable=False,
        ),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("submitted", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column(
            "inputs", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("started", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "outcome", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("submission_known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "digest",
            sa.BigInteger(),
            nullable=False,
            comment="of the content, to recognise repeats",
        ),
        sa.PrimaryKeyConstraint("source", "source_id", "submitted", "revision"),
        schema="runlore",
        postgresql_partition_by="RANGE (submitted)",
    )
    op.create_index("executions_by_seq", "executions", ["seq"], unique=False, schema="runlore")
    op.create_table(
        "feature_histories",
        sa.Column("history", sa.Text(), nullable=False),
        sa.Column("declaration", postgresql.JSONB(), nullable=False),
        sa.Column(
            "built_seq", sa.BigInteger(), nullable=False, comment="facts up to here are folded in"
        ),
        sa.Column(
            "is_stale",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="an ingest added facts that are not folded in",
        ),
        sa.Column(
            "built_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("history"),
        schema="runlore",
    )
    op.create_table(
        "feature_states",
        sa.Column(
            "history", sa.Text(), nullable=False, comment="digest of the History declaration"
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.ARRAY(sa.Double()), nullable=False),
        sa.PrimaryKeyConstraint("history", "key"),
        schema="runlore",
    )
    op.create_table(
        "ingests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("records", sa.Text(), nullable=False, comment="executions or metrics"),
        sa.Column("mapping_digest", sa.Text(), nullable=False),
        sa.Column("bytes_done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "prefix_digest", sa.Text(), nullable=False, comment="of the first bytes_done bytes"
        ),
        sa.Column("lines_done", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_new", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_known", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_table(
        "ledger",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True, comment="null when nothing could answer"),
        sa.Column("arm", sa.Text(), nullable=False, comment="champion, batch, …"),
        sa.Column("status", sa.SmallInteger(), nullable=False, comment="HTTP status of the answer"),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("request", postgresql.JSONB(), nullable=False),
        sa.Column("features", sa.ARRAY(sa.REAL()), nullable=True),
        sa.Column("prediction", sa.Double(), nullable=True),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("latency_ms", sa.REAL(), nullable=True),
        sa.PrimaryKeyConstraint("at", "id"),
        schema="runlore",
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(
        "ledger_by_execution", "ledger", ["source", "source_id"], unique=False, schema="runlore"
    )
    op.create_index("ledger_by_id", "ledger", ["id"], unique=False, schema="runlore")
    op.create_index("ledger_by_spec", "ledger", ["spec", "at"], unique=False, schema="runlore")
    op.create_table(
        "metrics",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "name", "scope", "at", "revision"),
        schema="runlore",
        postgresql_partition_by="RANGE (at)",
    )
    op.create_table(
        "rejects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ingest_id", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["ingest_id"],
            ["runlore.ingests.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ingest_id", "line"),
        schema="runlore",
    )
