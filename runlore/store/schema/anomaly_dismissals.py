"""The table of anomalies that somebody has said are none."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Double,
    Identity,
    Index,
    SmallInteger,
    Table,
    Text,
    event,
)

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

anomaly_dismissals = Table(
    "anomaly_dismissals",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("known_at", INSTANT, nullable=False),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("at", INSTANT, nullable=False, comment="of the point"),
    Column("direction", SmallInteger, nullable=False, comment="1: above what was expected; -1"),
    Column("size", Double, nullable=False, comment="distance from what was expected"),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("anomaly_dismissals_by_series", "source", "name", "scope"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.anomaly_dismissals
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
anomaly_dismissals.add_is_dependent_on(alias_changes)
event.listen(anomaly_dismissals, "after_create", DDL(ONLY_ADDED))  # type: ignore[no-untyped-call]
