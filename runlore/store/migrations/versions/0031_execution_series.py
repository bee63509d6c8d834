"""Series are made from executions; what ended in an hour is found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "execution_groups",
        sa.Column("dimension", sa.Text(), comment="kind, scope or actor; empty: all"),
        sa.Column("label", sa.Text()),
        sa.Column(
            "first_at",
            sa.TIMESTAMP(timezone=True),
            nullable=False,
            comment="from here on it has points",
        ),
        sa.Column(
            "added_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("dimension", "label"),
        schema="runlore",
    )
    op.create_table(
        "execution_series_cursor",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true")),
        sa.Column(
            "seq", sa.BigInteger(), nullable=False, comment="facts up to here are in the points"
        ),
        sa.Column(
            "heard_at",
            sa.TIMESTAMP(timezone=True),
            nullable=False,
            comment="the newest instant of those facts",
        ),
        sa.Column(
            "chosen_at",
            sa.TIMESTAMP(timezone=True),
            nullable=False,
            comment="when the groups were chosen",
        ),
        sa.Column(
            "renewed_at", sa.TIMESTAMP(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint("single", name="one_row"),
        sa.PrimaryKeyConstraint("single"),
        schema="runlore",
    )
    for name, column in (("executions_by_submission", "submitted"), ("executions_by_end", "finished")):
        op.create_index(name, "executions", [column], schema="runlore", postgresql_using="brin")
    op.create_index(
        "withdrawn_executions_by_name",
        "withdrawn_executions",
        ["source", "source_id", "submitted"],
        schema="runlore",
    )
    for name, column in (
        ("withdrawn_executions_by_submission", "submitted"),
        ("withdrawn_executions_by_end", "finished"),
    ):
        op.create_index(
            name, "withdrawn_executions", [column], schema="runlore", postgresql_using="brin"
        )
