"""What was known when a window was judged, so that it is judged anew when more is known."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KEY = ["spec", "version", "window_from", "window_to", "column_name", "statistic"]
DROP_UNIQUE = """
DO $$
DECLARE name text;
BEGIN
    SELECT conname INTO name FROM pg_constraint
    WHERE conrelid = 'runlore.drift_results'::regclass AND contype = 'u';
    EXECUTE format('ALTER TABLE runlore.drift_results DROP CONSTRAINT %I', name);
END $$
"""

LOOKS_SO_FAR = """
INSERT INTO runlore.performance_looks (at, spec, version, is_conclusive, reasons)
SELECT DISTINCT at, spec, version, true, ARRAY[]::text[] FROM runlore.performance_results
"""


def upgrade() -> None:
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column(
            "reasons", sa.ARRAY(sa.Text()), comment="of the verdict, with the share of all columns"
        ),
        sa.Column("until_seq", sa.BigInteger(), comment="facts up to here were known"),
        sa.Column("facts", sa.BigInteger(), comment="how many of the last of them there were"),
        sa.Column(
            "replaced_at", sa.DateTime(timezone=True), comment="when it was judged anew; null: it stands"
        ),
    )
    for column in columns:
        op.add_column("drift_results", column, schema="runlore")
    op.execute(DROP_UNIQUE)
    op.create_index(
        "drift_results_standing",
        "drift_results",
        KEY,
        unique=True,
        schema="runlore",
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.create_table(
        "performance_looks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="labels known by then counted",
        ),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column(
            "is_conclusive", sa.Boolean(), nullable=False, comment="whether the look could judge"
        ),
        sa.Column(
            "reasons",
            sa.ARRAY(sa.Text()),
            nullable=False,
            comment="what is broken; none: nothing is",
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_index(
        "performance_looks_by_spec", "performance_looks", ["spec", "at"], schema="runlore"
    )
    op.execute(LOOKS_SO_FAR)
