"""Reading states under their keys' locks, as one statement."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

READ_STATES = """
CREATE FUNCTION runlore.read_states(
    numbers bigint[], histories text[], keys text[], OUT states bytea[], OUT read_at timestamptz
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(number) FROM unnest(numbers) AS number;
    SELECT array_agg(array_send(state) ORDER BY at) INTO states
    FROM unnest(histories, keys) WITH ORDINALITY AS wanted (history, key, at)
    LEFT JOIN runlore.feature_states USING (history, key);
    read_at := clock_timestamp();
END $$;
"""


def upgrade() -> None:
    op.execute(READ_STATES)
