"""The catalog of series: which there are in `metrics`, and what they measure."""

from sqlalchemy import BigInteger, Column, Computed, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import EMPTY_OBJECT, metadata

FINGERPRINT = (
    r"hashtextextended(source || E'\x1f' || name || E'\x1f' || scope || E'\x1f' || kind"
    r" || E'\x1f' || unit, 0)"
)

series = Table(
    "series",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("labels", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("unit", Text, nullable=False, server_default=text("''")),
    Column("kind", Text, nullable=False, server_default=text("'gauge'"), comment="or counter"),
    Column(
        "fingerprint",
        BigInteger,
        Computed(FINGERPRINT, persisted=True),
        comment="of its key, kind and unit; two series may have the same",
    ),
    Index("series_by_fingerprint", "fingerprint"),
)
