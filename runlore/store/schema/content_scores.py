"""Scores of content, as they were given."""

from sqlalchemy import BigInteger, Column, Double, Identity, Index, Integer, Table, Text, Uuid

from runlore.store.schema.names import INSTANT, metadata

content_scores = Table(
    "content_scores",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("persona", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("method", Text, nullable=False, comment="model, replay or rules"),
    Column("score", Double, nullable=False, comment="0 to 100"),
    Column("low", Double, comment="of its place, 80 %; null: by rules"),
    Column("high", Double),
    Column("confidence", Text, nullable=False),
    Column("top_fifth", Double, comment="the promised chance; null: by rules"),
    Column("success", Double, comment="the chance of success, where a version says it"),
    Column("level", Text, comment="of the comparable posts"),
    Column("posts", Integer, nullable=False, comment="comparable ones"),
    Column("prediction_id", Uuid, comment="on the ledger; null: not from serving"),
    Index("content_scores_by_context", "source", "source_id", "at"),
    Index("content_scores_by_persona", "persona", "at"),
)
