"""Reports of periods: what is stored, when the next is due, and where it goes."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True)


def clock(name: str) -> sa.Column[datetime]:
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.clock_timestamp())


def upgrade() -> None:
    schedules()
    reports()
    runs()
    deliveries()


def schedules() -> None:
    op.create_table(
        "report_schedules",
        key(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("every", sa.Text(), nullable=False, comment="week or month"),
        sa.Column("zone", sa.Text(), nullable=False, comment="whose days and hours count"),
        sa.Column(
            "due_time", sa.Text(), nullable=False, comment="HH:MM of the first day after the period"
        ),
        sa.Column("work", JSONB(), nullable=False, comment="scope, kind and actor; null: all"),
        sa.Column(
            "channels", sa.ARRAY(sa.Text()), nullable=False, comment="names of alert channels"
        ),
        sa.Column("attachment", sa.Text(), nullable=False, comment="pdf, html or none"),
        sa.Column(
            "created_at", INSTANT, nullable=False, comment="periods that end later are reported"
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by", sa.Text()),
        schema="runlore",
    )
    op.create_index(
        "report_schedules_by_name",
        "report_schedules",
        ["name"],
        unique=True,
        schema="runlore",
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def reports() -> None:
    op.create_table(
        "reports",
        key(),
        sa.Column(
            "schedule_id",
            sa.BigInteger(),
            sa.ForeignKey("runlore.report_schedules.id"),
            comment="null: by hand",
        ),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column(
            "after_day", sa.Date(), nullable=False, comment="the first day after the period"
        ),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("length", sa.Text(), nullable=False, comment="week, month or days"),
        sa.Column(
            "known_at", INSTANT, nullable=False, comment="what became known later is left out"
        ),
        clock("made_at"),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.UniqueConstraint("schedule_id", "first_day"),
        schema="runlore",
    )


def runs() -> None:
    op.create_table(
        "report_runs",
        key(),
        sa.Column(
            "schedule_id",
            sa.BigInteger(),
            sa.ForeignKey("runlore.report_schedules.id"),
            nullable=False,
        ),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=False,
            server_default=sa.text("0"),
            comment="begun so far",
        ),
        sa.Column("next_at", INSTANT, nullable=False, comment="not before this instant"),
        sa.Column("error", sa.Text(), comment="of the last attempt that failed"),
        sa.Column("done_at", INSTANT),
        sa.Column("report_id", sa.BigInteger(), sa.ForeignKey("runlore.reports.id")),
        sa.UniqueConstraint("schedule_id", "first_day"),
        schema="runlore",
    )
    op.create_index(
        "report_runs_waiting",
        "report_runs",
        ["next_at"],
        schema="runlore",
        postgresql_where=sa.text("done_at IS NULL"),
    )


def deliveries() -> None:
    op.create_table(
        "report_deliveries",
        key(),
        sa.Column(
            "report_id", sa.BigInteger(), sa.ForeignKey("runlore.reports.id"), nullable=False
        ),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("attachment", sa.Text(), nullable=False, comment="pdf, html or none"),
        sa.Column(
            "key", sa.Uuid(), nullable=False, server_default=sa.func.gen_random_uuid()
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, delivered or lost"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        clock("created_at"),
        clock("next_at"),
        sa.Column("settled_at", INSTANT),
        sa.Column("error", sa.Text(), comment="of the last attempt"),
        sa.UniqueConstraint("report_id", "channel"),
        schema="runlore",
    )
    op.create_index(
        "report_deliveries_waiting",
        "report_deliveries",
        ["next_at"],
        schema="runlore",
        postgresql_where=sa.text("state = 'waiting'"),
    )
