"""What the work of one kind took in each project, as known at an instant."""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import LiteralString

from runlore.store.engine import Store

AMOUNTS: LiteralString = """
SELECT scope, amount FROM (
    SELECT scope, submitted, source_id, amount,
        row_number() OVER (PARTITION BY scope ORDER BY submitted DESC, source_id) AS place
    FROM (
        SELECT scope, submitted, source_id,
            CASE WHEN %(measure)s = 'failed' THEN (status = 'failed')::int::float8
            WHEN status <> 'succeeded' THEN NULL
            WHEN %(measure)s = 'duration_s'
                THEN coalesce(extract(epoch FROM finished - started)::float8, measured)
            ELSE measured END AS amount
        FROM (
            SELECT DISTINCT ON (source, source_id, submitted) *,
                CASE WHEN jsonb_typeof(outcome -> %(measure)s::text) = 'number'
                    THEN (outcome ->> %(measure)s::text)::float8 END AS measured
            FROM runlore.executions WHERE kind = %(kind)s AND known_at <= %(as_of)s
            ORDER BY source, source_id, submitted, revision DESC
        ) AS latest
        WHERE status IN ('succeeded', 'failed') AND scope <> ''
    ) AS finished
    WHERE amount > 0 OR %(measure)s = 'failed'
) AS placed
WHERE place <= %(rows)s ORDER BY scope, submitted, source_id
"""


def read_amounts(
    store: Store, kind: str, measure: str, as_of: datetime, rows: int
) -> Mapping[str, list[float]]:
    """By project, in order of submission; measure `failed`: 1 where it failed, else 0."""
    wanted = {"kind": kind, "measure": measure, "as_of": as_of, "rows": rows}
    with store.connect() as connection:
        found = connection.execute(AMOUNTS, wanted).fetchall()
    return {
        scope: [amount for _, amount in part] for scope, part in groupby(found, lambda row: row[0])
    }
