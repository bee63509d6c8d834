"""Histories of features whose states do not know every fact that is committed."""

from sqlalchemy import Connection, text

STALE = text("""
SELECT history, (SELECT count(*) FROM runlore.executions WHERE seq > built_seq) AS facts
FROM runlore.feature_histories WHERE is_stale
""")


def read_stale(connection: Connection) -> dict[str, int]:
    """History -> how many facts its states may lack: those since they were built."""
    return {row.history: row.facts for row in connection.execute(STALE)}
