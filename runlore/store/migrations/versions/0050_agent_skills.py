"""What agents have shown at types of tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

WEIGHTED = "weighted: the newest counts 1"


def upgrade() -> None:
    op.create_table(
        "agent_skills",
        sa.Column("agent_id", sa.Uuid(), primary_key=True),
        sa.Column("task_type", sa.Text(), primary_key=True),
        sa.Column("successes", sa.Double(), nullable=False, comment=WEIGHTED),
        sa.Column("failures", sa.Double(), nullable=False, comment="weighted likewise"),
        sa.Column("log_s", sa.Double(), nullable=False, comment="sum of log seconds of completed tasks"),
        sa.Column("log_s2", sa.Double(), nullable=False, comment="sum of their squares"),
        schema="runlore",
    )
