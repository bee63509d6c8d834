"""Federated trainings: what was asked, who took part, what was released, and what came of it."""

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.answers import alias_changes
from runlore.store.schema.names import INSTANT, metadata

federated_trainings = Table(
    "federated_trainings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("requested_at", INSTANT, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("as_of", INSTANT, nullable=False, comment="posts as known then"),
    Column("policy", JSONB, nullable=False),
)

federated_states = Table(
    "federated_states",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("training_id", BigInteger, ForeignKey(federated_trainings.c.id), nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, comment="noisy numbers alone"),
    Column("version", Text, comment="in the registry, once there is one"),
    CheckConstraint(
        "state IN ('requested', 'running', 'done', 'refused', 'failed')", name="known_state"
    ),
    Index("federated_states_by_training", "training_id", "id"),
)

federated_releases = Table(
    "federated_releases",
    metadata,
    Column("training_id", BigInteger, ForeignKey(federated_trainings.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="0: the counts"),
    Column("part", Text, nullable=False, comment="opening, mean, round or closing"),
    Column("rho", BigInteger, nullable=False, comment="in 1e-12; charged at the opening"),
    Column("released_at", INSTANT, nullable=False),
    Column("document", JSONB, nullable=False, comment="noisy numbers alone"),
)

federated_clients = Table(
    "federated_clients",
    metadata,
    Column("training_id", BigInteger, ForeignKey(federated_trainings.c.id), primary_key=True),
    Column("persona", Text, primary_key=True, comment="charged, whether it stays or not"),
    Column("ended_at_round", Integer, comment="of the first refusal, or when it left"),
    Column("reason", Text, comment="why it was refused, or left"),
    Index("federated_clients_by_persona", "persona"),
)

ONLY_ADDED = """
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""
for _table in (federated_trainings, federated_states, federated_releases):
    _table.add_is_dependent_on(alias_changes)
    event.listen(_table, "after_create", DDL(ONLY_ADDED.format(table=_table.name)))  # type: ignore[no-untyped-call]
