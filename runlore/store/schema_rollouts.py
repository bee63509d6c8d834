"""The tables of rollouts: what was started, and every decision with what it was made on."""

from sqlalchemy import (
    ARRAY,
    DDL,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    event,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema import INSTANT, alias_changes, metadata

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("spec", Text, nullable=False),
    Column("champion", Text, nullable=False, comment="the version that is compared with"),
    Column("challenger", Text, nullable=False, comment="the version that climbs"),
    Column("unit", Text, nullable=False, comment="what is assigned to an arm"),
    Column("policy", JSONB, nullable=False, comment="the rule, written down before the first unit"),
    Column("outcome_due_s", Integer, nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Index("rollouts_of_spec", "spec", "id"),
)

rollout_decisions = Table(
    "rollout_decisions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("rollout_id", BigInteger, ForeignKey(rollouts.c.id), nullable=False),
    Column("at", INSTANT, nullable=False, comment="what was known then was decided on"),
    Column("written_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("action", Text, nullable=False),
    Column("step", Integer, nullable=False, comment="percent from now on"),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("is_alert", Boolean, nullable=False, comment="a person should look"),
    Column("actor", Text, nullable=False),
    Column("ordered", Text, comment="what a person wanted; null: the rule decided"),
    Column("evidence", JSONB, nullable=False),
    Column("readings", JSONB, nullable=False, comment="each metric's intervals; the sample ratio"),
    Column("change_id", BigInteger, ForeignKey(alias_changes.c.id), comment="what it changed"),
    Index("rollout_decisions_in_order", "rollout_id", "id"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{}
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
for _table in (rollouts, rollout_decisions):
    _table.add_is_dependent_on(alias_changes)
    event.listen(_table, "after_create", DDL(ONLY_ADDED.format(_table.name)))  # type: ignore[no-untyped-call]
