"""Dismissals of anomalies that were taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.dismissal_undos
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""


def upgrade() -> None:
    op.create_table(
        "dismissal_undos",
        sa.Column(
            "dismissal_id",
            sa.BigInteger(),
            sa.ForeignKey("runlore.anomaly_dismissals.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("known_at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        schema="runlore",
    )
    op.execute(ONLY_ADDED)
