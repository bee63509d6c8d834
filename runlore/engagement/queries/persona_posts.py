"""Which personas have posts enough to search, as known at an instant."""

from datetime import datetime
from typing import LiteralString

from runlore.store.engine import Store

PERSONAS: LiteralString = """
SELECT actor FROM (
    SELECT DISTINCT actor, scope, source, source_id FROM runlore.executions
    WHERE known_at <= %(as_of)s AND submitted > %(since)s AND actor <> ''
        AND jsonb_typeof(outcome -> 'engagement_rate') = 'number'
) AS post
GROUP BY actor, scope HAVING count(*) >= %(least)s
ORDER BY max(count(*)) OVER (PARTITION BY actor) DESC, actor LIMIT %(limit)s
"""


def read_personas(
    store: Store, as_of: datetime, since: datetime, least: int, limit: int
) -> list[str]:
    """With at least so many measured posts on one platform, those with the most first."""
    values = {"as_of": as_of, "since": since, "least": least, "limit": limit}
    with store.connect() as connection:
        rows = connection.execute(PERSONAS, values).fetchall()
    return list(dict.fromkeys(str(name) for (name,) in rows))
