"""Advice, due visits and security alerts of a period, as they were known."""

from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row

from runlore.reports.rules.advice_part import AdvicePart, AdviceRow, SecurityRow, VisitRow

Connection = psycopg.Connection[Any]
MOST = 500
ADVICE: LiteralString = """
WITH period AS (
    SELECT one.id, one.lever, one.measure, issued_at >= %(first)s AS is_given,
        coalesce(bool_or(decision = 'follow'), false) AS is_followed,
        coalesce(bool_or(decision = 'dismiss'), false) AS is_dismissed,
        coalesce(bool_or(decision = 'withdraw'), false) AS is_withdrawn
    FROM runlore.advice_ledger AS one LEFT JOIN runlore.advice_decisions AS decided
        ON advice_id = id AND decided_at >= %(first)s AND decided_at < %(end)s
    WHERE issued_at < %(end)s AND lever <> 'maintenance'
    GROUP BY one.id
    HAVING issued_at >= %(first)s OR count(decision) > 0
)
SELECT split_part(lever, ':', 1) AS lever, measure, count(*) FILTER (WHERE is_given) AS given,
    count(*) FILTER (WHERE is_followed) AS followed,
    count(*) FILTER (WHERE is_dismissed) AS dismissed,
    count(*) FILTER (WHERE is_withdrawn) AS withdrawn,
    coalesce(sum((score -> 'did' ->> 0)::bigint), 0)::bigint AS did_runs,
    coalesce(sum((score -> 'did' ->> 1)::bigint), 0)::bigint AS did_failed,
    coalesce(sum((score -> 'did_not' ->> 0)::bigint), 0)::bigint AS others_runs,
    coalesce(sum((score -> 'did_not' ->> 1)::bigint), 0)::bigint AS others_failed
FROM period LEFT JOIN LATERAL (
    SELECT score FROM runlore.advice_scores
    WHERE advice_id = period.id AND scored_at <= %(known_at)s ORDER BY scored_at DESC LIMIT 1
) AS scored ON measure IN ('failures', 'duration')
GROUP BY 1, 2 ORDER BY 1, 2 LIMIT %(limit)s
"""
VISITS: LiteralString = """
SELECT subject AS scope, issued_at, (evidence ->> 'visit_at')::timestamptz AS visit_at,
    (evidence ->> 'risk_week')::float8 AS risk_week,
    CASE WHEN score IS NULL AND decision IS NOT NULL THEN 'dismissed'
        ELSE coalesce(score ->> 'state', 'open') END AS state,
    (score ->> 'at')::timestamptz AS state_at
FROM runlore.advice_ledger AS one LEFT JOIN runlore.advice_decisions AS decided
    ON decided.advice_id = one.id AND decision = 'dismiss' AND decided_at < %(end)s
LEFT JOIN LATERAL (
    SELECT score, scored_at FROM runlore.advice_scores
    WHERE advice_id = one.id AND scored_at <= %(known_at)s ORDER BY scored_at DESC LIMIT 1
) AS scored ON true
WHERE lever = 'maintenance' AND issued_at < %(end)s AND (
    issued_at >= %(first)s OR scored_at >= %(first)s OR decided_at >= %(first)s
    OR (score IS NULL AND decision IS NULL))
ORDER BY issued_at, one.id LIMIT %(limit)s
"""
SECURITY: LiteralString = """
SELECT coalesce(evidence ->> 'cause', subject) AS cause,
    coalesce(evidence ->> 'level', severity) AS level, what, since,
    CASE WHEN resolved_at <= %(known_at)s THEN resolved_at END AS until,
    coalesce((evidence ->> 'events')::bigint, 0) AS events
FROM runlore.anomalies
WHERE kind = 'security' AND opened_at < %(end)s
    AND (resolved_at IS NULL OR resolved_at >= %(first)s)
ORDER BY since, id LIMIT %(limit)s
"""


def read_advice_part(
    connection: Connection, first: datetime, last: datetime, known_at: datetime
) -> AdvicePart:
    """What was given, due or standing from `first` on, before `last`; each the first MOST."""
    values = {
        "first": first,
        "end": min(last, known_at),
        "known_at": known_at,
        "limit": MOST,
    }

    def rows(statement: LiteralString, row: type[Any]) -> list[Any]:
        with connection.cursor(row_factory=class_row(row)) as cursor:
            return cursor.execute(statement, values).fetchall()

    return AdvicePart(rows(ADVICE, AdviceRow), rows(VISITS, VisitRow), rows(SECURITY, SecurityRow))
