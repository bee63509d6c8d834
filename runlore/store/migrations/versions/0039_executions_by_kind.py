"""The newest executions of a kind are read without a scan."""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("executions_by_kind", "executions", ["kind", "submitted"], schema="runlore")
