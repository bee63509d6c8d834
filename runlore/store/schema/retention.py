"""What expired of personal data, in counts."""

from sqlalchemy import BigInteger, Column, Identity, Integer, Table, Text

from runlore.store.schema.names import INSTANT, metadata

expired_data = Table(
    "expired_data",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("source", Text, nullable=False),
    Column("days", Integer, nullable=False, comment="that data of the source were kept"),
    Column("submitted_before", INSTANT, nullable=False),
    Column("executions", BigInteger, nullable=False, comment="facts about executions"),
    Column("predictions", BigInteger, nullable=False, comment="rows of the ledger"),
    Column("rejects", BigInteger, nullable=False, comment="raw lines of rejected rows"),
    Column("points", BigInteger, nullable=False, comment="of series of single actors' runs"),
)
