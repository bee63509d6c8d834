"""How good answers were from month to month, as it was measured."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

MOST_MONTHS = 24
# Windows may be judged again as outcomes come in: the newest look at each counts.
BY_MONTH: LiteralString = """
SELECT spec, score, date_trunc('month', window_from, 'UTC') AS month,
    sum(value * labelled) / sum(labelled) AS value, sum(labelled)::bigint AS outcomes,
    array_agg(DISTINCT version) AS versions
FROM (
    SELECT DISTINCT ON (spec, version, score, window_from, window_to) *
    FROM runlore.performance_results
    WHERE source = 'realised' AND at <= %(as_of)s AND window_from > %(since)s
    ORDER BY spec, version, score, window_from, window_to, id DESC
) AS newest
WHERE labelled > 0
GROUP BY spec, score, month ORDER BY spec, score, month
"""


@dataclass(frozen=True)
class MonthScore:
    """A score of a month: the mean of its windows, weighed by their outcomes. month: its start."""

    spec: str
    score: str
    month: datetime
    value: float
    outcomes: int
    versions: list[str]


def read_month_scores(store: Store, as_of: datetime, since: datetime) -> list[MonthScore]:
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(MonthScore))
        return cursor.execute(BY_MONTH, {"as_of": as_of, "since": since}).fetchall()
