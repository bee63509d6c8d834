"""Executions of periods, added up in the database as they were known at an instant.

An execution belongs to the period of its submission. For the periods to be alike, each is seen as
long after its own end as the newest one: what ended later is still running there. Only the months
of the periods are read, so the cost does not grow with the rest of the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import psycopg

from runlore.reports.rules.request import WorkFilter
from runlore.serving.queries import outcomes

ENDED = "('succeeded', 'failed', 'cancelled', 'partial')"
# The facts of the periods, the newest of each execution.
NEWEST = f"""
newest AS MATERIALIZED (
    SELECT DISTINCT ON (fact.source, fact.source_id, fact.submitted)
        fact.source, fact.source_id, fact.submitted, fact.actor, fact.kind, fact.scope, fact.status,
        fact.started, fact.finished, fact.outcome, fact.known_at
    FROM runlore.executions_as_of(%(known_at)s) AS fact
    WHERE fact.submitted >= %(first)s AND fact.submitted < %(last)s AND fact.seq <= %(until_seq)s
    ORDER BY fact.source, fact.source_id, fact.submitted,
        fact.status IN {ENDED} DESC, fact.known_at DESC, fact.seq DESC
)"""  # noqa: S608  (constants of ours)
RUNS = f"""
{NEWEST}, run AS MATERIALIZED (
    SELECT came.submitted, (came.submitted AT TIME ZONE %(zone)s)::date AS day,
        came.actor, came.kind, came.scope,
        width_bucket(came.submitted, %(edges)s::timestamptz[]) - 1 AS period,
        came.status, {outcomes.SECONDS} AS run_s,
        CASE WHEN jsonb_typeof(came.outcome -> %(cost)s::text) = 'number'
            THEN CAST(came.outcome -> %(cost)s::text AS float8) END AS cost,
        came.status IN {ENDED} AND coalesce(came.finished, came.known_at)
            <= (%(cuts)s::timestamptz[])[width_bucket(came.submitted, %(edges)s::timestamptz[])]
            AS ended
    FROM newest AS came
    WHERE (%(scope)s::text IS NULL OR came.scope = %(scope)s)
        AND (%(kind)s::text IS NULL OR came.kind = %(kind)s)
        AND (%(actor)s::text IS NULL OR came.actor = %(actor)s)
)"""  # noqa: S608  (constants of ours)
SUMS = """
count(*) AS executions, count(*) FILTER (WHERE ended) AS finished,
count(*) FILTER (WHERE ended AND status <> 'succeeded') AS failed,
coalesce(sum(run_s) FILTER (WHERE ended), 0) AS run_s,
coalesce(sum(run_s) FILTER (WHERE ended AND status <> 'succeeded'), 0) AS failed_s,
count(*) FILTER (WHERE ended AND run_s IS NULL) AS unmeasured,
coalesce(sum(cost) FILTER (WHERE ended), 0) AS cost,
coalesce(sum(cost) FILTER (WHERE ended AND status <> 'succeeded'), 0) AS failed_cost,
count(cost) FILTER (WHERE ended) AS costed
"""
BY_DAY_AND_GROUP = f"""
WITH {RUNS}
SELECT period, day, scope, kind, actor, CASE WHEN ended THEN status ELSE 'running' END AS how,
    GROUPING(scope, kind, actor, CASE WHEN ended THEN status ELSE 'running' END) AS part, {SUMS}
FROM run GROUP BY GROUPING SETS (
    (period, day), (period, day, scope), (period, day, kind), (period, day, actor),
    (period, CASE WHEN ended THEN status ELSE 'running' END)
)
ORDER BY period, part, day, scope, kind, actor, how
"""  # noqa: S608  (constants of ours)
BY_PERIOD = f"""
WITH {RUNS} SELECT period, min(submitted) AS first_at, {SUMS} FROM run GROUP BY period ORDER BY 1
"""  # noqa: S608  (constants of ours)
PARTS = {0b0111: "scope", 0b1011: "kind", 0b1101: "actor", 0b1110: "how", 0b1111: "day"}
NEWEST_FACT = """
SELECT coalesce(max(seq), 0) FROM (
    SELECT seq FROM runlore.executions ORDER BY seq DESC LIMIT 1
) AS newest
"""
MEDIANS = f"""
WITH {RUNS}
SELECT kind, GROUPING(kind) AS is_all, percentile_cont(0.5) WITHIN GROUP (ORDER BY run_s)
FROM run WHERE ended AND run_s IS NOT NULL GROUP BY GROUPING SETS ((kind), ()) ORDER BY 2, 1
"""  # noqa: S608  (constants of ours)

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class PeriodQuery:
    """Periods that follow each other: their edges, one more than there are periods.

    cuts: until when an end counts, of each period. cost: the measured result that is a cost.
    """

    edges: Sequence[datetime]
    cuts: Sequence[datetime]
    zone: str
    work: WorkFilter
    known_at: datetime
    until_seq: int
    cost: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "edges": list(self.edges[:-1]),
            "first": self.edges[0],
            "last": self.edges[-1],
            "cuts": list(self.cuts),
            "zone": self.zone,
            "scope": self.work.scope,
            "kind": self.work.kind,
            "actor": self.work.actor,
            "known_at": self.known_at,
            "until_seq": self.until_seq,
            "cost": self.cost,
        }


def newest_fact(connection: Connection) -> int:
    """The number of the newest fact; 0: there is none."""
    row = connection.execute(NEWEST_FACT).fetchone()
    return int(row[0]) if row else 0


def read_days(connection: Connection, query: PeriodQuery) -> pd.DataFrame:
    """Sums by period and day, and by one more part of each: scope, kind, actor; or by status.

    Column `part` names what a row is about: day, scope, kind, actor or how.
    """
    frame = _frame(connection, BY_DAY_AND_GROUP, query)
    frame["part"] = frame["part"].map(PARTS)
    return frame


def read_periods(connection: Connection, query: PeriodQuery) -> pd.DataFrame:
    """Sums by period, with the first submission of each; periods without work are left out."""
    return _frame(connection, BY_PERIOD, query)


def read_medians(connection: Connection, query: PeriodQuery) -> tuple[dict[str, float], float]:
    """Half of the runs of a kind took less; and of all kinds, NaN where nothing ended."""
    rows = connection.execute(MEDIANS, query.parameters).fetchall()
    of_all = next((float(value) for _, is_all, value in rows if is_all and value is not None), None)
    medians = {kind: float(value) for kind, is_all, value in rows if not is_all}
    return medians, float("nan") if of_all is None else of_all


def _frame(connection: Connection, statement: str, query: PeriodQuery) -> pd.DataFrame:
    cursor = connection.execute(statement, query.parameters)
    names = [column.name for column in cursor.description or ()]
    frame = pd.DataFrame(cursor.fetchall(), columns=names)
    sums = {name: float for name in ("run_s", "failed_s", "cost", "failed_cost") if name in frame}
    return frame.astype(sums)


def days_between(first: date, after: date) -> list[date]:
    return [day.date() for day in pd.date_range(first, after, inclusive="left")]
