"""The tables of agents: who they are, their tasks with leases, and what they write each other.

All instants are the database's own, so that a worker's wrong clock changes nothing.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from runlore.store.schema.names import EMPTY_OBJECT, INSTANT, metadata

NO_WORDS = text("'{}'::text[]")
IN_HAND = "status IN ('assigned', 'in_progress')"

agents = Table(
    "agents",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("name", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="active"),
    Column("state_reason", Text, nullable=False, server_default=""),
    Column("capabilities", ARRAY(Text), nullable=False, server_default=NO_WORDS),
    Column("specializations", ARRAY(Text), nullable=False, server_default=NO_WORDS),
    Column("max_concurrent_tasks", Integer, nullable=False),
    Column("config", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("is_plugin", Boolean, nullable=False, server_default=text("false")),
    Column("plugin_source", Text),
    Column("plugin_author", Text),
    Column("registered_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("updated_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("seen_at", INSTANT, comment="last heartbeat, lease or result; null: never"),
    Column("tasks_completed", BigInteger, nullable=False, server_default=text("0")),
    Column("tasks_failed", BigInteger, nullable=False, server_default=text("0")),
    Column("mean_duration_s", Double, comment="exponential moving average; null: none completed"),
    Column("way", Text, nullable=False, server_default="pull"),
    Column("address", Text, comment="where it gets tasks; null: it asks for them"),
    Column("tool", Text, comment="of an MCP server, that does its tasks"),
    Column("token_variable", Text, comment="environment variable with its secret"),
    Column("card_url", Text),
    Column("card", JSONB, comment="its A2A card as last read"),
    Column("card_read_at", INSTANT),
    Column("quarantined_at", INSTANT, comment="null: it is not"),
    Column("quarantine_reason", Text),
    CheckConstraint("max_concurrent_tasks > 0", name="has_slots"),
    CheckConstraint("state IN ('active', 'draining', 'maintenance')", name="known_agent_state"),
    CheckConstraint("way IN ('pull', 'a2a', 'mcp')", name="known_way"),
    CheckConstraint("way = 'pull' OR address IS NOT NULL", name="pushed_has_address"),
    CheckConstraint("way <> 'mcp' OR tool IS NOT NULL", name="mcp_has_tool"),
)

agent_task_token = Sequence("agent_task_token", metadata=metadata)

agent_tasks = Table(
    "agent_tasks",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("priority", SmallInteger, nullable=False, comment="0 critical, 1 high, 2 normal, 3 low"),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("agent_id", Uuid, comment="who has it, or had it last; of a removed agent, too"),
    Column("required_capabilities", ARRAY(Text), nullable=False, server_default=NO_WORDS),
    Column("input", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("output", JSONB),
    Column("failure", Text, comment="why the last attempt failed, or why it was cancelled"),
    Column("context_id", Text, comment="the content or execution that it is about"),
    Column("parent_id", Uuid, ForeignKey("runlore.agent_tasks.id")),
    Column("idempotency_key", Text, unique=True),
    Column("created_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("updated_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("due_at", INSTANT, nullable=False, comment="its place in the queue"),
    Column("available_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("deadline", INSTANT),
    Column("started_at", INSTANT, comment="of the last attempt"),
    Column("completed_at", INSTANT, comment="when it ended, in whatever way"),
    Column("lease_s", Double, nullable=False),
    Column("lease_until", INSTANT),
    Column("token", BigInteger, comment="of the last lease; higher than all before it"),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="leases so far"),
    Column("max_retries", Integer, nullable=False),
    Column("waits_for", Integer, nullable=False, server_default=text("0"), comment="open tasks"),
    Column("is_probe", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("priority BETWEEN 0 AND 3", name="known_priority"),
    CheckConstraint(
        "status IN ('pending', 'assigned', 'in_progress', 'completed', 'failed', 'cancelled')",
        name="known_task_status",
    ),
    CheckConstraint("waits_for >= 0", name="waits_for_none_twice"),
    Index(
        "agent_tasks_in_queue",
        "due_at",
        postgresql_where=text("status = 'pending' AND waits_for = 0"),
    ),
    Index("agent_tasks_by_lease", "lease_until", postgresql_where=text(IN_HAND)),
    Index("agent_tasks_in_hand", "agent_id", postgresql_where=text(IN_HAND)),
    Index(
        "agent_tasks_by_deadline",
        "deadline",
        postgresql_where=text("status = 'pending' AND deadline IS NOT NULL"),
    ),
    Index("agent_tasks_by_age", "created_at"),
    Index("agent_tasks_by_parent", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
)

agent_task_dependencies = Table(
    "agent_task_dependencies",
    metadata,
    Column("task_id", Uuid, ForeignKey("runlore.agent_tasks.id"), primary_key=True),
    Column("depends_on", Uuid, ForeignKey("runlore.agent_tasks.id"), primary_key=True),
    Index("agent_task_dependents", "depends_on"),
)

agent_task_events = Table(
    "agent_task_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("task_id", Uuid, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("event", Text, nullable=False),
    Column("agent_id", Uuid),
    Column("token", BigInteger),
    Column("detail", Text, nullable=False, server_default=""),
    Index("agent_task_events_by_task", "task_id", "id"),
)

agent_skills = Table(
    "agent_skills",
    metadata,
    Column("agent_id", Uuid, primary_key=True),
    Column("task_type", Text, primary_key=True),
    Column("successes", Double, nullable=False, comment="weighted: the newest counts 1"),
    Column("failures", Double, nullable=False, comment="weighted likewise"),
    Column("log_s", Double, nullable=False, comment="sum of log seconds of completed tasks"),
    Column("log_s2", Double, nullable=False, comment="sum of their squares"),
)

agent_routings = Table(
    "agent_routings",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("task_id", Uuid, comment="null: only asked"),
    Column("policy", Text, nullable=False),
    Column("agent_id", Uuid, comment="the chosen one; null: none fits"),
    Column("propensity", Double, comment="how probable this choice was"),
    Column("candidates", JSONB, nullable=False, comment="the best ones with their scores"),
    Column("reason", Text, nullable=False),
    Index("agent_routings_by_task", "task_id", "id"),
)

agent_messages = Table(
    "agent_messages",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("public_id", Uuid, nullable=False, server_default=func.gen_random_uuid(), unique=True),
    Column("from_agent_id", Uuid, nullable=False),
    Column("to_agent_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("task_id", Uuid),
    Column("reply_to", Uuid),
    Column("idempotency_key", Text),
    Column("created_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("delivered_at", INSTANT),
    Column("read_at", INSTANT),
    Column("replied_at", INSTANT),
    UniqueConstraint("from_agent_id", "idempotency_key", name="agent_message_once"),
    Index("agent_messages_by_receiver", "to_agent_id", "id"),
    Index(
        "agent_messages_unread",
        "to_agent_id",
        "id",
        postgresql_where=text("read_at IS NULL"),
    ),
)
