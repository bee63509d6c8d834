"""Series have a fingerprint, by which writers know that the catalog is as they remember it.

The ends and the number of points are read from the points: no batch has to write them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

FINGERPRINT = (
    r"hashtextextended(source || E'\x1f' || name || E'\x1f' || scope || E'\x1f' || kind"
    r" || E'\x1f' || unit, 0)"
)


def upgrade() -> None:
    for column in ("first_at", "last_at", "points"):
        op.drop_column("series", column, schema="runlore")
    op.add_column(
        "series",
        sa.Column(
            "fingerprint",
            sa.BigInteger(),
            sa.Computed(FINGERPRINT, persisted=True),
            comment="of its key, kind and unit; two series may have the same",
        ),
        schema="runlore",
    )
    op.create_index("series_by_fingerprint", "series", ["fingerprint"], schema="runlore")
