"""Events of one topic are found by an index."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("live_events_by_topic", "live_events", ["topic", "seq"], schema="runlore")
