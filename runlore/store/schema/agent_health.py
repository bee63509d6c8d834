"""The tables of agents' health: probes, their runs, and the evidence for a quarantine."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from runlore.store.schema.names import EMPTY_OBJECT, INSTANT, metadata

ZERO = text("0")

agent_probes = Table(
    "agent_probes",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("name", Text, nullable=False, unique=True),
    Column("task_type", Text, nullable=False),
    Column(
        "required_capabilities", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")
    ),
    Column("input", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("rule", JSONB, nullable=False, comment="what a right answer is like"),
    Column("max_s", Double, nullable=False, comment="seconds within which it is answered"),
    Column("every_s", Double, nullable=False, comment="seconds between two, of one agent"),
    Column("created_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
)

agent_probe_runs = Table(
    "agent_probe_runs",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("probe_id", Uuid, nullable=False),
    Column("agent_id", Uuid, nullable=False),
    Column("sent_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("due_at", INSTANT, nullable=False),
    Column("verdict", Text, comment="passed, wrong, failed, late, slow or void; null: open"),
    Column("took_s", Double),
    Index("agent_probe_runs_open", "agent_id", postgresql_where=text("verdict IS NULL")),
    Index("agent_probe_runs_by_agent", "agent_id", "probe_id", "sent_at"),
    Index("agent_probe_runs_by_probe", "probe_id", "sent_at"),
    Index("agent_probe_runs_by_age", "sent_at"),
)

agent_health = Table(
    "agent_health",
    metadata,
    Column("agent_id", Uuid, primary_key=True),
    Column("score", Double, nullable=False, server_default=ZERO, comment="evidence that it fails"),
    Column("passes", Integer, nullable=False, server_default=ZERO, comment="probes in a row"),
    Column("quarantines", Integer, nullable=False, server_default=ZERO, comment="so far"),
    Column("next_probe_at", INSTANT, comment="null: at once"),
)

agent_skill_health = Table(
    "agent_skill_health",
    metadata,
    Column("agent_id", Uuid, primary_key=True),
    Column("task_type", Text, primary_key=True),
    Column("successes", Double, nullable=False, comment="weighted: about the last 100 count"),
    Column("failures", Double, nullable=False, comment="weighted likewise"),
    Column("log_s", Double, nullable=False, comment="sum of log seconds of successes, likewise"),
    Column("log_s2", Double, nullable=False, comment="sum of their squares, likewise"),
    Column("score", Double, nullable=False, comment="evidence that it fell"),
    Column("fallen_at", INSTANT, comment="null: it has not"),
)

agent_health_evidence = Table(
    "agent_health_evidence",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("agent_id", Uuid, nullable=False),
    Column("at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("kind", Text, nullable=False),
    Column("task_id", Uuid),
    Column("weight", Double, nullable=False, comment="log likelihood ratio"),
    Column("score", Double, nullable=False, comment="after it"),
    Column("detail", Text, nullable=False, server_default=""),
    Index("agent_health_evidence_by_agent", "agent_id", "id"),
    Index("agent_health_evidence_by_age", "at"),
)

agent_health_watermark = Table(
    "agent_health_watermark",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default=text("1")),
    Column("event_id", BigInteger, nullable=False, comment="of the last outcome looked at"),
    Column("looked_at", INSTANT, nullable=False),
    Column("distrust_until", INSTANT, comment="the service was away: silence is no evidence"),
    CheckConstraint("id = 1", name="one_health_watermark"),
)
