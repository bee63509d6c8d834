"""What all tables share."""

from sqlalchemy import DateTime, MetaData, text

SCHEMA = "runlore"
PARTITIONED = {"executions": "submitted", "metrics": "at", "ledger": "at"}
"""Partitioned table -> its range column."""

UNMEASURED = {"ledger": ("features", "reasons", "request")}
"""Partitioned table -> wide columns that nothing is looked up by. Statistics of them would take
most of an ANALYZE, which holds up answers."""

metadata = MetaData(schema=SCHEMA)

INSTANT = DateTime(timezone=True)
EMPTY_OBJECT = text("'{}'::jsonb")
