"""Advice, decisions about it, looks, and what came of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
ONCE = ["subject_type", "subject", "kind", "lever", "value", "action", "measure"]
LEVER = "what to change: hour, host, input:NAME, …"


def upgrade() -> None:
    op.create_table(
        "advice_ledger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="who asked for it"),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="whose runs; empty: of all kinds"),
        sa.Column("lever", sa.Text(), nullable=False, comment=LEVER),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False, comment="use or avoid the value"),
        sa.Column("measure", sa.Text(), nullable=False, comment="failures or duration"),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.CheckConstraint("action IN ('use', 'avoid')", name="known_action"),
        sa.CheckConstraint("subject_type IN ('actor', 'kind', 'scope')", name="known_subject"),
        schema="runlore",
    )
    op.create_index("advice_once", "advice_ledger", ONCE, schema="runlore", unique=True)
    _create_decisions()
    _create_looks()
    op.create_table(
        "advice_scores",
        _advice_id(),
        sa.Column("scored_at", INSTANT, primary_key=True),
        sa.Column(
            "score", JSONB(), nullable=False, comment="runs since then that did it, and did not"
        ),
        schema="runlore",
    )
    for table in ("advice_ledger", "advice_decisions", "advice_looks", "advice_scores"):
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}"
            " FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();"
        )


def _advice_id() -> sa.Column[int]:
    key = sa.ForeignKey("runlore.advice_ledger.id")
    return sa.Column("advice_id", sa.BigInteger(), key, primary_key=True, autoincrement=False)


def _create_decisions() -> None:
    op.create_table(
        "advice_decisions",
        _advice_id(),
        sa.Column("decision", sa.Text(), primary_key=True),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "decision IN ('follow', 'dismiss', 'withdraw')", name="known_decision"
        ),
        schema="runlore",
    )
    op.create_index(
        "advice_decided_once",
        "advice_decisions",
        ["advice_id"],
        schema="runlore",
        unique=True,
        postgresql_where=sa.text("decision IN ('follow', 'dismiss')"),
    )


def _create_looks() -> None:
    op.create_table(
        "advice_looks",
        sa.Column("subject_type", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("look", sa.Integer(), primary_key=True, autoincrement=False, comment="counts from 1"),
        sa.Column("looked_at", INSTANT, nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False, comment="finished then"),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("alpha", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why nothing held; else empty"),
        schema="runlore",
    )
