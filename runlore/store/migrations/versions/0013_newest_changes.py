"""An index to the newest change of each place: the service asks for it twice a second."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "alias_changes_by_place",
        "alias_changes",
        ["spec", "alias", "action", "id"],
        schema="runlore",
    )
