"""Issued forecasts of series, and how right they were."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NUMBERS: sa.ARRAY[float] = sa.ARRAY(sa.Double())


def upgrade() -> None:
    op.create_table(
        "series_forecasts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column(
            "horizon_s",
            sa.Double(),
            nullable=False,
            comment="as asked; steps may reach further",
        ),
        sa.Column(
            "issued_at", INSTANT, nullable=False, comment="what was known then was used"
        ),
        sa.Column("starts_at", INSTANT, nullable=False, comment="of the first step"),
        sa.Column("ends_at", INSTANT, nullable=False, comment="of the last step"),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("value", NUMBERS, nullable=False, comment="by step; empty: it was refused"),
        sa.Column("low", NUMBERS, nullable=False),
        sa.Column("high", NUMBERS, nullable=False),
        sa.Column("baseline", NUMBERS, nullable=False, comment="the last season again"),
        sa.Column("weights", JSONB(), nullable=False, server_default=sa.text("'{}'")),
        sa.Column(
            "note",
            sa.Text(),
            nullable=False,
            server_default=sa.text("''"),
            comment="or why none is made",
        ),
        sa.Column("scored_at", INSTANT),
        sa.Column(
            "points", sa.Integer(), comment="steps that had a value when it was scored"
        ),
        sa.Column(
            "error", sa.Double(), comment="mean absolute; null: no step had a value"
        ),
        sa.Column("baseline_error", sa.Double()),
        sa.Column("inside", sa.Integer(), comment="of the points, how many the band held"),
        sa.UniqueConstraint("spec", "source", "name", "scope", "horizon_s", "issued_at"),
        schema="runlore",
    )
    op.create_index(
        "series_forecasts_unscored",
        "series_forecasts",
        ["ends_at"],
        schema="runlore",
        postgresql_where=sa.text("scored_at IS NULL AND cardinality(value) > 0"),
    )
