"""Rollouts and their decisions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    rollouts()
    decisions()
    for table in ("rollouts", "rollout_decisions"):
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}"
            " FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change()"
        )


def rollouts() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column(
            "champion", sa.Text(), nullable=False, comment="the version that is compared with"
        ),
        sa.Column("challenger", sa.Text(), nullable=False, comment="the version that climbs"),
        sa.Column("unit", sa.Text(), nullable=False, comment="what is assigned to an arm"),
        sa.Column(
            "policy",
            postgresql.JSONB(),
            nullable=False,
            comment="the rule, written down before the first unit",
        ),
        sa.Column("outcome_due_s", sa.Integer(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index("rollouts_of_spec", "rollouts", ["spec", "id"], schema="runlore")


def decisions() -> None:
    op.create_table(
        "rollout_decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("rollout_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False, comment="what was known then was decided on"),
        sa.Column(
            "written_at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False, comment="percent from now on"),
        sa.Column("reasons", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_alert", sa.Boolean(), nullable=False, comment="a person should look"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Text(), comment="what a person wanted; null: the rule decided"),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column(
            "readings",
            postgresql.JSONB(),
            nullable=False,
            comment="each metric's intervals; the sample ratio",
        ),
        sa.Column("change_id", sa.BigInteger(), comment="what it changed"),
        sa.ForeignKeyConstraint(["rollout_id"], ["runlore.rollouts.id"]),
        sa.ForeignKeyConstraint(["change_id"], ["runlore.alias_changes.id"]),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index(
        "rollout_decisions_in_order", "rollout_decisions", ["rollout_id", "id"], schema="runlore"
    )
