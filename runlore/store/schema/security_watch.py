"""How far the log was checked for security events."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Double, Table, text

from runlore.store.schema.names import INSTANT, metadata

security_watch = Table(
    "security_watch",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("seq", BigInteger, nullable=False, comment="facts up to here were checked"),
    Column("threshold", Double, comment="of how surprising a login is; null: still learning"),
    Column("threshold_at", INSTANT, comment="when the threshold was learned"),
    Column("checked_at", INSTANT, nullable=False),
    CheckConstraint("single", name="one_row"),
)
