"""What people said about inputs that give the outcome away."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.leak_decisions
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""


def upgrade() -> None:
    op.create_table(
        "leak_decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column(
            "action",
            sa.Text(),
            nullable=False,
            comment="accept or withdraw; the latest one holds",
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index(
        "leak_decisions_by_input", "leak_decisions", ["spec", "input", "id"], schema="runlore"
    )
    op.execute(ONLY_ADDED)
