"""Events of service objectives, counted by steps back from an instant: one statement each."""

from datetime import datetime, timedelta
from typing import Any, LiteralString

import numpy as np

from runlore.kernel.instants import to_us
from runlore.signals.queries import Connection
from runlore.signals.rules.objectives.error_budget import EventCounts
from runlore.specs.objective_spec import (
    CounterEvents,
    ExecutionEvents,
    GaugeEvents,
    ObjectiveEvents,
)

SECOND_US = 1_000_000
LONGEST_RUN = timedelta(days=92)  # from submission to end; what took longer is not counted

# What ended in a short window is estimated as one row; a loop over all corrections takes seconds.
HASHED: LiteralString = "SET LOCAL enable_nestloop = off"
# The newest fact of each execution that was known; a fact of an end that was corrected later is
# none. Step 0 ends at `as_of` and includes it. Of each month, the index of ends is better than that
# of `seq`, hence `seq + 0`.
KNOWN: LiteralString = """
    SELECT {columns} FROM runlore.executions AS fact
    WHERE known_at <= %(as_of)s AND seq + 0 < (SELECT seq FROM first) AND {limits}
    UNION ALL
    SELECT {columns} FROM runlore.withdrawn_executions AS fact
    JOIN runlore.withdrawals AS w ON w.id = fact.withdrawal_id
    WHERE fact.known_at <= %(as_of)s AND w.seq >= (SELECT seq FROM first)
        AND fact.seq < (SELECT seq FROM first) AND {limits}"""
KEY: LiteralString = "fact.source, fact.source_id, fact.submitted, fact.revision"
ENDED: LiteralString = KNOWN.format(
    columns=KEY + ", status, started, finished, outcome",
    limits="""finished > %(since)s AND finished <= %(as_of)s AND submitted > %(submitted_after)s
        AND kind LIKE %(kind)s AND scope LIKE %(scope)s AND fact.actor LIKE %(actor)s
        AND fact.source LIKE %(source)s AND status IN ('succeeded', 'failed', 'partial')""",
)
LATER: LiteralString = KNOWN.format(
    columns=KEY,
    limits="""revision > 0 AND submitted BETWEEN (SELECT min(submitted) FROM ended)
        AND (SELECT max(submitted) FROM ended)""",
)
EXECUTIONS: LiteralString = f"""
WITH first AS MATERIALIZED (
    SELECT coalesce(min(seq), 9223372036854775807) AS seq
    FROM runlore.withdrawals WHERE known_at > %(as_of)s
), ended AS MATERIALIZED (
    SELECT source, source_id, submitted, revision,
        (extract(epoch FROM %(as_of)s - finished) * 1000000)::bigint / %(step_us)s AS step,
        CASE %(good)s
            WHEN 'success' THEN status <> 'succeeded'
            WHEN 'wait' THEN CASE WHEN started >= submitted
                THEN extract(epoch FROM started - submitted) > %(at_most_s)s END
            WHEN 'duration' THEN CASE WHEN finished >= started
                THEN extract(epoch FROM finished - started) > %(at_most_s)s
                WHEN jsonb_typeof(outcome -> 'duration_s') = 'number'
                THEN (outcome ->> 'duration_s')::float8 > %(at_most_s)s END
        END AS is_bad
    FROM ({ENDED}) AS known
), later AS ({LATER})
SELECT step, count(*)::float8, count(*) FILTER (WHERE is_bad)::float8 FROM ended
WHERE is_bad IS NOT NULL AND NOT EXISTS (
    SELECT FROM later WHERE later.revision > ended.revision
        AND (later.source, later.source_id, later.submitted)
            = (ended.source, ended.source_id, ended.submitted))
GROUP BY step
"""  # noqa: S608  (of ours)

POINTS: LiteralString = """
WITH chosen AS MATERIALIZED (
    SELECT source, name, scope, name LIKE %(whole)s AS is_whole, name LIKE %(part)s AS is_part
    FROM runlore.series
    WHERE (name LIKE %(whole)s OR name LIKE %(part)s)
        AND scope LIKE %(scope)s AND source LIKE %(source)s
), points AS (
    SELECT DISTINCT ON (source, name, scope, at) source, name, scope, is_whole, is_part, at, value
    FROM chosen CROSS JOIN LATERAL (
        SELECT at, revision, value FROM runlore.metrics AS m
        WHERE m.source = chosen.source AND m.name = chosen.name AND m.scope = chosen.scope
            AND at > %(since)s AND at <= %(as_of)s AND known_at <= %(as_of)s
        UNION ALL
        SELECT fact.at, fact.revision, fact.value FROM runlore.withdrawn_metrics AS fact
        JOIN runlore.withdrawals AS w ON w.id = fact.withdrawal_id
        WHERE fact.source = chosen.source AND fact.name = chosen.name
            AND fact.scope = chosen.scope AND fact.at > %(since)s AND fact.at <= %(as_of)s
            AND fact.known_at <= %(as_of)s AND w.known_at > %(as_of)s
    ) AS known
    ORDER BY source, name, scope, at, revision DESC
)"""
GAUGES: LiteralString = f"""{POINTS}
SELECT (extract(epoch FROM %(as_of)s - at) * 1000000)::bigint / %(step_us)s AS step,
    count(*)::float8, count(*) FILTER (WHERE NOT value BETWEEN %(lower)s AND %(upper)s)::float8
FROM points GROUP BY step
"""  # noqa: S608  (of ours)
# What was counted between two points is spread evenly over the steps between them.
COUNTERS: LiteralString = f"""{POINTS}, spans AS (
    SELECT is_whole, is_part,
        (extract(epoch FROM %(as_of)s - at) * 1000000)::bigint AS end_us,
        (extract(epoch FROM %(as_of)s - lag(at) OVER own) * 1000000)::bigint AS begin_us,
        CASE WHEN value < lag(value) OVER own THEN value ELSE value - lag(value) OVER own END
            AS growth
    FROM points WINDOW own AS (PARTITION BY source, name, scope ORDER BY at)
)
SELECT step, coalesce(sum(share * growth) FILTER (WHERE is_whole), 0),
    coalesce(sum(share * growth) FILTER (WHERE is_part), 0)
FROM spans
CROSS JOIN LATERAL generate_series(end_us / %(step_us)s, (begin_us - 1) / %(step_us)s) AS step
CROSS JOIN LATERAL (SELECT (least(begin_us, (step + 1) * %(step_us)s)
    - greatest(end_us, step * %(step_us)s))::float8 / (begin_us - end_us) AS share) AS overlap
GROUP BY step
"""  # noqa: S608  (of ours)


def read_counts(
    connection: Connection, events: ObjectiveEvents, as_of: datetime, span_s: int, step_s: int
) -> EventCounts:
    """The events of the `span_s` before an instant, as they were known then.

    span_s: whole steps. Executions count at their end, points of gauges at their instant.
    """
    values: dict[str, Any] = {
        "as_of": as_of,
        "since": as_of - timedelta(seconds=span_s),
        "step_us": step_s * SECOND_US,
        "scope": like(events.scope),
        "source": like(events.source),
    }
    match events:
        case ExecutionEvents():
            statement = EXECUTIONS
            values |= {"kind": like(events.kind), "actor": like(events.actor)}
            values |= {"submitted_after": values["since"] - LONGEST_RUN}
            values |= {"good": events.good, "at_most_s": events.at_most_s}
        case CounterEvents():
            statement = COUNTERS
            values |= {"whole": like(events.total), "part": like(events.good or events.bad)}
        case GaugeEvents():
            statement = GAUGES
            values |= {"whole": like(events.series), "part": like(events.series)}
            values |= {"lower": events.lower, "upper": events.upper}
    with connection.transaction():
        if statement is EXECUTIONS:
            connection.execute(HASHED)
        rows = np.array(connection.execute(statement, values).fetchall(), np.float64)
    rows = rows.reshape(-1, 3)
    total, part = (np.zeros(span_s // step_s) for _ in range(2))
    steps = len(total) - 1 - rows[:, 0].astype(np.int64)
    total[steps], part[steps] = rows[:, 1], rows[:, 2]
    is_good = isinstance(events, CounterEvents) and bool(events.good)
    bad = np.clip(total - part if is_good else part, 0.0, total)
    return EventCounts(to_us(as_of), step_s, total, bad)


def like(pattern: str) -> str:
    """A pattern with `*` and `?` as PostgreSQL's LIKE takes it.

    >>> like("http_requests*")
    'http\\\\_requests%'
    """
    for sign in ("\\", "%", "_"):
        pattern = pattern.replace(sign, f"\\{sign}")
    return pattern.replace("*", "%").replace("?", "_")
