"""Rejects have a kind and may be judged again; ingests have warnings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    kind = sa.Column("kind", sa.Text(), comment="the reason with {} for the value of the row")
    due_at = sa.Column(
        "due_at", INSTANT, comment="when the row may be judged again; null: never"
    )
    warnings = sa.Column(
        "warnings",
        JSONB(),
        server_default=sa.text("'[]'::jsonb"),
        nullable=False,
        comment="what a person should know about its rows",
    )
    op.add_column("rejects", kind, schema="runlore")
    op.add_column("rejects", due_at, schema="runlore")
    op.add_column("ingests", warnings, schema="runlore")
