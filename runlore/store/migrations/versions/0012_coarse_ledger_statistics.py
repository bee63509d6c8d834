"""Coarse statistics of the ledger's columns: an ANALYZE under load holds up answers."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = "at id spec version arm status as_of source source_id prediction low high error latency_ms"


def upgrade() -> None:
    actions = ", ".join(f'ALTER COLUMN "{name}" SET STATISTICS 10' for name in COLUMNS.split())
    op.execute(f"ALTER TABLE runlore.ledger {actions}")
