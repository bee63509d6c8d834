"""The table of pools: each change is a row, so that what held at an instant is known."""

from sqlalchemy import DDL, BigInteger, Column, Identity, Index, Table, Text, event
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

pools = Table(
    "pools",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("recorded_at", INSTANT, nullable=False),
    Column("name", Text, nullable=False),
    Column("definition", JSONB, comment="null: the pool was removed"),
    Column("actor", Text, nullable=False),
    Index("pools_by_name", "name", "id"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.pools
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
pools.add_is_dependent_on(alias_changes)
event.listen(pools, "after_create", DDL(ONLY_ADDED))  # type: ignore[no-untyped-call]
