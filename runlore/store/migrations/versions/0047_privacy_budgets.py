"""Privacy budgets, what was spent of them, and the answers that it bought."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
ZERO = sa.text("0")


def upgrade() -> None:
    op.create_table(
        "privacy_budgets",
        sa.Column("period", sa.Date(), primary_key=True, comment="the first day of a month, UTC"),
        sa.Column("persona", sa.Text(), primary_key=True, comment="empty: what is asked of all personas"),
        sa.Column("rho_granted", sa.BigInteger(), nullable=False, comment="in 1e-12"),
        sa.Column("rho_spent", sa.BigInteger(), nullable=False, server_default=ZERO),
        sa.Column("delta_granted", sa.BigInteger(), nullable=False, comment="in 1e-15"),
        sa.Column("delta_spent", sa.BigInteger(), nullable=False, server_default=ZERO),
        sa.CheckConstraint("rho_spent BETWEEN 0 AND rho_granted", name="rho_within_budget"),
        sa.CheckConstraint("delta_spent BETWEEN 0 AND delta_granted", name="delta_within_budget"),
        schema="runlore",
    )
    op.create_table(
        "privacy_spends",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("period", sa.Date(), nullable=False),
        sa.Column("spent_at", INSTANT, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False, comment="what was asked, in one spelling"),
        sa.Column("rho", sa.BigInteger(), nullable=False, comment="of each persona, in 1e-12"),
        sa.Column("delta", sa.BigInteger(), nullable=False, comment="of each persona, in 1e-15"),
        sa.CheckConstraint("rho > 0 AND delta >= 0", name="a_loss"),
        schema="runlore",
    )
    op.create_index("privacy_spends_by_period", "privacy_spends", ["period", "id"], schema="runlore")
    _create_answers()
    for table in ("privacy_spends", "privacy_answers"):
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}"
            " FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();"
        )


def _create_answers() -> None:
    op.create_table(
        "privacy_answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column(
            "spend_id", sa.BigInteger(), sa.ForeignKey("runlore.privacy_spends.id"), nullable=False
        ),
        sa.Column("platform", sa.Text(), nullable=False, comment="empty: all"),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("data_until", INSTANT, nullable=False, comment="what was known then"),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column("release", JSONB(), nullable=False, comment="noisy numbers alone"),
        schema="runlore",
    )
    op.create_index(
        "privacy_answers_by_question",
        "privacy_answers",
        ["platform", "days", "data_until"],
        schema="runlore",
        unique=True,
    )
