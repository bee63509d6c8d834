"""How many rows of a log are no executions of their own, by reason."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column(
        "rows_skipped",
        JSONB(),
        server_default=sa.text("'{}'::jsonb"),
        nullable=False,
        comment="reason: how many rows are no executions of their own",
    )
    op.add_column("ingests", column, schema="runlore")
