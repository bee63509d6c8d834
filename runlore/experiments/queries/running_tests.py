"""When the A/B tests that run were looked at last; apart, as it needs no statistics."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

RUNNING = text("""
SELECT t.name, t.started_at, max(a.at) AS looked_at
FROM runlore.ab_tests AS t LEFT JOIN runlore.ab_analyses AS a ON a.test_id = t.id
WHERE t.started_at IS NOT NULL AND t.ended_as IS NULL
GROUP BY t.id ORDER BY t.id
""")


@dataclass(frozen=True)
class RunningTest:
    """looked_at: None when nobody has looked yet."""

    name: str
    started_at: datetime
    looked_at: datetime | None


def read(connection: Connection) -> list[RunningTest]:
    """The oldest test first."""
    return [RunningTest(**row._mapping) for row in connection.execute(RUNNING)]
