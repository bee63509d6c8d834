"""How far the log was checked for security events."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "security_watch",
        sa.Column("single", sa.Boolean(), server_default=sa.text("true"), primary_key=True),
        sa.Column(
            "seq", sa.BigInteger(), nullable=False, comment="facts up to here were checked"
        ),
        sa.Column(
            "threshold", sa.Double(), comment="of how surprising a login is; null: still learning"
        ),
        sa.Column("threshold_at", INSTANT, comment="when the threshold was learned"),
        sa.Column("checked_at", INSTANT, nullable=False),
        sa.CheckConstraint("single", name="one_row"),
        schema="runlore",
    )
