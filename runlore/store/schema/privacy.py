"""Privacy budgets by month and persona, what was spent of them, and the answers that it bought."""

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

ZERO = text("0")

privacy_budgets = Table(
    "privacy_budgets",
    metadata,
    Column("period", Date, primary_key=True, comment="the first day of a month, UTC"),
    Column("persona", Text, primary_key=True, comment="empty: what is asked of all personas"),
    Column("rho_granted", BigInteger, nullable=False, comment="in 1e-12"),
    Column("rho_spent", BigInteger, nullable=False, server_default=ZERO),
    Column("delta_granted", BigInteger, nullable=False, comment="in 1e-15"),
    Column("delta_spent", BigInteger, nullable=False, server_default=ZERO),
    CheckConstraint("rho_spent BETWEEN 0 AND rho_granted", name="rho_within_budget"),
    CheckConstraint("delta_spent BETWEEN 0 AND delta_granted", name="delta_within_budget"),
)

privacy_spends = Table(
    "privacy_spends",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("period", Date, nullable=False),
    Column("spent_at", INSTANT, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("query", Text, nullable=False, comment="what was asked, in one spelling"),
    Column("rho", BigInteger, nullable=False, comment="of each persona, in 1e-12"),
    Column("delta", BigInteger, nullable=False, comment="of each persona, in 1e-15"),
    CheckConstraint("rho > 0 AND delta >= 0", name="a_loss"),
    Index("privacy_spends_by_period", "period", "id"),
)

privacy_answers = Table(
    "privacy_answers",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("spend_id", BigInteger, ForeignKey(privacy_spends.c.id), nullable=False),
    Column("platform", Text, nullable=False, comment="empty: all"),
    Column("days", Integer, nullable=False),
    Column("data_until", INSTANT, nullable=False, comment="what was known then"),
    Column("answered_at", INSTANT, nullable=False),
    Column("release", JSONB, nullable=False, comment="noisy numbers alone"),
    Index("privacy_answers_by_question", "platform", "days", "data_until", unique=True),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
privacy_spends.add_is_dependent_on(alias_changes)
for _table in (privacy_spends, privacy_answers):
    event.listen(_table, "after_create", DDL(ONLY_ADDED.format(table=_table.name)))  # type: ignore[no-untyped-call]
