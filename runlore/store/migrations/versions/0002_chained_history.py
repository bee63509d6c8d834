"""The history of aliases becomes a chain; which worker serves which version."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ONLY_ADDED = """
CREATE FUNCTION runlore.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of runlore.% are only ever added', TG_TABLE_NAME;
END $$;
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON runlore.alias_changes
FOR EACH ROW EXECUTE FUNCTION runlore.refuse_change();
"""


def upgrade() -> None:
    op.add_column("alias_changes", sa.Column("action", sa.Text()), schema="runlore")
    op.add_column("alias_changes", sa.Column("hash", sa.Text()), schema="runlore")
    op.alter_column("alias_changes", "version", nullable=True, schema="runlore")
    op.execute("ALTER TABLE runlore.alias_changes ALTER COLUMN id DROP IDENTITY")
    op.alter_column("alias_changes", "at", server_default=None, schema="runlore")
    _chain()
    op.alter_column("alias_changes", "action", nullable=False, schema="runlore")
    op.alter_column("alias_changes", "hash", nullable=False, schema="runlore")
    op.execute(ONLY_ADDED)
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column(
            "versions",
            postgresql.JSONB(),
            nullable=False,
            comment="spec -> arm -> the version that answers",
        ),
        sa.Column(
            "seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
        prefixes=["UNLOGGED"],
    )


def _chain() -> None:
    """As `Entry.hashed` had it when this was written."""
    connection, before = op.get_bind(), "0" * 64
    rows = connection.execute(
        sa.text(
            "SELECT id, (extract(epoch FROM at) * 1000000)::bigint AS at_us, spec, alias, version,"
            " previous, actor, reason, evidence FROM runlore.alias_changes ORDER BY id"
        )
    ).all()
    for number, row in enumerate(rows, start=1):
        content = [
            before,
            row.at_us,
            *(row.spec, row.alias, row.version, row.previous),
            *("announce", row.actor, row.reason, row.evidence),
        ]
        before = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        connection.execute(
            sa.text(
                "UPDATE runlore.alias_changes SET id = :number, action = 'announce', hash = :hash"
                " WHERE id = :id"
            ),
            {"number": number, "hash": before, "id": row.id},
        )
