"""The ledger of advice: what was advised, decided, looked at, and what came of it."""

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

advice_ledger = Table(
    "advice_ledger",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("issued_at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False, comment="who asked for it"),
    Column("subject_type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="whose runs; empty: of all kinds"),
    Column("lever", Text, nullable=False, comment="what to change: hour, host, input:NAME, …"),
    Column("value", Text, nullable=False),
    Column("action", Text, nullable=False, comment="use or avoid the value"),
    Column("measure", Text, nullable=False, comment="failures or duration"),
    Column("evidence", JSONB, nullable=False),
    CheckConstraint("action IN ('use', 'avoid')", name="known_action"),
    CheckConstraint("subject_type IN ('actor', 'kind', 'scope', 'persona')", name="known_subject"),
    Index(
        "advice_once",
        "subject_type",
        "subject",
        "kind",
        "lever",
        "value",
        "action",
        "measure",
        unique=True,
    ),
)

advice_decisions = Table(
    "advice_decisions",
    metadata,
    Column(
        "advice_id",
        BigInteger,
        ForeignKey(advice_ledger.c.id),
        primary_key=True,
        autoincrement=False,
    ),
    Column("decision", Text, primary_key=True),
    Column("decided_at", INSTANT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    CheckConstraint("decision IN ('follow', 'dismiss', 'withdraw')", name="known_decision"),
    Index(
        "advice_decided_once",
        "advice_id",
        unique=True,
        postgresql_where=text("decision IN ('follow', 'dismiss')"),
    ),
)

advice_looks = Table(
    "advice_looks",
    metadata,
    Column("subject_type", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("look", Integer, primary_key=True, autoincrement=False, comment="counts from 1"),
    Column("looked_at", INSTANT, nullable=False),
    Column("runs", BigInteger, nullable=False, comment="finished then"),
    Column("compared", Integer, nullable=False),
    Column("alpha", Double, nullable=False),
    Column("reason", Text, nullable=False, comment="why nothing held; else empty"),
)

advice_scores = Table(
    "advice_scores",
    metadata,
    Column(
        "advice_id",
        BigInteger,
        ForeignKey(advice_ledger.c.id),
        primary_key=True,
        autoincrement=False,
    ),
    Column("scored_at", INSTANT, primary_key=True),
    Column("score", JSONB, nullable=False, comment="runs since then that did it, and did not"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
advice_ledger.add_is_dependent_on(alias_changes)
advice_looks.add_is_dependent_on(alias_changes)
for _table in (advice_ledger, advice_decisions, advice_looks, advice_scores):
    event.listen(_table, "after_create", DDL(ONLY_ADDED.format(table=_table.name)))  # type: ignore[no-untyped-call]
