"""Points that wait for the detector, states of series, and incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
QUEUE_POINTS = """
CREATE FUNCTION runlore.queue_points() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO runlore.point_outbox (source, name, scope, at, value)
    SELECT source, name, scope, at, value FROM added
    WHERE revision = 0 AND at > clock_timestamp() - interval '2 days';
    IF FOUND THEN
        PERFORM pg_notify('runlore_points', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER queue_points AFTER INSERT ON runlore.metrics
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION runlore.queue_points();
"""


def upgrade() -> None:
    points()
    states()
    incidents()
    op.execute(QUEUE_POINTS)


def key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True)


def series() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in ("source", "name", "scope")]


def points() -> None:
    op.create_table(
        "point_outbox",
        key(),
        *series(),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        schema="runlore",
    )


def states() -> None:
    op.create_table(
        "series_states",
        key(),
        *series(),
        sa.Column(
            "state", sa.LargeBinary(), comment="of the detector; null: no point was observed"
        ),
        sa.Column("step_s", sa.REAL(), comment="usual distance of its points"),
        sa.Column("due_at", INSTANT, comment="a series without a point until then is missing"),
        sa.UniqueConstraint("source", "name", "scope"),
        schema="runlore",
    )
    op.execute("ALTER TABLE runlore.series_states SET (fillfactor = 60)")
    op.create_table(
        "stream_progress",
        sa.Column(
            "id", sa.SmallInteger(), primary_key=True, autoincrement=False, comment="always 1"
        ),
        sa.Column(
            "taken", sa.BigInteger(), nullable=False, comment="points taken from point_outbox"
        ),
        sa.Column(
            "late",
            sa.BigInteger(),
            nullable=False,
            comment="not newer than the newest of their series",
        ),
        sa.Column("at", INSTANT, nullable=False, comment="when the last points were taken"),
        schema="runlore",
    )


def incidents() -> None:
    op.create_table(
        "incidents",
        key(),
        sa.Column(
            "subject", sa.Text(), nullable=False, comment="what its series have in common"
        ),
        sa.Column("since", INSTANT, nullable=False, comment="the first unusual point"),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("resolved_at", INSTANT),
        schema="runlore",
    )
    op.create_index(
        "incidents_open",
        "incidents",
        ["subject"],
        unique=True,
        schema="runlore",
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "incident_series",
        sa.Column(
            "incident_id",
            sa.BigInteger(),
            sa.ForeignKey("runlore.incidents.id"),
            primary_key=True,
        ),
        sa.Column(
            "series_id",
            sa.BigInteger(),
            sa.ForeignKey("runlore.series_states.id"),
            primary_key=True,
        ),
        sa.Column("sort", sa.Text(), nullable=False, comment="value, flat or missing"),
        sa.Column("since", INSTANT, nullable=False),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("seen", "expected", "low", "high")
        ),
        sa.Column(
            "probability",
            sa.Double(),
            comment="of a value so far off or further; null: not known",
        ),
        sa.Column("ended_at", INSTANT),
        schema="runlore",
    )
    op.create_index(
        "incident_series_open",
        "incident_series",
        ["series_id"],
        schema="runlore",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
