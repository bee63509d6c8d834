"""Finished runs by the values of their inputs: who ran them, where, and in which month."""

from datetime import datetime
from typing import TYPE_CHECKING, LiteralString

from runlore.store.engine import Store

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "kind", "name", "label", "scope", "actor", "month",
    "rows", "failed", "known", "total", "squares",
)  # fmt: skip
STRATA: LiteralString = r"""
WITH run AS MATERIALIZED (
    SELECT kind, scope, actor, date_trunc('month', submitted, 'UTC') AS month, inputs,
        status = 'failed' AS is_failed,
        CASE WHEN status = 'succeeded' AND finished > started
            THEN ln(extract(epoch FROM finished - started)::float8) END AS duration
    FROM (
        SELECT DISTINCT ON (source, source_id, submitted) *
        FROM runlore.executions WHERE known_at <= %(as_of)s AND submitted > %(since)s
        ORDER BY source, source_id, submitted, revision DESC
    ) AS latest
    WHERE status IN ('succeeded', 'failed') AND scope <> ''
),
input AS MATERIALIZED (
    SELECT run.*, given.key AS name, given.value #>> '{}' AS label
    FROM run, jsonb_each(inputs) AS given
    WHERE jsonb_typeof(given.value) IN ('string', 'boolean', 'number')
        AND length(given.value #>> '{}') BETWEEN 1 AND 80
        AND given.value #>> '{}' !~ '\S+\s+\S+\s+\S+\s+\S'
),
choice AS (
    SELECT kind, name FROM input GROUP BY kind, name
    HAVING count(DISTINCT label) BETWEEN 2 AND %(values)s
)
SELECT kind, name, label, scope, actor, month, count(*), count(*) FILTER (WHERE is_failed),
    count(duration), coalesce(sum(duration), 0), coalesce(sum(duration * duration), 0)
FROM input JOIN choice USING (kind, name)
GROUP BY kind, name, label, scope, actor, month
"""


def read_strata(store: Store, as_of: datetime, since: datetime, most_values: int) -> "pd.DataFrame":
    """A row for each value and stratum. Inputs with more values than that are no choices.

    known, total, squares: of logs of durations in seconds, of runs that succeeded.
    """
    import pandas as pd

    wanted = {"as_of": as_of, "since": since, "values": most_values}
    with store.connect() as connection:
        rows = connection.execute(STRATA, wanted).fetchall()
    return pd.DataFrame(rows, columns=list(COLUMNS))
