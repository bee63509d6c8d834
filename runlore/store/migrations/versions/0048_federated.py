"""Federated trainings: requests, personas that took part, releases and states."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "federated_trainings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("requested_at", INSTANT, nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("as_of", INSTANT, nullable=False, comment="posts as known then"),
        sa.Column("policy", JSONB(), nullable=False),
        schema="runlore",
    )
    op.create_table(
        "federated_states",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("training_id", sa.BigInteger(), _of_training(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="noisy numbers alone"),
        sa.Column("version", sa.Text(), comment="in the registry, once there is one"),
        sa.CheckConstraint(
            "state IN ('requested', 'running', 'done', 'refused', 'failed')", name="known_state"
        ),
        schema="runlore",
    )
    op.create_index(
        "federated_states_by_training", "federated_states", ["training_id", "id"], schema="runlore"
    )
    op.create_table(
        "federated_releases",
        sa.Column("training_id", sa.BigInteger(), _of_training(), primary_key=True),
        sa.Column(
            "number", sa.Integer(), primary_key=True, autoincrement=False, comment="0: the counts"
        ),
        sa.Column("part", sa.Text(), nullable=False, comment="opening, mean, round or closing"),
        sa.Column(
            "rho", sa.BigInteger(), nullable=False, comment="in 1e-12; charged at the opening"
        ),
        sa.Column("released_at", INSTANT, nullable=False),
        sa.Column("document", JSONB(), nullable=False, comment="noisy numbers alone"),
        schema="runlore",
    )
    _create_clients()
    for table in ("federated_trainings", "federated_states", "federated_releases"):
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}"
            " FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();"
        )


def _create_clients() -> None:
    op.create_table(
        "federated_clients",
        sa.Column("training_id", sa.BigInteger(), _of_training(), primary_key=True),
        sa.Column(
            "persona", sa.Text(), primary_key=True, comment="charged, whether it stays or not"
        ),
        sa.Column("ended_at_round", sa.Integer(), comment="of the first refusal, or when it left"),
        sa.Column("reason", sa.Text(), comment="why it was refused, or left"),
        schema="runlore",
    )
    op.create_index(
        "federated_clients_by_persona", "federated_clients", ["persona"], schema="runlore"
    )


def _of_training() -> sa.ForeignKey:
    return sa.ForeignKey("runlore.federated_trainings.id")
