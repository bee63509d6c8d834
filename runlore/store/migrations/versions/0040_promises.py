"""What was learned of logs to promise estimates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "promise_models",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("learned_at", INSTANT, nullable=False, comment="what was known then was used"),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("tasks", sa.Integer(), nullable=False, comment="with an outcome"),
        sa.Column("document", JSONB(), nullable=False, comment="all but the trees"),
        sa.Column("scores", JSONB(), nullable=False, comment="of all tasks tested, and by kind"),
        sa.Column(
            "chances",
            sa.LargeBinary(),
            nullable=False,
            comment="trees: an answer is within 15 %",
        ),
        sa.Column(
            "quantiles",
            sa.LargeBinary(),
            nullable=False,
            comment="trees: quantiles of the truth",
        ),
        schema="runlore",
    )
    op.create_index(
        "promise_models_by_time", "promise_models", ["measure", "learned_at"], schema="runlore"
    )
