"""Agents, their tasks with leases, routings and messages."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import CreateSequence

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
CLOCK = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.execute(CreateSequence(sa.Sequence("agent_task_token", schema="runlore")))
    _create_agents()
    _create_agent_tasks()
    _create_agent_task_dependencies()
    _create_agent_task_events()
    _create_agent_routings()
    _create_agent_messages()


def _create_agents() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("state_reason", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "capabilities", ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False
        ),
        sa.Column(
            "specializations",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("max_concurrent_tasks", sa.Integer(), nullable=False),
        sa.Column("config", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("is_plugin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("plugin_source", sa.Text()),
        sa.Column("plugin_author", sa.Text()),
        sa.Column("registered_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column(
            "seen_at",
            INSTANT,
            nullable=True,
            comment="last heartbeat, lease or result; null: never",
        ),
        sa.Column("tasks_completed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tasks_failed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "mean_duration_s",
            sa.Double(),
            nullable=True,
            comment="exponential moving average; null: none completed",
        ),
        sa.CheckConstraint(
            "state IN ('active', 'draining', 'maintenance')", name="known_agent_state"
        ),
        sa.CheckConstraint("max_concurrent_tasks > 0", name="has_slots"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        schema="runlore",
    )


def _create_agent_tasks() -> None:
    op.create_table(
        "agent_tasks",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "priority",
            sa.SmallInteger(),
            nullable=False,
            comment="0 critical, 1 high, 2 normal, 3 low",
        ),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column(
            "agent_id",
            sa.Uuid(),
            nullable=True,
            comment="who has it, or had it last; of a removed agent, too",
        ),
        sa.Column(
            "required_capabilities",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'::text[]"),
            nullable=False,
        ),
        sa.Column("input", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("output", JSONB()),
        sa.Column(
            "failure",
            sa.Text(),
            nullable=True,
            comment="why the last attempt failed, or why it was cancelled",
        ),
        sa.Column(
            "context_id",
            sa.Text(),
            nullable=True,
            comment="the content or execution that it is about",
        ),
        sa.Column("parent_id", sa.Uuid()),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("created_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False, comment="its place in the queue"),
        sa.Column("available_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("deadline", INSTANT),
        sa.Column("started_at", INSTANT, nullable=True, comment="of the last attempt"),
        sa.Column("completed_at", INSTANT, nullable=True, comment="when it ended, in whatever way"),
        sa.Column("lease_s", sa.Double(), nullable=False),
        sa.Column("lease_until", INSTANT),
        sa.Column(
            "token",
            sa.BigInteger(),
            nullable=True,
            comment="of the last lease; higher than all before it",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="leases so far",
        ),
        sa.Column("max_retries", sa.Integer(), nullable=False),
        sa.Column(
            "waits_for",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="open tasks",
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'assigned', 'in_progress', 'completed', 'failed', 'cancelled')",
            name="known_task_status",
        ),
        sa.CheckConstraint("priority BETWEEN 0 AND 3", name="known_priority"),
        sa.CheckConstraint("waits_for >= 0", name="waits_for_none_twice"),
        sa.ForeignKeyConstraint(["parent_id"], ["runlore.agent_tasks.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
        schema="runlore",
    )
    op.create_index(
        "agent_tasks_by_deadline",
        "agent_tasks",
        ["deadline"],
        schema="runlore",
        postgresql_where=sa.text("status = 'pending' AND deadline IS NOT NULL"),
    )
    op.create_index("agent_tasks_by_age", "agent_tasks", ["created_at"], schema="runlore")
    op.create_index(
        "agent_tasks_by_lease",
        "agent_tasks",
        ["lease_until"],
        schema="runlore",
        postgresql_where=sa.text("status IN ('assigned', 'in_progress')"),
    )
    op.create_index(
        "agent_tasks_by_parent",
        "agent_tasks",
        ["parent_id"],
        schema="runlore",
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        "agent_tasks_in_hand",
        "agent_tasks",
        ["agent_id"],
        schema="runlore",
        postgresql_where=sa.text("status IN ('assigned', 'in_progress')"),
    )
    op.create_index(
        "agent_tasks_in_queue",
        "agent_tasks",
        ["due_at"],
        schema="runlore",
        postgresql_where=sa.text("status = 'pending' AND waits_for = 0"),
    )


def _create_agent_task_dependencies() -> None:
    op.create_table(
        "agent_task_dependencies",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("depends_on", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["depends_on"], ["runlore.agent_tasks.id"]),
        sa.ForeignKeyConstraint(["task_id"], ["runlore.agent_tasks.id"]),
        sa.PrimaryKeyConstraint("task_id", "depends_on"),
        schema="runlore",
    )
    op.create_index(
        "agent_task_dependents", "agent_task_dependencies", ["depends_on"], schema="runlore"
    )


def _create_agent_task_events() -> None:
    op.create_table(
        "agent_task_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid()),
        sa.Column("token", sa.BigInteger()),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index(
        "agent_task_events_by_task", "agent_task_events", ["task_id", "id"], schema="runlore"
    )


def _create_agent_routings() -> None:
    op.create_table(
        "agent_routings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True, comment="null: only asked"),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True, comment="the chosen one; null: none fits"),
        sa.Column("propensity", sa.Double(), nullable=True, comment="how probable this choice was"),
        sa.Column("candidates", JSONB(), nullable=False, comment="the best ones with their scores"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index("agent_routings_by_task", "agent_routings", ["task_id", "id"], schema="runlore")


def _create_agent_messages() -> None:
    op.create_table(
        "agent_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("from_agent_id", sa.Uuid(), nullable=False),
        sa.Column("to_agent_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("task_id", sa.Uuid()),
        sa.Column("reply_to", sa.Uuid()),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("created_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("delivered_at", INSTANT),
        sa.Column("read_at", INSTANT),
        sa.Column("replied_at", INSTANT),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("from_agent_id", "idempotency_key", name="agent_message_once"),
        sa.UniqueConstraint("public_id"),
        schema="runlore",
    )
    op.create_index(
        "agent_messages_by_receiver", "agent_messages", ["to_agent_id", "id"], schema="runlore"
    )
    op.create_index(
        "agent_messages_unread",
        "agent_messages",
        ["to_agent_id", "id"],
        schema="runlore",
        postgresql_where=sa.text("read_at IS NULL"),
    )
