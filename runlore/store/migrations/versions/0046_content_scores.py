"""Scores of content, as they were given."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "content_scores",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("persona", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False, comment="model, replay or rules"),
        sa.Column("score", sa.Double(), nullable=False, comment="0 to 100"),
        sa.Column("low", sa.Double(), comment="of its place, 80 %; null: by rules"),
        sa.Column("high", sa.Double()),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("top_fifth", sa.Double(), comment="the promised chance; null: by rules"),
        sa.Column("success", sa.Double(), comment="the chance of success, where a version says it"),
        sa.Column("level", sa.Text(), comment="of the comparable posts"),
        sa.Column("posts", sa.Integer(), nullable=False, comment="comparable ones"),
        sa.Column("prediction_id", sa.Uuid(), comment="on the ledger; null: not from serving"),
        schema="runlore",
    )
    for name, columns in (("context", ["source", "source_id", "at"]), ("persona", ["persona", "at"])):
        op.create_index(f"content_scores_by_{name}", "content_scores", columns, schema="runlore")
