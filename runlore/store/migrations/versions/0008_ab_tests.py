"""A/B tests: designs, units, events added up per unit, and what was concluded at each look."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
DESIGN_STAYS = """
CREATE FUNCTION runlore.keep_design() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.started_at IS NOT NULL AND (NEW.plan, NEW.design, NEW.started_at, NEW.name)
        IS DISTINCT FROM (OLD.plan, OLD.design, OLD.started_at, OLD.name)
        OR NEW.exposure < OLD.exposure AND OLD.started_at IS NOT NULL
    THEN
        RAISE EXCEPTION 'A/B test % has started: its design stays', OLD.name;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER design_stays BEFORE UPDATE ON runlore.ab_tests
FOR EACH ROW EXECUTE FUNCTION runlore.keep_design();
"""


def upgrade() -> None:
    tests()
    actions()
    units()
    outcomes()
    analyses()


def identity() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def of_test() -> sa.Column[int]:
    return sa.Column("test_id", sa.BigInteger(), autoincrement=False, nullable=False)


def tests() -> None:
    op.create_table(
        "ab_tests",
        identity(),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False, comment="as it was asked for"),
        sa.Column(
            "design",
            postgresql.JSONB(),
            nullable=False,
            comment="what follows from it; fixed by the start",
        ),
        sa.Column(
            "exposure", sa.Double(), nullable=False, comment="the share of units; it only rises"
        ),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_as", sa.Text(), comment="decided or stopped"),
        sa.Column("winner", sa.Text()),
        sa.Column("collected_at", INSTANT, comment="answers until then are in"),
        sa.Column(
            "collected_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
        sa.UniqueConstraint("name"),
        schema="runlore",
    )
    op.execute(DESIGN_STAYS)


def actions() -> None:
    op.create_table(
        "ab_actions",
        identity(),
        sa.Column("test_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["test_id"], ["runlore.ab_tests.id"]),
        schema="runlore",
    )
    op.create_index("ix_runlore_ab_actions_test_id", "ab_actions", ["test_id"], schema="runlore")
    only_added("ab_actions")


def units() -> None:
    op.create_table(
        "ab_units",
        of_test(),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column(
            "exposed_at", INSTANT, nullable=False, comment="when it got its variant first"
        ),
        sa.PrimaryKeyConstraint("test_id", "unit"),
        schema="runlore",
    )
    op.create_table(
        "ab_events",
        of_test(),
        sa.Column("id", sa.Text(), nullable=False, comment="the sender's, to recognise repeats"),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("known_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("test_id", "id"),
        schema="runlore",
    )


def outcomes() -> None:
    op.create_table(
        "ab_outcomes",
        of_test(),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column(
            "is_before", sa.Boolean(), nullable=False, comment="from before the unit's variant"
        ),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, sa.Double(), nullable=False)
            for name in ("total", "least", "most", "last")
        ),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("test_id", "event", "is_before", "unit"),
        schema="runlore",
    )


def analyses() -> None:
    op.create_table(
        "ab_analyses",
        identity(),
        sa.Column("test_id", sa.BigInteger(), nullable=False),
        sa.Column("look", sa.Integer(), nullable=False, comment="1 for the first"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("winner", sa.Text()),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("analysis", postgresql.JSONB(), nullable=False),
        sa.Column(
            "evidence",
            postgresql.JSONB(),
            nullable=False,
            comment="statistics that it was made from",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["test_id"], ["runlore.ab_tests.id"]),
        sa.UniqueConstraint("test_id", "look"),
        schema="runlore",
    )
    only_added("ab_analyses")


def only_added(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.{table}"
        " FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change()"
    )
