"""Who has opted out of what leaves a persona, and who is in again."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Table, Text

from runlore.store.schema.names import INSTANT, metadata

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("known_at", INSTANT, nullable=False),
    Column("persona", Text, nullable=False, comment="an actor of executions"),
    Column("is_out", Boolean, nullable=False, comment="false: opted in again"),
    Column("actor", Text, nullable=False, comment="who said so"),
    Column("reason", Text, nullable=False),
    Index("opt_outs_by_persona", "persona", "id"),
)
