"""Units of an A/B test that met more than one variant are marked."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column(
        "crossed_at",
        sa.DateTime(timezone=True),
        comment="when it met another variant first; null: it did not",
    )
    op.add_column("ab_units", column, schema="runlore")
