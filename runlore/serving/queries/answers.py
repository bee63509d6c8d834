"""Answers on the ledger joined with what had come of the work by an instant; and their latency."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from runlore.records.execution import NO_INSTANT
from runlore.serving.queries import outcomes
from runlore.serving.queries.ledger_vectors import Vectors
from runlore.store.engine import Store

GIVEN = """
FROM runlore.ledger WHERE spec = %(spec)s AND version = %(version)s AND status = 200
AND arm <> 'shadow' AND prediction IS NOT NULL AND as_of > %(since)s AND as_of <= %(until)s
"""
READ = f"""
WITH answer AS (
    SELECT at, id, as_of, source, source_id, prediction, low, high, features {GIVEN}
), first AS (
    SELECT DISTINCT ON (coalesce(a.source, ''), coalesce(a.source_id, a.id::text), run.submitted)
        a.as_of, a.prediction, a.low, a.high, came.status, came.submitted, came.started,
        came.finished, came.outcome, came.end_known_at, a.features
    FROM answer AS a {outcomes.join("a", "%(until)s")}
    ORDER BY coalesce(a.source, ''), coalesce(a.source_id, a.id::text), run.submitted, a.at, a.id
)
SELECT as_of, prediction, low, high, status, submitted, started, finished,
    coalesce(outcome, '{{}}')::text, end_known_at, array_send(features)
FROM first ORDER BY as_of
"""  # noqa: S608  (constants of ours)
READ_NEWEST = READ.replace(GIVEN, f"{GIVEN} ORDER BY at DESC LIMIT %(newest)s")
LATENCY = """
WITH answer AS (
    SELECT width_bucket(extract(epoch FROM as_of), %(edges)s::float8[]) AS bucket, latency_ms
    FROM runlore.ledger WHERE spec = %(spec)s AND status = 200 AND latency_ms IS NOT NULL
    AND arm NOT IN ('challenger', 'shadow') AND as_of > %(since)s AND as_of <= %(until)s
), counted AS (
    SELECT bucket, count(*) AS n FROM answer GROUP BY bucket
)
SELECT bucket, n, percentile_cont(ARRAY[
    0.5, greatest(0.5 - sqrt(0.25 / n), 0), least(0.5 + sqrt(0.25 / n), 1),
    0.95, greatest(0.95 - sqrt(0.0475 / n), 0), least(0.95 + sqrt(0.0475 / n), 1)
]::float8[]) WITHIN GROUP (ORDER BY latency_ms)
FROM answer JOIN counted USING (bucket) GROUP BY bucket, n
"""
INSTANTS = ("as_of", "submitted", "started", "finished", "known_at")
COLUMNS = (
    *("as_of", "prediction", "low", "high", "status", "submitted", "started", "finished"),
    *("outcome", "known_at"),
)


@dataclass(frozen=True)
class WindowLatency:
    """The latency of one window's answers, in milliseconds.

    errors: half of what lies between the quantiles a standard error of the share below and above
    (Woodruff, Confidence intervals for medians and other position measures, JASA 1952).
    """

    answers: int
    p50_ms: float
    p95_ms: float
    p50_error_ms: float = 0.0
    p95_error_ms: float = 0.0


def read(
    store: Store,
    spec: str,
    version: str,
    since: datetime,
    until: datetime,
    newest: int | None = None,
) -> Vectors:
    """A version's answers as of `(since, until]`, one an execution, with what was known by `until`.

    newest: so many at most, those that were given last; None: all.

    `requests` holds COLUMNS: instants int64 microseconds or NO_INSTANT, an unknown status as None.
    """
    with store.connect() as connection:
        cursor: psycopg.Cursor[Any] = connection.cursor(binary=True)
        parameters = _parameters(spec, version, since, until) | {"newest": newest}
        cursor.execute(READ if newest is None else READ_NEWEST, parameters)
        rows = cursor.fetchall()
    frame = pd.DataFrame([row[:-1] for row in rows], columns=list(COLUMNS))
    for name in INSTANTS:
        at = pd.to_datetime(frame[name], utc=True, cache=False).dt.as_unit("us")
        frame[name] = at.astype("int64").where(at.notna(), NO_INSTANT)
    numbers = dict.fromkeys(("prediction", "low", "high"), np.float64)
    return Vectors(frame.astype(numbers), [row[-1] for row in rows])


def latencies(store: Store, spec: str, edges: list[datetime]) -> dict[int, WindowLatency]:
    """Window number, from 0, between neighbouring edges -> the latency of its answers.

    All versions count that were champions then: a caller waits whichever one answers.
    """
    seconds = [edge.timestamp() + 1e-6 for edge in edges]
    parameters = {"spec": spec, "since": edges[0], "until": edges[-1], "edges": seconds}
    with store.connect() as connection:
        rows = connection.execute(LATENCY, parameters).fetchall()
    return {
        int(bucket) - 1: WindowLatency(int(n), p50, p95, (high50 - low50) / 2, (high95 - low95) / 2)
        for bucket, n, (p50, low50, high50, p95, low95, high95) in rows
    }


def _parameters(spec: str, version: str, since: datetime, until: datetime) -> dict[str, Any]:
    return {"spec": spec, "version": version, "since": since, "until": until}
