"""Finished runs of an actor, a kind or a scope, as known at an instant."""

import json
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
import pandas as pd

from runlore.advice.rules.recommendations.run_log import RunLog
from runlore.advice.rules.recommendations.searching import Subject
from runlore.store.engine import Store

RUNS: LiteralString = """
SELECT actor, kind, scope, extract(epoch FROM submitted)::float8,
    extract(epoch FROM coalesce(finished, known_at))::float8, (status = 'failed')::int::float8,
    CASE WHEN status = 'succeeded' AND finished > started
        THEN extract(epoch FROM finished - started)::float8 END,
    inputs::text
FROM runlore.executions AS one
WHERE known_at <= %(as_of)s AND submitted > %(since)s AND status IN ('succeeded', 'failed')
    AND CASE %(type)s WHEN 'actor' THEN actor WHEN 'kind' THEN kind ELSE scope END = %(subject)s
    AND NOT EXISTS (
        SELECT FROM runlore.executions AS newer
        WHERE newer.source = one.source AND newer.source_id = one.source_id
            AND newer.submitted = one.submitted AND newer.revision > one.revision
            AND newer.known_at <= %(as_of)s
    )
ORDER BY submitted DESC, source, source_id LIMIT %(limit)s
"""
COUNT: LiteralString = """
SELECT count(*) FROM (
    SELECT FROM runlore.executions
    WHERE known_at <= %(as_of)s AND submitted > %(since)s AND status IN ('succeeded', 'failed')
        AND CASE %(type)s WHEN 'actor' THEN actor WHEN 'kind' THEN kind ELSE scope END
            = %(subject)s
    LIMIT %(limit)s
) AS run
"""
SUBJECTS: LiteralString = """
WITH run AS MATERIALIZED (
    SELECT actor, kind, scope FROM runlore.executions
    WHERE known_at <= %(as_of)s AND submitted > %(since)s
        AND status IN ('succeeded', 'failed')
)
SELECT type, name, count(*) FROM run,
    LATERAL (VALUES ('actor', actor), ('kind', kind), ('scope', scope)) AS subject (type, name)
WHERE name <> '' GROUP BY type, name HAVING count(*) >= %(least)s
ORDER BY count(*) DESC, type, name LIMIT %(limit)s
"""


def read_runs(
    store: Store, subject: tuple[Subject, str], as_of: datetime, since: datetime, limit: int
) -> RunLog:
    """The newest ones, in the order of submission; of corrected ones the newest fact."""
    values = {"type": subject[0], "subject": subject[1], "limit": limit}
    with store.connect() as connection:
        cursor = connection.execute(RUNS, {"as_of": as_of, "since": since, **values})
        rows = cursor.fetchall()[::-1]
    return make_run_log(rows)


def count_runs(
    store: Store, subject: tuple[Subject, str], as_of: datetime, since: datetime, limit: int
) -> int:
    """About how many `read_runs` would read; a corrected run counts more than once."""
    values = {"type": subject[0], "subject": subject[1], "limit": limit}
    with store.connect() as connection:
        cursor = connection.execute(COUNT, {"as_of": as_of, "since": since, **values})
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def make_run_log(rows: list[tuple[Any, ...]]) -> RunLog:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 8
    actor, kind, scope = (np.array(one, dtype=object) for one in columns[:3])
    submitted_s, finished_s, failed, duration_s = (
        np.array(one, dtype=np.float64) for one in columns[3:7]
    )
    given = json.loads(f"[{','.join(columns[7])}]")
    return RunLog(actor, kind, scope, submitted_s, finished_s, failed, duration_s, _inputs(given))


def read_subjects(
    store: Store, as_of: datetime, since: datetime, least: int, limit: int
) -> list[tuple[Subject, str, int]]:
    """Actors, kinds and scopes with enough finished runs, those with the most first."""
    values = {"as_of": as_of, "since": since, "least": least, "limit": limit}
    with store.connect() as connection:
        return connection.execute(SUBJECTS, values).fetchall()


def _inputs(given: list[dict[str, Any]]) -> pd.DataFrame:
    """A column for each input; what is neither text nor a number or truth is left out."""
    frame = pd.DataFrame(given, index=range(len(given)))
    for name in frame.columns:
        if frame[name].dtype == object:
            is_nested = frame[name].map(lambda value: isinstance(value, list | dict))
            frame[name] = frame[name].mask(is_nested, None)
    return frame
