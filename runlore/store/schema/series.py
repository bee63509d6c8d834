"""The catalog of series: which there are in `metrics`, and what they measure."""

from sqlalchemy import BigInteger, Column, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import EMPTY_OBJECT, INSTANT, metadata

series = Table(
    "series",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("labels", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("unit", Text, nullable=False, server_default=text("''")),
    Column("kind", Text, nullable=False, server_default=text("'gauge'"), comment="or counter"),
    Column("first_at", INSTANT, comment="of its first point"),
    Column("last_at", INSTANT, comment="of its newest point"),
    Column(
        "points",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="instants with a value",
    ),
)
