"""The table of issued forecasts: what was said of each series, and how right it was."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import EMPTY_OBJECT, INSTANT, metadata

series_forecasts = Table(
    "series_forecasts",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("spec", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("horizon_s", Double, nullable=False, comment="as asked; steps may reach further"),
    Column("issued_at", INSTANT, nullable=False, comment="what was known then was used"),
    Column("starts_at", INSTANT, nullable=False, comment="of the first step"),
    Column("ends_at", INSTANT, nullable=False, comment="of the last step"),
    Column("step_s", Integer, nullable=False),
    Column("level", Double, nullable=False),
    Column("value", ARRAY(Double), nullable=False, comment="by step; empty: it was refused"),
    Column("low", ARRAY(Double), nullable=False),
    Column("high", ARRAY(Double), nullable=False),
    Column("baseline", ARRAY(Double), nullable=False, comment="the last season again"),
    Column("weights", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("note", Text, nullable=False, server_default=text("''"), comment="or why none is made"),
    Column("scored_at", INSTANT),
    Column("points", Integer, comment="steps that had a value when it was scored"),
    Column("error", Double, comment="mean absolute; null: no step had a value"),
    Column("baseline_error", Double),
    Column("inside", Integer, comment="of the points, how many the band held"),
    Column(
        "version", Text, nullable=False, server_default=text("''"), comment="empty: chosen anew"
    ),
    UniqueConstraint("spec", "source", "name", "scope", "horizon_s", "issued_at"),
    Index(
        "series_forecasts_unscored",
        "ends_at",
        postgresql_where=text("scored_at IS NULL AND cardinality(value) > 0"),
    ),
)
