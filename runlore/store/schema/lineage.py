"""The table of runs that OpenLineage events tell of."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, func, text

from runlore.store.schema.names import INSTANT, metadata

# Events are texts that begin with their time, in the order of their bytes: the earliest of several
# is the smallest.
EVENT = Text(collation="C")

lineage_runs = Table(
    "lineage_runs",
    metadata,
    Column("source", Text, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("job", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("first_event", EVENT, nullable=False, comment="the earliest of all"),
    Column("start_event", EVENT, comment="the earliest START"),
    Column("end_event", EVENT, comment="the latest COMPLETE, FAIL or ABORT"),
    Column("submitted_us", BigInteger, comment="as it was recorded; null: it was not yet"),
    Column("profile", Text, comment="actor and inputs that it was recorded with"),
    Column("is_pending", Boolean, nullable=False, comment="whether news are still to be recorded"),
    Column("changed_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("ingest_id", BigInteger, comment="the only ingest with events of it; null: not only"),
    Index("lineage_runs_pending", "changed_at", postgresql_where=text("is_pending")),
    Index("lineage_runs_by_ingest", "ingest_id", postgresql_where=text("ingest_id IS NOT NULL")),
)
