"""Advice, due visits and security alerts for `/metrics`, out of their ledgers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import text

from runlore.store.engine import Store

TIMEOUT = text("SET LOCAL statement_timeout = '2s'")
ADVICE = text("""
WITH newest AS (
    SELECT id, split_part(lever, ':', 1) AS lever, measure,
        coalesce(max(decision) FILTER (WHERE decision = 'withdraw'), max(decision)) AS decision
    FROM runlore.advice_ledger LEFT JOIN runlore.advice_decisions ON advice_id = id
    WHERE issued_at > now() - interval '365 days' GROUP BY id
)
SELECT lever, measure, CASE decision WHEN 'withdraw' THEN 'withdrawn' WHEN 'follow' THEN 'followed'
        WHEN 'dismiss' THEN 'dismissed' ELSE 'open' END AS decided,
    score ->> 'state' AS settled, count(*) AS advice,
    sum((score ->> 'foreseen')::float8) AS foreseen,
    sum((score -> 'did' ->> 0)::float8) AS did, sum((score -> 'did' ->> 1)::float8) AS did_failed,
    sum((score -> 'did_not' ->> 0)::float8) AS did_not,
    sum((score -> 'did_not' ->> 1)::float8) AS did_not_failed
FROM newest LEFT JOIN LATERAL (
    SELECT score FROM runlore.advice_scores
    WHERE advice_id = newest.id ORDER BY scored_at DESC LIMIT 1
) AS scored ON measure IN ('failures', 'duration')
GROUP BY 1, 2, 3, 4
""")
SECURITY = text("""
SELECT coalesce(evidence ->> 'level', severity) AS level, count(*) FROM runlore.anomalies
WHERE kind = 'security' AND resolved_at IS NULL GROUP BY 1
""")
CHECKED = text("SELECT extract(epoch FROM checked_at)::float8 FROM runlore.security_watch")
VISIT = "maintenance"
Labels = TypeVar("Labels", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class AdviceGauges:
    """Of advice and visits issued in the last 365 days.

    advice: (lever, measure, state) -> count. runs: (lever, as advised, outcome) -> runs since then,
    of advice for fewer failures. visits: state -> count. foreseen: failures until each visit was
    made, failed or over. security: level -> open causes. checked_s: when the log was last checked.
    """

    advice: Mapping[tuple[str, str, str], float]
    runs: Mapping[tuple[str, str, str], float]
    visits: Mapping[tuple[str], float]
    foreseen: float
    security: Mapping[tuple[str], int]
    checked_s: float | None


def read_advice_gauges(store: Store) -> AdviceGauges:
    """Raises Unavailable."""
    with store.begin() as connection:
        connection.execute(TIMEOUT)
        rows = connection.execute(ADVICE).all()
        security = {(level,): count for level, count in connection.execute(SECURITY)}
        checked = connection.scalar(CHECKED)
    advice: dict[tuple[str, str, str], float] = {}
    runs: dict[tuple[str, str, str], float] = {}
    visits: dict[tuple[str], float] = {}
    for row in rows:
        if row.lever == VISIT:
            _add(visits, (row.settled or row.decided,), row.advice)
            continue
        _add(advice, (row.lever, row.measure, row.decided), row.advice)
        if row.measure == "failures":
            parts = (("yes", row.did, row.did_failed), ("no", row.did_not, row.did_not_failed))
            for said, whole, failed in parts:
                _add(runs, (row.lever, said, "failed"), failed or 0.0)
                _add(runs, (row.lever, said, "other"), (whole or 0.0) - (failed or 0.0))
    foreseen = sum(row.foreseen or 0.0 for row in rows if row.lever == VISIT)
    return AdviceGauges(advice, runs, visits, foreseen, security, checked)


def _add(counts: dict[Labels, float], labels: Labels, count: float) -> None:
    counts[labels] = counts.get(labels, 0.0) + count
