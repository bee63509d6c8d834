"""Anomalies that somebody has said are none."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.anomaly_dismissals
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""


def upgrade() -> None:
    op.create_table(
        "anomaly_dismissals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("known_at", INSTANT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False, comment="of the point"),
        sa.Column(
            "direction",
            sa.SmallInteger(),
            nullable=False,
            comment="1: above what was expected; -1",
        ),
        sa.Column(
            "size", sa.Double(), nullable=False, comment="distance from what was expected"
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        schema="runlore",
    )
    op.create_index(
        "anomaly_dismissals_by_series",
        "anomaly_dismissals",
        ["source", "name", "scope"],
        schema="runlore",
    )
    op.execute(ONLY_ADDED)
