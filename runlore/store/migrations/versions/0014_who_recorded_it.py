"""With which API key facts and answers came."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


COMMENTS = {
    "executions": "of the API key it came with; null: it came without one",
    "ledger": "of the API key that asked; null: it had none",
}


def upgrade() -> None:
    for table, comment in COMMENTS.items():
        column = sa.Column("key_id", sa.Text(), comment=comment)
        op.add_column(table, column, schema="runlore")
    op.execute("ALTER TABLE runlore.ledger ALTER COLUMN key_id SET STATISTICS 10")
