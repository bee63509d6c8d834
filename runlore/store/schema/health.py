"""The table of health: how it was, each time that it was measured."""

from sqlalchemy import Column, Double, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import INSTANT, metadata

health_readings = Table(
    "health_readings",
    metadata,
    Column("scope", Text, primary_key=True, comment="empty: everything"),
    Column("at", INSTANT, primary_key=True, comment="what was known then was used"),
    Column("status", Text, nullable=False, comment="predicted, base rate or unknown"),
    Column("health", Double, comment="probability of no more failures than usual; null: unknown"),
    Column("low", Double),
    Column("high", Double),
    Column("reason", Text, nullable=False),
    Column("states", JSONB, nullable=False, comment="part -> 0: usual, 1 and more: stands out"),
    Index("health_readings_by_time", "at"),
)
