"""Who has opted out of what leaves a persona."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "opt_outs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("persona", sa.Text(), nullable=False, comment="an actor of executions"),
        sa.Column("is_out", sa.Boolean(), nullable=False, comment="false: opted in again"),
        sa.Column("actor", sa.Text(), nullable=False, comment="who said so"),
        sa.Column("reason", sa.Text(), nullable=False),
        schema="runlore",
    )
    op.create_index("opt_outs_by_persona", "opt_outs", ["persona", "id"], schema="runlore")
