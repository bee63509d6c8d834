"""Requests to erase a persona."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="who asked for it"),
        sa.Column("pseudonym", sa.Text(), comment="to go on after a crash; null once it is done"),
        sa.Column(
            "steps",
            JSONB(),
            nullable=False,
            server_default=sa.text("'{}'::jsonb"),
            comment="step -> counts",
        ),
        sa.Column("finished_at", INSTANT),
        schema="runlore",
    )
    op.create_index(
        "erasures_open",
        "erasures",
        ["pseudonym"],
        unique=True,
        schema="runlore",
        postgresql_where=sa.text("finished_at IS NULL"),
    )
