"""The table of what was learned of logs to promise estimates."""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import INSTANT, metadata

promise_models = Table(
    "promise_models",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("learned_at", INSTANT, nullable=False, comment="what was known then was used"),
    Column("measure", Text, nullable=False),
    Column("tasks", Integer, nullable=False, comment="with an outcome"),
    Column("document", JSONB, nullable=False, comment="all but the trees"),
    Column("scores", JSONB, nullable=False, comment="of all tasks tested, and by kind"),
    Column("chances", LargeBinary, nullable=False, comment="trees: an answer is within 15 %"),
    Column("quantiles", LargeBinary, nullable=False, comment="trees: quantiles of the truth"),
    Index("promise_models_by_time", "measure", "learned_at"),
)
