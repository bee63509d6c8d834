"""Answers on the ledger say how much of the request was known, and which quantiles were given."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    support = sa.Column(
        "support", sa.Text(), comment="how much of the request was known: none, little or good"
    )
    quantiles = sa.Column(
        "quantiles", JSONB(), comment="level -> value, where quantiles were asked for"
    )
    for column in (support, quantiles):
        op.add_column("ledger", column, schema="runlore")
    op.execute(
        "ALTER TABLE runlore.ledger ALTER COLUMN support SET STATISTICS 10,"
        " ALTER COLUMN quantiles SET STATISTICS 0"
    )
