"""Recommendations to projects, and decisions about them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
ONCE = ["project", "kind", "input", "value", "action", "measure"]


def upgrade() -> None:
    op.create_table(
        "recommendations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="who asked for it"),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="use or avoid the value"),
        sa.Column("measure", sa.Text(), nullable=False, comment="failures or duration"),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.CheckConstraint("action IN ('use', 'avoid')", name="known_action"),
        schema="runlore",
    )
    op.create_index("recommendations_once", "recommendations", ONCE, schema="runlore", unique=True)
    op.create_table(
        "recommendation_decisions",
        sa.Column(
            "recommendation_id",
            sa.BigInteger(),
            sa.ForeignKey("runlore.recommendations.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("decision IN ('follow', 'dismiss')", name="known_decision"),
        schema="runlore",
    )
    for table in ("recommendations", "recommendation_decisions"):
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}"
            " FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();"
        )
