"""Requests to erase a persona: what was done of them, in counts; the name is never in it."""

from sqlalchemy import BigInteger, Column, Identity, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import EMPTY_OBJECT, INSTANT, metadata

erasures = Table(
    "erasures",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("requested_at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False, comment="who asked for it"),
    Column("pseudonym", Text, comment="to go on after a crash; null once it is done"),
    Column("steps", JSONB, nullable=False, server_default=EMPTY_OBJECT, comment="step -> counts"),
    Column("finished_at", INSTANT),
    Index("erasures_open", "pseudonym", unique=True, postgresql_where=text("finished_at IS NULL")),
)
