"""What all tables share."""

from sqlalchemy import DateTime, MetaData, text

SCHEMA = "runlore"
PARTITIONED = {"executions": "submitted", "metrics": "at", "ledger": "at"}
"""Partitioned table -> its range column."""

metadata = MetaData(schema=SCHEMA)

INSTANT = DateTime(timezone=True)
EMPTY_OBJECT = text("'{}'::jsonb")
