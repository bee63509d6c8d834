"""Plans that were made: which task runs where and when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.plans
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("plan", JSONB(), nullable=False),
        schema="runlore",
    )
    op.create_index("plans_by_time", "plans", ["recorded_at"], schema="runlore")
    op.execute(ONLY_ADDED)
