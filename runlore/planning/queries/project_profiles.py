"""What each project does and how it goes: aggregates of one pass over the log, as known then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row

from runlore.store.engine import Store

PROFILES: LiteralString = r"""
WITH latest AS MATERIALIZED (
    SELECT scope, kind, inputs, status,
        CASE WHEN status = 'succeeded' THEN
            CASE WHEN finished > started THEN ln(extract(epoch FROM finished - started)::float8)
            WHEN jsonb_typeof(outcome -> 'duration_s') = 'number'
                AND (outcome ->> 'duration_s')::float8 > 0
            THEN ln((outcome ->> 'duration_s')::float8) END
        END AS duration,
        CASE WHEN status = 'succeeded' AND jsonb_typeof(outcome -> 'cost') = 'number'
            AND (outcome ->> 'cost')::float8 > 0 THEN ln((outcome ->> 'cost')::float8) END AS cost
    FROM (
        SELECT *, row_number() OVER (PARTITION BY scope ORDER BY submitted DESC) AS place
        FROM (
            SELECT DISTINCT ON (source, source_id, submitted)
                scope, kind, inputs, outcome, status, started, finished, submitted
            FROM runlore.executions WHERE known_at <= %(as_of)s
            ORDER BY source, source_id, submitted, revision DESC
        ) AS known
        WHERE scope <> ''
    ) AS placed
    WHERE place <= %(rows)s
),
input AS MATERIALIZED (
    SELECT scope, given.key AS name, jsonb_typeof(given.value) AS type, given.value,
        given.value #>> '{}' AS word
    FROM latest, jsonb_each(inputs) AS given
    WHERE jsonb_typeof(given.value) IN ('number', 'string', 'boolean')
),
worded AS MATERIALIZED (
    SELECT scope, name, word, word ~ '\S+\s+\S+\s+\S+\s+\S' AS is_text
    FROM input WHERE type <> 'number'
)
SELECT 'kind' AS part, scope, kind AS name, '' AS label, count(*) AS rows,
    count(*) FILTER (WHERE status IN ('succeeded', 'failed')) AS finished,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(duration) AS durations, avg(duration) AS mean, var_pop(duration) AS variance,
    count(cost) AS costs, avg(cost) AS cost_mean, var_pop(cost) AS cost_variance
FROM latest GROUP BY scope, kind
UNION ALL
SELECT 'number', scope, name, '', count(*), 0, 0, 0,
    avg(sign(amount) * ln(1 + abs(amount))), var_pop(sign(amount) * ln(1 + abs(amount))),
    0, NULL, NULL
FROM (SELECT scope, name, word::float8 AS amount FROM input WHERE type = 'number') AS number
GROUP BY scope, name
UNION ALL
SELECT 'word', scope, name, left(word, 80), count(*), 0, 0, 0, NULL, NULL, 0, NULL, NULL
FROM worded WHERE NOT is_text GROUP BY scope, name, left(word, 80)
UNION ALL
SELECT 'text', scope, '', (hashtext(piece) & 255)::text, count(*), 0, 0, 0, NULL, NULL,
    0, NULL, NULL
FROM worded, regexp_split_to_table(lower(left(word, 1000)), '\W+') AS piece
WHERE is_text AND piece <> '' GROUP BY scope, hashtext(piece) & 255
"""


@dataclass(frozen=True)
class ProfileRow:
    """part: kind, number, word or text. mean, variance: of logs. label: a word, or its hash."""

    part: str
    scope: str
    name: str
    label: str
    rows: int
    finished: int
    failed: int
    durations: int
    mean: float | None
    variance: float | None
    costs: int
    cost_mean: float | None
    cost_variance: float | None


def read_profiles(store: Store, as_of: datetime, rows: int) -> Sequence[ProfileRow]:
    """rows: the newest ones of each project that count."""
    with store.connect() as connection:
        cursor = connection.cursor(row_factory=class_row(ProfileRow))
        return cursor.execute(PROFILES, {"as_of": as_of, "rows": rows}).fetchall()
