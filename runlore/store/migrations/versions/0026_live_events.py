"""Events for those who watch live, with numbers that have no gaps; rates of each worker."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "live_outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("at", INSTANT, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        schema="runlore",
    )
    op.create_table(
        "live_events",
        sa.Column(
            "seq",
            sa.BigInteger(),
            primary_key=True,
            autoincrement=False,
            comment="without gaps",
        ),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column(
            "topic_seq",
            sa.BigInteger(),
            nullable=False,
            comment="without gaps within the topic",
        ),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", JSONB(), nullable=False),
        schema="runlore",
    )
    op.create_table(
        "live_topics",
        sa.Column("topic", sa.Text(), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False, comment="the highest topic_seq"),
        schema="runlore",
    )
    op.create_table(
        "live_stream",
        sa.Column(
            "id",
            sa.SmallInteger(),
            primary_key=True,
            autoincrement=False,
            comment="always 1",
        ),
        sa.Column(
            "name",
            sa.Text(),
            nullable=False,
            comment="random: cursors of another stream are refused",
        ),
        sa.Column("last", sa.BigInteger(), nullable=False, comment="the highest seq"),
        sa.Column("cut", sa.BigInteger(), nullable=False, comment="the highest seq that was deleted"),
        sa.Column("cut_at", INSTANT, nullable=False, comment="when old events were looked for"),
        sa.Column("rates_at", INSTANT, nullable=False, comment="when rates were published"),
        sa.Column(
            "rates",
            JSONB(),
            nullable=False,
            server_default=sa.text("'{}'"),
            comment="the last ones",
        ),
        schema="runlore",
    )
    op.add_column(
        "workers",
        sa.Column(
            "rates",
            JSONB(),
            nullable=False,
            server_default=sa.text("'{}'"),
            comment="spec -> answered and refused a second",
        ),
        schema="runlore",
    )
