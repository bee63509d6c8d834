"""The table of plans that were made: which task runs where and when."""

from sqlalchemy import DDL, BigInteger, Column, Identity, Index, Table, Text, event
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

plans = Table(
    "plans",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("recorded_at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("plan", JSONB, nullable=False),
    Index("plans_by_time", "recorded_at"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.plans
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
plans.add_is_dependent_on(alias_changes)
event.listen(plans, "after_create", DDL(ONLY_ADDED))  # type: ignore[no-untyped-call]
