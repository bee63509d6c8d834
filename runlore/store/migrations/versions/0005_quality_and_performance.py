"""What was found of batches of data, and how good answers were, window by window."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "data_checks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False, comment="whose contract it was"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="training or window"),
        sa.Column("batch_from", INSTANT, nullable=False),
        sa.Column("batch_to", INSTANT, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("verdict", postgresql.JSONB(), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=True, comment="who let it pass nevertheless"),
        sa.Column("accepted_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index("data_checks_by_spec", "data_checks", ["spec", "at"], schema="runlore")
    op.create_table(
        "performance_results",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", INSTANT, nullable=False, comment="labels known by then counted"),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("window_from", INSTANT, nullable=False),
        sa.Column("window_to", INSTANT, nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("labelled", sa.Integer(), nullable=False),
        sa.Column("maturity", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False, comment="realised or estimated"),
        sa.Column("score", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index(
        "performance_results_by_spec",
        "performance_results",
        ["spec", "version", "window_to"],
        schema="runlore",
    )
