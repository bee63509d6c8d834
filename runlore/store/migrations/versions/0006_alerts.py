"""Anomalies become alerts: who was told, who takes care; a history, and an outbox."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
EMPTY = sa.text("''")


def identity() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def of_anomaly() -> list[sa.schema.SchemaItem]:
    return [sa.ForeignKeyConstraint(["alert_id"], ["runlore.anomalies.id"])]


def upgrade() -> None:
    extend_anomalies()
    events()
    notices()
    deliveries()
    silences()


def extend_anomalies() -> None:
    columns: list[sa.Column[Any]] = [
        sa.Column("what", sa.Text(), server_default=EMPTY, nullable=False, comment="what changed"),
        sa.Column("certainty", sa.Text(), server_default=EMPTY, nullable=False, comment="how sure"),
        sa.Column("advice", sa.Text(), server_default=EMPTY, nullable=False, comment="what to do"),
        sa.Column("since", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("seen_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "count",
            sa.BigInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="of findings",
        ),
        sa.Column("returns", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("told", sa.Text(), comment="the gravest severity that people were told of"),
        sa.Column("known", sa.Text(), comment="the same, of all episodes of this run"),
        sa.Column("acknowledged_at", INSTANT),
        sa.Column("acknowledged_by", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("resolved_by", sa.Text()),
    ]
    for column in columns:
        op.add_column("anomalies", column, schema="runlore")
    op.create_index(
        "anomalies_of_cause", "anomalies", ["kind", "subject", "id"], schema="runlore"
    )
    op.execute(
        "UPDATE runlore.anomalies SET since = opened_at,"
        " seen_at = coalesce(resolved_at, opened_at),"
        " severity = CASE WHEN severity IN ('info', 'warning', 'critical')"
        " THEN severity ELSE 'warning' END"
    )


def events() -> None:
    op.create_table(
        "alert_events",
        identity(),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "at",
            INSTANT,
            nullable=False,
            comment="of the finding, or of the person's action",
        ),
        sa.Column("written_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        *of_anomaly(),
        schema="runlore",
    )
    op.create_index(
        "ix_runlore_alert_events_alert_id", "alert_events", ["alert_id"], schema="runlore"
    )
    op.execute(
        "CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.alert_events"
        " FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change()"
    )


def notices() -> None:
    op.create_table(
        "alert_notices",
        identity(),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("message", postgresql.JSONB(), nullable=False),
        sa.Column(
            "is_held", sa.Boolean(), nullable=False, comment="only if it is still open when due"
        ),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("decision", sa.Text(), comment="send or drop"),
        sa.PrimaryKeyConstraint("id"),
        *of_anomaly(),
        schema="runlore",
    )
    op.create_index(
        "ix_runlore_alert_notices_alert_id", "alert_notices", ["alert_id"], schema="runlore"
    )
    op.create_index(
        "alert_notices_waiting",
        "alert_notices",
        ["id"],
        schema="runlore",
        postgresql_where=sa.text("decided_at IS NULL"),
    )


def deliveries() -> None:
    op.create_table(
        "alert_deliveries",
        identity(),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting, delivered or lost"),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("settled_at", INSTANT),
        sa.Column("error", sa.Text(), comment="of the last attempt"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["notice_id"], ["runlore.alert_notices.id"]),
        sa.UniqueConstraint("notice_id", "channel"),
        *of_anomaly(),
        schema="runlore",
    )
    op.create_index(
        "ix_runlore_alert_deliveries_alert_id", "alert_deliveries", ["alert_id"], schema="runlore"
    )
    op.create_index(
        "alert_deliveries_waiting",
        "alert_deliveries",
        ["channel", "next_at"],
        schema="runlore",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "alert_attempts",
        identity(),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("took_ms", sa.REAL(), nullable=False),
        sa.Column("error", sa.Text(), comment="null: it arrived"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["delivery_id"], ["runlore.alert_deliveries.id"]),
        schema="runlore",
    )
    op.create_index(
        "ix_runlore_alert_attempts_delivery_id",
        "alert_attempts",
        ["delivery_id"],
        schema="runlore",
    )


def silences() -> None:
    op.create_table(
        "alert_silences",
        identity(),
        sa.Column("kind", sa.Text(), nullable=False, comment="a pattern"),
        sa.Column("subject", sa.Text(), nullable=False, comment="a pattern"),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
