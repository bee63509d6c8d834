"""Keys of the prediction service, and what is left of each one's requests in a minute."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column(
            "id",
            sa.Text(),
            nullable=False,
            comment="public: the first part of the key's text",
        ),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="of the owner; at most two live keys each"
        ),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the secret, in hex"),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.Column("uses", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="runlore",
    )
    op.create_table(
        "rate_windows",
        sa.Column("minute", INSTANT, nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False, comment="a key, or a client's address"),
        sa.Column(
            "granted",
            sa.BigInteger(),
            nullable=False,
            comment="of the minute's budget, to all workers",
        ),
        sa.Column(
            "chunk", sa.BigInteger(), nullable=False, comment="of it, to the newest lease"
        ),
        sa.PrimaryKeyConstraint("minute", "bucket"),
        schema="runlore",
        prefixes=["UNLOGGED"],
    )
