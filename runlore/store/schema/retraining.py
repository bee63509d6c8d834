"""The tables of retrainings: who requested each one, and the states that it went through."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

retrainings = Table(
    "retrainings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("spec", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause", Text, comment="one asks once; NULL for a person"),
    Column("batch", Text, nullable=False, comment="digest of the facts there were, and the spec"),
    Column("until_seq", BigInteger, nullable=False, comment="the last of these facts"),
    Column("new_labels", BigInteger, nullable=False),
    Column("evidence", JSONB, nullable=False),
    UniqueConstraint("spec", "trigger", "cause"),
    Index("retrainings_by_spec", "spec", "id"),
)

retraining_states = Table(
    "retraining_states",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("retraining_id", BigInteger, ForeignKey(retrainings.c.id), nullable=False, index=True),
    Column("at", INSTANT, nullable=False),
    Column("written_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("batch", Text, comment="the facts that have taught, once they have"),
    Column("evidence", JSONB, nullable=False),
    Index("retraining_batches", "batch", unique=True, postgresql_where=text("batch IS NOT NULL")),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{}
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
for _table in (retrainings, retraining_states):
    _table.add_is_dependent_on(alias_changes)
    event.listen(_table, "after_create", DDL(ONLY_ADDED.format(_table.name)))  # type: ignore[no-untyped-call]
