"""Probes of agents, their health, and quarantine."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NOW = sa.func.clock_timestamp()
S = "runlore"


def upgrade() -> None:
    op.add_column("agents", sa.Column("quarantined_at", INSTANT, comment="null: it is not"), schema=S)
    op.add_column("agents", sa.Column("quarantine_reason", sa.Text()), schema=S)
    op.add_column(
        "agent_tasks",
        sa.Column("is_probe", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        schema=S,
    )
    _probes()
    _health()


def _probes() -> None:
    op.create_table(
        "agent_probes",
        sa.Column("id", sa.Uuid(), primary_key=True, server_default=sa.func.gen_random_uuid()),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column(
            "required_capabilities",
            ARRAY(sa.Text()),
            nullable=False,
            server_default=sa.text("'{}'::text[]"),
        ),
        sa.Column("input", JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column("rule", JSONB(), nullable=False, comment="what a right answer is like"),
        sa.Column(
            "max_s", sa.Double(), nullable=False, comment="seconds within which it is answered"
        ),
        sa.Column(
            "every_s", sa.Double(), nullable=False, comment="seconds between two, of one agent"
        ),
        sa.Column("created_at", INSTANT, nullable=False, server_default=NOW),
        schema=S,
    )
    op.create_table(
        "agent_probe_runs",
        sa.Column("task_id", sa.Uuid(), primary_key=True),
        sa.Column("probe_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False, server_default=NOW),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column(
            "verdict", sa.Text(), comment="passed, wrong, failed, late, slow or void; null: open"
        ),
        sa.Column("took_s", sa.Double()),
        schema=S,
    )
    table = "agent_probe_runs"
    op.create_index(
        "agent_probe_runs_open",
        table,
        ["agent_id"],
        schema=S,
        postgresql_where=sa.text("verdict IS NULL"),
    )
    op.create_index(
        "agent_probe_runs_by_agent", table, ["agent_id", "probe_id", "sent_at"], schema=S
    )
    op.create_index("agent_probe_runs_by_probe", table, ["probe_id", "sent_at"], schema=S)
    op.create_index("agent_probe_runs_by_age", table, ["sent_at"], schema=S)


def _health() -> None:
    zero = sa.text("0")
    op.create_table(
        "agent_health",
        sa.Column("agent_id", sa.Uuid(), primary_key=True),
        sa.Column(
            "score",
            sa.Double(),
            nullable=False,
            server_default=zero,
            comment="evidence that it fails",
        ),
        sa.Column(
            "passes", sa.Integer(), nullable=False, server_default=zero, comment="probes in a row"
        ),
        sa.Column(
            "quarantines", sa.Integer(), nullable=False, server_default=zero, comment="so far"
        ),
        sa.Column("next_probe_at", INSTANT, comment="null: at once"),
        schema=S,
    )
    op.create_table(
        "agent_skill_health",
        sa.Column("agent_id", sa.Uuid(), primary_key=True),
        sa.Column("task_type", sa.Text(), primary_key=True),
        sa.Column(
            "successes",
            sa.Double(),
            nullable=False,
            comment="weighted: about the last 100 count",
        ),
        sa.Column("failures", sa.Double(), nullable=False, comment="weighted likewise"),
        sa.Column(
            "log_s",
            sa.Double(),
            nullable=False,
            comment="sum of log seconds of successes, likewise",
        ),
        sa.Column(
            "log_s2", sa.Double(), nullable=False, comment="sum of their squares, likewise"
        ),
        sa.Column("score", sa.Double(), nullable=False, comment="evidence that it fell"),
        sa.Column("fallen_at", INSTANT, comment="null: it has not"),
        schema=S,
    )
    op.create_table(
        "agent_health_evidence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False, server_default=NOW),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid()),
        sa.Column("weight", sa.Double(), nullable=False, comment="log likelihood ratio"),
        sa.Column("score", sa.Double(), nullable=False, comment="after it"),
        sa.Column("detail", sa.Text(), nullable=False, server_default=""),
        schema=S,
    )
    evidence = "agent_health_evidence"
    op.create_index("agent_health_evidence_by_agent", evidence, ["agent_id", "id"], schema=S)
    op.create_index("agent_health_evidence_by_age", evidence, ["at"], schema=S)
    op.create_table(
        "agent_health_watermark",
        sa.Column("id", sa.SmallInteger(), primary_key=True, server_default=sa.text("1")),
        sa.Column(
            "event_id",
            sa.BigInteger(),
            nullable=False,
            comment="of the last outcome looked at",
        ),
        sa.Column("looked_at", INSTANT, nullable=False),
        sa.Column(
            "distrust_until", INSTANT, comment="the service was away: silence is no evidence"
        ),
        sa.CheckConstraint("id = 1", name="one_health_watermark"),
        schema=S,
    )
