"""The table of what people said about inputs that give the outcome away."""

from sqlalchemy import DDL, BigInteger, Column, Identity, Index, Table, Text, event

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

leak_decisions = Table(
    "leak_decisions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("spec", Text, nullable=False),
    Column("input", Text, nullable=False),
    Column("action", Text, nullable=False, comment="accept or withdraw; the latest one holds"),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("leak_decisions_by_input", "spec", "input", "id"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.leak_decisions
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
leak_decisions.add_is_dependent_on(alias_changes)
event.listen(leak_decisions, "after_create", DDL(ONLY_ADDED))  # type: ignore[no-untyped-call]
