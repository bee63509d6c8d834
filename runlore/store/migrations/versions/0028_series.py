"""A catalog of the series that have points, filled from the points there are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
FILL = """
INSERT INTO runlore.series (source, name, scope, first_at, last_at, points)
SELECT source, name, scope, min(at), max(at), count(*) FILTER (WHERE revision = 0)
FROM runlore.metrics GROUP BY source, name, scope
"""


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("source", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("scope", sa.Text(), primary_key=True),
        sa.Column("labels", JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("unit", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            server_default=sa.text("'gauge'"),
            comment="or counter",
        ),
        sa.Column("first_at", INSTANT, comment="of its first point"),
        sa.Column("last_at", INSTANT, comment="of its newest point"),
        sa.Column(
            "points",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("0"),
            comment="instants with a value",
        ),
        schema="runlore",
    )
    op.execute(FILL)
