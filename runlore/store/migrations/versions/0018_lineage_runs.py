"""Runs that OpenLineage events tell of, with what is known of each."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    event = sa.Text(collation="C")
    op.create_table(
        "lineage_runs",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("first_event", event, nullable=False, comment="the earliest of all"),
        sa.Column("start_event", event, comment="the earliest START"),
        sa.Column("end_event", event, comment="the latest COMPLETE, FAIL or ABORT"),
        sa.Column(
            "submitted_us", sa.BigInteger(), comment="as it was recorded; null: it was not yet"
        ),
        sa.Column("profile", sa.Text(), comment="actor and inputs that it was recorded with"),
        sa.Column(
            "is_pending",
            sa.Boolean(),
            nullable=False,
            comment="whether news are still to be recorded",
        ),
        sa.Column(
            "changed_at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "ingest_id",
            sa.BigInteger(),
            comment="the only ingest with events of it; null: not only",
        ),
        sa.PrimaryKeyConstraint("source", "namespace", "job", "run_id"),
        schema="runlore",
    )
    op.create_index(
        "lineage_runs_pending",
        "lineage_runs",
        ["changed_at"],
        schema="runlore",
        postgresql_where=sa.text("is_pending"),
    )
    op.create_index(
        "lineage_runs_by_ingest",
        "lineage_runs",
        ["ingest_id"],
        schema="runlore",
        postgresql_where=sa.text("ingest_id IS NOT NULL"),
    )
