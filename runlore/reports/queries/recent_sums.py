"""What recent executions came to: how many failed, by whom, and what they cost.

An execution belongs to the instant of its submission. Only the months of the span are read, and of
a large log only its newest facts, so that a page has a bound.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import psycopg

from runlore.serving.queries import outcomes

MOST_FACTS = 400_000  # the newest ones that are read: about a second
MOST_SAMPLED = 2_000  # facts whose outcomes name the measures
SINCE_SEQ = f"(SELECT coalesce(max(seq), 0) - {MOST_FACTS} FROM runlore.executions)"  # noqa: S608
NEWEST = f"""
newest AS MATERIALIZED (
    SELECT DISTINCT ON (source, source_id, submitted)
        submitted, actor, kind, scope, status, started, finished, outcome
    FROM runlore.executions
    WHERE submitted >= %(since)s AND submitted < %(until)s AND seq > {SINCE_SEQ}
    ORDER BY source, source_id, submitted, revision DESC
)"""  # noqa: S608  (constants of ours)
FAILURES = f"""
WITH {NEWEST}
SELECT extract(epoch FROM date_trunc('hour', submitted))::bigint AS at_s, actor, kind, scope,
    count(*) AS runs, count(*) FILTER (WHERE status = 'failed') AS failed
FROM newest WHERE status IN ('succeeded', 'failed') GROUP BY 1, 2, 3, 4
"""  # noqa: S608  (constants of ours)
COSTS = f"""
WITH {NEWEST}, valued AS (
    SELECT (submitted AT TIME ZONE 'UTC')::date AS day, actor, kind, scope, status,
        CASE WHEN %(measure)s::text IS NULL THEN {outcomes.SECONDS}
            WHEN jsonb_typeof(came.outcome -> %(measure)s::text) = 'number'
            THEN CAST(came.outcome -> %(measure)s::text AS float8) END AS value
    FROM newest AS came WHERE status NOT IN ('submitted', 'running')
)
SELECT day, actor, kind, scope, GROUPING(actor, kind, scope) AS part, count(value) AS runs,
    coalesce(sum(value), 0) AS value,
    coalesce(sum(value) FILTER (WHERE status <> 'succeeded'), 0) AS failed
FROM valued
GROUP BY GROUPING SETS ((day), (day, actor), (day, kind), (day, scope))
"""  # noqa: S608  (constants of ours)
PARTS = {0b011: "actor", 0b101: "kind", 0b110: "scope", 0b111: "day"}
MEASURES = """
SELECT DISTINCT measured.key FROM (
    SELECT outcome FROM runlore.executions ORDER BY seq DESC LIMIT %s
) AS fact, jsonb_each(fact.outcome) AS measured
WHERE jsonb_typeof(measured.value) = 'number' ORDER BY 1
"""
NEWEST_SUBMITTED = """
SELECT max(submitted) FROM (
    SELECT submitted FROM runlore.executions ORDER BY seq DESC LIMIT %s
) AS newest
"""

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class WorkSpan:
    """Executions submitted in [since, until)."""

    since: datetime
    until: datetime


def read_failures(connection: Connection, span: WorkSpan) -> pd.DataFrame:
    """Runs and failures by hour, actor, kind and scope; what was cancelled is no run."""
    return _frame(connection, FAILURES, {"since": span.since, "until": span.until})


def read_costs(connection: Connection, span: WorkSpan, measure: str | None) -> pd.DataFrame:
    """Sums of a measured result by day, and by day and part; None: of the seconds of running.

    Column `part`: day, actor, kind or scope. failed: of those that did not succeed.
    """
    values = {"since": span.since, "until": span.until, "measure": measure}
    frame = _frame(connection, COSTS, values)
    return frame.assign(part=frame["part"].map(PARTS)).astype({"value": float, "failed": float})


def read_measures(connection: Connection) -> list[str]:
    """The numbers that recent outcomes have."""
    return [name for (name,) in connection.execute(MEASURES, (MOST_SAMPLED,))]


def newest_submission(connection: Connection) -> datetime | None:
    """About the newest submission: of the facts that came last."""
    row = connection.execute(NEWEST_SUBMITTED, (MOST_SAMPLED,)).fetchone()
    return row[0] if row else None


def _frame(connection: Connection, statement: str, values: dict[str, Any]) -> pd.DataFrame:
    cursor = connection.execute(statement, values)
    names = [column.name for column in cursor.description or ()]
    return pd.DataFrame(cursor.fetchall(), columns=names)
