"""Requests for a training, and what became of each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(astext_type=sa.Text())
ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{}
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""


def upgrade() -> None:
    requests()
    states()
    for table in ("retrainings", "retraining_states"):
        op.execute(ONLY_ADDED.format(table))


def requests() -> None:
    op.create_table(
        "retrainings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), comment="one asks once; NULL for a person"),
        sa.Column(
            "batch",
            sa.Text(),
            nullable=False,
            comment="digest of the facts there were, and the spec",
        ),
        sa.Column("until_seq", sa.BigInteger(), nullable=False, comment="the last of these facts"),
        sa.Column("new_labels", sa.BigInteger(), nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("spec", "trigger", "cause"),
        schema="runlore",
    )
    op.create_index("retrainings_by_spec", "retrainings", ["spec", "id"], schema="runlore")


def states() -> None:
    op.create_table(
        "retraining_states",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("retraining_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column(
            "written_at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("batch", sa.Text(), comment="the facts that have taught, once they have"),
        sa.Column("evidence", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["retraining_id"], ["runlore.retrainings.id"]),
        schema="runlore",
    )
    op.create_index(
        "ix_runlore_retraining_states_retraining_id",
        "retraining_states",
        ["retraining_id"],
        schema="runlore",
    )
    op.create_index(
        "retraining_batches",
        "retraining_states",
        ["batch"],
        unique=True,
        schema="runlore",
        postgresql_where=sa.text("batch IS NOT NULL"),
    )
