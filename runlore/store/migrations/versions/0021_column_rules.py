"""How the untyped columns of a source are read, as its first rows decided."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "column: how its untyped cells are read"
    column = sa.Column("column_rules", JSONB(), comment=comment)
    op.add_column("ingests", column, schema="runlore")
