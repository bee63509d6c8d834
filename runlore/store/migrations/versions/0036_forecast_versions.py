"""The version of the forecasters that made a forecast."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "series_forecasts",
        sa.Column(
            "version",
            sa.Text(),
            nullable=False,
            server_default=sa.text("''"),
            comment="empty: chosen anew",
        ),
        schema="runlore",
    )
