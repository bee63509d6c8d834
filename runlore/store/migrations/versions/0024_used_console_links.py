"""Links that have signed in to the console, so that each does so once."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_console_links",
        sa.Column(
            "id",
            sa.Text(),
            nullable=False,
            comment="of a link that has signed in to the console",
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="of the link; the row goes after that",
        ),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
