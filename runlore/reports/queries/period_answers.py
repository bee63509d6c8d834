"""Answers of a period on the ledger, each with what came of its execution by an instant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import psycopg

from runlore.records.execution import NO_INSTANT
from runlore.reports.queries.period_work import NEWEST, PeriodQuery

AFTERWARDS = timedelta(days=31)  # answers to a period that were recorded later do not count
NEARBY = timedelta(days=1)  # an answer to a submission is as of an instant so near to it
COUNTS = """
SELECT spec, count(*) FILTER (WHERE status = 200) AS answered,
    count(*) FILTER (WHERE status <> 200) AS refused
FROM runlore.ledger
WHERE arm NOT IN ('shadow') AND at >= %(first)s AND at < %(recorded)s
    AND as_of >= %(first)s AND as_of < %(last)s AND at <= %(known_at)s
    AND (%(scope)s::text IS NULL OR request ->> 'scope' = %(scope)s)
    AND (%(kind)s::text IS NULL OR request ->> 'kind' = %(kind)s)
    AND (%(actor)s::text IS NULL OR request ->> 'actor' = %(actor)s)
GROUP BY spec ORDER BY spec
"""
ANSWERS = f"""
WITH {NEWEST}, answer AS (
    SELECT l.spec, l.version, l.at, l.id, l.as_of, l.source, l.source_id, l.prediction, l.low,
        l.high
    FROM runlore.ledger AS l
    WHERE l.status = 200 AND l.arm NOT IN ('shadow', 'challenger') AND l.prediction IS NOT NULL
        AND l.at >= %(first)s AND l.at < %(recorded)s AND l.at <= %(known_at)s
        AND l.as_of >= %(first)s AND l.as_of < %(last)s AND l.source_id IS NOT NULL
), nearest AS (
    SELECT DISTINCT ON (a.id) a.*, n.submitted, n.kind, n.status, n.started, n.finished, n.outcome,
        n.known_at
    FROM answer AS a JOIN newest AS n ON n.source = a.source AND n.source_id = a.source_id
        AND n.submitted BETWEEN a.as_of - %(nearby)s AND a.as_of + %(nearby)s
        AND coalesce(n.finished, 'infinity') >= a.as_of
    WHERE (%(scope)s::text IS NULL OR n.scope = %(scope)s)
        AND (%(kind)s::text IS NULL OR n.kind = %(kind)s)
        AND (%(actor)s::text IS NULL OR n.actor = %(actor)s)
    ORDER BY a.id, abs(extract(epoch FROM n.submitted - a.as_of)), n.submitted DESC
), first AS (
    SELECT DISTINCT ON (spec, source, source_id, submitted) * FROM nearest
    ORDER BY spec, source, source_id, submitted, at, id
)
SELECT spec, version, as_of, at, prediction, low, high, submitted, kind, status, started, finished,
    coalesce(outcome, '{{}}')::text AS outcome, known_at,
    (submitted AT TIME ZONE %(zone)s)::date AS day
FROM first ORDER BY as_of, spec, source, source_id
"""  # noqa: S608  (constants of ours)
VERSIONS = """
SELECT spec, version, min(at) AS announced_at, min(evidence ->> 'tested_from') AS tested_from
FROM runlore.alias_changes WHERE version IS NOT NULL AND at <= %(known_at)s GROUP BY spec, version
"""
INSTANTS = ("as_of", "at", "submitted", "started", "finished", "known_at")

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class AnswerCount:
    """Requests of a spec in a period. refused: those that got no prediction."""

    spec: str
    answered: int
    refused: int


def count_answers(connection: Connection, query: PeriodQuery) -> list[AnswerCount]:
    rows = connection.execute(COUNTS, _parameters(query)).fetchall()
    return [AnswerCount(*row) for row in rows]


def read_answers(connection: Connection, query: PeriodQuery) -> pd.DataFrame:
    """One answer of each spec and execution, the first that was given, in the order of `as_of`.

    Instants are int64 microseconds or NO_INSTANT; `day` is a date of the query's zone.
    """
    cursor = connection.execute(ANSWERS, _parameters(query))
    names = [column.name for column in cursor.description or ()]
    frame = pd.DataFrame(cursor.fetchall(), columns=names)
    for name in INSTANTS:
        at = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
        frame[name] = at.astype("int64").where(at.notna(), NO_INSTANT)
    return frame.astype(dict.fromkeys(("prediction", "low", "high"), float))


def read_unseen_since(
    connection: Connection, known_at: datetime
) -> dict[tuple[str, str], datetime]:
    """(spec, version) -> from when on its answers are about work that did not teach it."""
    rows = connection.execute(VERSIONS, {"known_at": known_at}).fetchall()
    return {
        (spec, version): announced_at if tested is None else datetime.fromisoformat(tested)
        for spec, version, announced_at, tested in rows
    }


def _parameters(query: PeriodQuery) -> dict[str, Any]:
    last = query.edges[-1]
    return query.parameters | {"recorded": last + AFTERWARDS, "nearby": NEARBY}
