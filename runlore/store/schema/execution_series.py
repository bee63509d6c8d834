"""Which series are made from executions, and how far they reach."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Table, Text, func, text

from runlore.store.schema.names import INSTANT, metadata

execution_groups = Table(
    "execution_groups",
    metadata,
    Column("dimension", Text, primary_key=True, comment="kind, scope or actor; empty: all"),
    Column("label", Text, primary_key=True),
    Column("first_at", INSTANT, nullable=False, comment="from here on it has points"),
    Column("added_at", INSTANT, nullable=False, server_default=func.now()),
)

execution_series_cursor = Table(
    "execution_series_cursor",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("seq", BigInteger, nullable=False, comment="facts up to here are in the points"),
    Column("heard_at", INSTANT, nullable=False, comment="the newest instant of those facts"),
    Column("chosen_at", INSTANT, nullable=False, comment="when the groups were chosen"),
    Column("renewed_at", INSTANT, nullable=False, server_default=func.now()),
    CheckConstraint("single", name="one_row"),
)
