"""The marketplace: keys of publishers, packages, their versions and installations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
CLOCK = sa.text("clock_timestamp()")
TEXTS = ARRAY(sa.Text())
NO_TEXTS = sa.text("'{}'::text[]")
PACKAGES = "runlore.marketplace_packages"


def upgrade() -> None:
    _create_keys()
    _create_packages()
    _create_versions()
    _create_installations()


def _create_keys() -> None:
    op.create_table(
        "marketplace_keys",
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column(
            "serial",
            sa.Integer(),
            nullable=False,
            comment="1: pinned on first use; then by rotation",
        ),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="Ed25519 public key in hexadecimal"
        ),
        sa.Column("pinned_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column(
            "retired_at", INSTANT, comment="when it was rotated; null: it is the present key"
        ),
        sa.Column(
            "rotation",
            JSONB(),
            comment="the signed statement that brought it; null: first use",
        ),
        sa.PrimaryKeyConstraint("publisher", "serial"),
        sa.UniqueConstraint("key"),
        schema="runlore",
    )
    op.create_index(
        "marketplace_present_key",
        "marketplace_keys",
        ["publisher"],
        unique=True,
        schema="runlore",
        postgresql_where=sa.text("retired_at IS NULL"),
    )


def _create_packages() -> None:
    op.create_table(
        "marketplace_packages",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="listed", nullable=False),
        sa.Column("flags", TEXTS, server_default=NO_TEXTS, nullable=False, comment="why held"),
        sa.Column(
            "near_keys", TEXTS, nullable=False, comment="for finding names that look alike"
        ),
        sa.Column(
            "version", sa.Text(), nullable=False, comment="the newest; the columns below are its own"
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("agent_type", sa.Text(), nullable=False),
        sa.Column("capabilities", TEXTS, nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("permissions", TEXTS, nullable=False),
        sa.Column("price_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "words",
            TSVECTOR(),
            nullable=False,
            comment="of name, title, description, capabilities",
        ),
        sa.Column("created_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("published_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.CheckConstraint(
            "status IN ('listed', 'held', 'withdrawn')", name="known_package_status"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        schema="runlore",
    )
    for index, column in (
        ("marketplace_packages_by_word", "words"),
        ("marketplace_packages_by_near_name", "near_keys"),
        ("marketplace_packages_by_capability", "capabilities"),
    ):
        op.create_index(
            index, "marketplace_packages", [column], schema="runlore", postgresql_using="gin"
        )


def _create_versions() -> None:
    op.create_table(
        "marketplace_versions",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column(
            "number", sa.Integer(), nullable=False, comment="1, 2, … in the order of publication"
        ),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False, comment="SHA-256 of the archive"),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="the public key that signed it; '': built in"
        ),
        sa.Column("manifest", JSONB(), nullable=False),
        sa.Column(
            "archive", sa.LargeBinary(), comment="null: of a package that is built in"
        ),
        sa.Column("published_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.ForeignKeyConstraint(["package_id"], [f"{PACKAGES}.id"]),
        sa.PrimaryKeyConstraint("package_id", "number"),
        sa.UniqueConstraint("package_id", "version", name="marketplace_version_once"),
        schema="runlore",
    )


def _create_installations() -> None:
    op.create_table(
        "marketplace_installations",
        sa.Column(
            "agent_id", sa.Uuid(), nullable=False, comment="the agent that it registered"
        ),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("agent_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column(
            "digest", sa.Text(), nullable=False, comment="of the archive that was accepted"
        ),
        sa.Column("permissions", TEXTS, nullable=False, comment="that a person granted"),
        sa.Column("installed_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=CLOCK, nullable=False),
        sa.Column("uninstalled_at", INSTANT),
        sa.Column(
            "tasks_completed", sa.BigInteger(), comment="of its agent, when it was uninstalled"
        ),
        sa.Column("tasks_failed", sa.BigInteger(), comment="likewise"),
        sa.ForeignKeyConstraint(["package_id"], [f"{PACKAGES}.id"]),
        sa.PrimaryKeyConstraint("agent_id"),
        schema="runlore",
    )
    op.create_index(
        "marketplace_installations_by_package",
        "marketplace_installations",
        ["package_id"],
        schema="runlore",
    )
