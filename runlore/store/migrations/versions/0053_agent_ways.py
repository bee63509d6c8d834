"""How an agent gets its tasks: it pulls them, or they are sent to its address."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

CHECKS = {
    "known_way": "way IN ('pull', 'a2a', 'mcp')",
    "pushed_has_address": "way = 'pull' OR address IS NOT NULL",
    "mcp_has_tool": "way <> 'mcp' OR tool IS NOT NULL",
}


def upgrade() -> None:
    for column in (
        sa.Column("way", sa.Text(), nullable=False, server_default="pull"),
        sa.Column("address", sa.Text(), comment="where it gets tasks; null: it asks for them"),
        sa.Column("tool", sa.Text(), comment="of an MCP server, that does its tasks"),
        sa.Column("token_variable", sa.Text(), comment="environment variable with its secret"),
        sa.Column("card_url", sa.Text()),
        sa.Column("card", JSONB(), comment="its A2A card as last read"),
        sa.Column("card_read_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("agents", column, schema="runlore")
    for name, check in CHECKS.items():
        op.create_check_constraint(name, "agents", check, schema="runlore")
