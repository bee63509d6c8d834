"""Advice to personas."""

from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

KNOWN = "subject_type IN ('actor', 'kind', 'scope', 'persona')"


def upgrade() -> None:
    op.drop_constraint("known_subject", "advice_ledger", schema="runlore", type_="check")
    op.create_check_constraint("known_subject", "advice_ledger", KNOWN, schema="runlore")
