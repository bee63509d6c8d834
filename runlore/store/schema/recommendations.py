"""The ledger of recommendations to projects, and what people decided about them."""

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

recommendations = Table(
    "recommendations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("issued_at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False, comment="who asked for it"),
    Column("project", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("input", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("action", Text, nullable=False, comment="use or avoid the value"),
    Column("measure", Text, nullable=False, comment="failures or duration"),
    Column("evidence", JSONB, nullable=False),
    CheckConstraint("action IN ('use', 'avoid')", name="known_action"),
    Index(
        "recommendations_once",
        "project",
        "kind",
        "input",
        "value",
        "action",
        "measure",
        unique=True,
    ),
)

recommendation_decisions = Table(
    "recommendation_decisions",
    metadata,
    Column(
        "recommendation_id",
        BigInteger,
        ForeignKey(recommendations.c.id),
        primary_key=True,
        autoincrement=False,
    ),
    Column("decided_at", INSTANT, nullable=False),
    Column("decision", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("decision IN ('follow', 'dismiss')", name="known_decision"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
recommendations.add_is_dependent_on(alias_changes)
for _table in (recommendations, recommendation_decisions):
    event.listen(_table, "after_create", DDL(ONLY_ADDED.format(table=_table.name)))  # type: ignore[no-untyped-call]
