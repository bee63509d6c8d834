"""Histograms of slices of time, that windows are added up from."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
SLICE = ("spec", "version", "length_us", "starts_at")


def _slice() -> list[sa.Column[Any]]:
    return [
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("length_us", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "drift_slices",
        *_slice(),
        sa.Column(
            "bins",
            sa.Text(),
            nullable=False,
            comment="digest of the bins and the model it is about",
        ),
        sa.Column(
            "rows", sa.BigInteger(), nullable=False, comment="executions that became known in it"
        ),
        sa.Column(
            "until_seq", sa.BigInteger(), nullable=False, comment="facts up to here were looked at"
        ),
        sa.Column(
            "facts",
            sa.BigInteger(),
            nullable=False,
            comment="how many of the last of them there were",
        ),
        sa.Column("counted_at", INSTANT, nullable=False),
        sa.Column(
            "sample_at_us",
            postgresql.ARRAY(sa.BigInteger()),
            nullable=True,
            comment="of the rows of the sample",
        ),
        sa.Column(
            "sample",
            sa.LargeBinary(),
            nullable=True,
            comment="rows to draw: float32, little-endian, row by row",
        ),
        sa.PrimaryKeyConstraint(*SLICE),
        schema="runlore",
    )
    op.create_table(
        "drift_histograms",
        *_slice(),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column(
            "counts",
            postgresql.ARRAY(sa.BigInteger()),
            nullable=False,
            comment="by bin of the reference",
        ),
        sa.Column(
            "sums",
            postgresql.ARRAY(sa.Double()),
            nullable=False,
            comment="of the values in each bin",
        ),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("known", sa.BigInteger(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("deviations", sa.Double(), nullable=False, comment="sum of their squares"),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            SLICE, [f"runlore.drift_slices.{name}" for name in SLICE], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(*SLICE, "column_name"),
        schema="runlore",
    )
