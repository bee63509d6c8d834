"""What was planned of the executions that ended in a period, beside what they took."""

from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from runlore.reports.rules.plan_part import PlannedRow

Connection = psycopg.Connection[Any]
LOOKBACK = timedelta(days=31)  # plans that are older say nothing about the period
PLANNED: LiteralString = """
WITH done AS MATERIALIZED (
    SELECT DISTINCT ON (source, source_id, submitted) source_id, kind, started, finished
    FROM runlore.executions_as_of(%(known_at)s)
    WHERE submitted >= %(since)s AND submitted < %(last)s AND seq <= %(until_seq)s
    ORDER BY source, source_id, submitted, (finished IS NOT NULL) DESC, known_at DESC, seq DESC
), planned AS (
    SELECT plan.recorded_at, plan.id AS plan_id, task.*
    FROM runlore.plans AS plan, jsonb_to_recordset(plan.plan -> 'tasks') AS task(
        id text, kind text, pool text, duration_s float8, slots float8, cost float8,
        end_80 timestamptz)
    WHERE plan.recorded_at >= %(since)s AND plan.recorded_at < %(last)s
        AND plan.recorded_at <= %(known_at)s
), kept AS (
    SELECT DISTINCT ON (done.source_id, done.started) planned.*,
        extract(epoch FROM done.finished - done.started)::float8 AS took_s, done.finished
    FROM done JOIN planned ON planned.id = done.source_id AND planned.kind IN ('', done.kind)
        AND planned.recorded_at <= done.started
    WHERE done.finished >= %(first)s AND done.finished < %(last)s AND planned.duration_s > 0
    ORDER BY done.source_id, done.started, planned.recorded_at DESC, planned.plan_id DESC
)
SELECT pool, count(*) AS tasks, count(*) FILTER (WHERE finished <= end_80) AS in_time,
    sum(duration_s * slots) / 3600 AS planned_h, sum(took_s * slots) / 3600 AS run_h,
    sum(cost) AS planned_cost, sum(cost * took_s / duration_s) AS cost
FROM kept GROUP BY pool ORDER BY pool
"""


def read_planned(
    connection: Connection,
    span: tuple[datetime, datetime],
    known_at: datetime,
    until_seq: int,
) -> list[PlannedRow]:
    """By pool; of several plans of a task, the last one before it started counts."""
    first, last = span
    values = {
        "first": first,
        "last": last,
        "since": first - LOOKBACK,
        "known_at": known_at,
        "until_seq": until_seq,
    }
    with connection.cursor(row_factory=class_row(PlannedRow)) as cursor:
        return cursor.execute(PLANNED, values).fetchall()
