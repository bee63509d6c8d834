"""How healthy everything and each scope was."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "health_readings",
        sa.Column("scope", sa.Text(), primary_key=True, comment="empty: everything"),
        sa.Column("at", INSTANT, primary_key=True, comment="what was known then was used"),
        sa.Column("status", sa.Text(), nullable=False, comment="predicted, base rate or unknown"),
        sa.Column(
            "health",
            sa.Double(),
            comment="probability of no more failures than usual; null: unknown",
        ),
        sa.Column("low", sa.Double()),
        sa.Column("high", sa.Double()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "states", JSONB(), nullable=False, comment="part -> 0: usual, 1 and more: stands out"
        ),
        schema="runlore",
    )
    op.create_index("health_readings_by_time", "health_readings", ["at"], schema="runlore")
