"""The tables of reports: what is stored, when the next is due, and where it goes."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from runlore.store.schema.names import INSTANT, metadata

report_schedules = Table(
    "report_schedules",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("every", Text, nullable=False, comment="week or month"),
    Column("zone", Text, nullable=False, comment="whose days and hours count"),
    Column("due_time", Text, nullable=False, comment="HH:MM of the first day after the period"),
    Column("work", JSONB, nullable=False, comment="scope, kind and actor; null: all"),
    Column("channels", ARRAY(Text), nullable=False, comment="names of alert channels"),
    Column("attachment", Text, nullable=False, comment="pdf, html or none"),
    Column("created_at", INSTANT, nullable=False, comment="periods that end later are reported"),
    Column("created_by", Text, nullable=False),
    Column("ended_at", INSTANT),
    Column("ended_by", Text),
    Index(
        "report_schedules_by_name", "name", unique=True, postgresql_where=text("ended_at IS NULL")
    ),
)

reports = Table(
    "reports",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("schedule_id", BigInteger, ForeignKey(report_schedules.c.id), comment="null: by hand"),
    Column("first_day", Date, nullable=False),
    Column("after_day", Date, nullable=False, comment="the first day after the period"),
    Column("zone", Text, nullable=False),
    Column("length", Text, nullable=False, comment="week, month or days"),
    Column("known_at", INSTANT, nullable=False, comment="what became known later is left out"),
    Column("made_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("made_by", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    UniqueConstraint("schedule_id", "first_day"),
)

report_runs = Table(
    "report_runs",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("schedule_id", BigInteger, ForeignKey(report_schedules.c.id), nullable=False),
    Column("first_day", Date, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="begun so far"),
    Column("next_at", INSTANT, nullable=False, comment="not before this instant"),
    Column("error", Text, comment="of the last attempt that failed"),
    Column("done_at", INSTANT),
    Column("report_id", BigInteger, ForeignKey(reports.c.id)),
    UniqueConstraint("schedule_id", "first_day"),
    Index("report_runs_waiting", "next_at", postgresql_where=text("done_at IS NULL")),
)

report_deliveries = Table(
    "report_deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("report_id", BigInteger, ForeignKey(reports.c.id), nullable=False),
    Column("channel", Text, nullable=False),
    Column("attachment", Text, nullable=False, comment="pdf, html or none"),
    Column("key", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    Column("state", Text, nullable=False, comment="waiting, delivered or lost"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("next_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Column("settled_at", INSTANT),
    Column("error", Text, comment="of the last attempt"),
    UniqueConstraint("report_id", "channel"),
    Index("report_deliveries_waiting", "next_at", postgresql_where=text("state = 'waiting'")),
)
