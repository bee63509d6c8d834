"""No statistics of the ledger's columns that nothing is looked up by."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("features", "reasons", "request"):
        op.execute(f"ALTER TABLE runlore.ledger ALTER COLUMN {column} SET STATISTICS 0")
