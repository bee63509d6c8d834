"""What expired of personal data, in counts."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "expired_data",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "days", sa.Integer(), nullable=False, comment="that data of the source were kept"
        ),
        sa.Column("submitted_before", INSTANT, nullable=False),
        sa.Column("executions", sa.BigInteger(), nullable=False, comment="facts about executions"),
        sa.Column("predictions", sa.BigInteger(), nullable=False, comment="rows of the ledger"),
        sa.Column(
            "rejects", sa.BigInteger(), nullable=False, comment="raw lines of rejected rows"
        ),
        sa.Column(
            "points",
            sa.BigInteger(),
            nullable=False,
            comment="of series of single actors' runs",
        ),
        schema="runlore",
    )
