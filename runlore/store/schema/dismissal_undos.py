"""The table of dismissals that were taken back."""

from sqlalchemy import DDL, BigInteger, Column, ForeignKey, Table, Text, event

from runlore.store.schema.anomaly_dismissals import anomaly_dismissals
from runlore.store.schema.names import INSTANT, metadata

dismissal_undos = Table(
    "dismissal_undos",
    metadata,
    Column(
        "dismissal_id",
        BigInteger,
        ForeignKey(anomaly_dismissals.c.id),
        primary_key=True,
        autoincrement=False,
    ),
    Column("known_at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.dismissal_undos
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
event.listen(dismissal_undos, "after_create", DDL(ONLY_ADDED))  # type: ignore[no-untyped-call]
